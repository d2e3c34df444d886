package backup_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/backup"
	"jangbu/events/eventstest/services"
	"jangbu/events/pglog"
	"jangbu/events/sqlitelog"
	"jangbu/events/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ignore(string, events.Position, events.Position) {}

func unrecorded(context.Context) error { return nil }

// place is a log and its keys.
type place struct {
	log  events.Log
	keys events.Keys
}

// newFiles opens a log and keys in a new directory.
func newFiles(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(dir, "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	keys, err := sqlitelog.OpenKeys(t.Context(), filepath.Join(dir, "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	return place{log, keys}
}

// newDatabase opens a log and keys in a new database.
func newDatabase(t *testing.T) place {
	t.Helper()
	url := services.Database(t)
	log, err := pglog.Open(t.Context(), url, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	keys, err := pglog.OpenKeys(t.Context(), url, pglog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return place{log, keys}
}

// draft returns the registration of a record, with a pseudonym.
func draft(t testing.TB, campaign events.Campaign, offset int64) events.Draft {
	t.Helper()
	record := events.Record{Topic: "participant-registered", Offset: offset, Timestamp: noon().Add(time.Duration(offset) * time.Second), Value: fmt.Appendf(nil,
		`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-5678","channel":"kakao"}`, offset, campaign)}
	d, err := events.Decode(events.TypeParticipantRegistered, record, record.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	d.SetPseudonym(sha256.Sum256(record.Value))
	return d.Draft
}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func letter(offset int64) events.DeadLetter {
	id := sha256.Sum256(fmt.Append(nil, offset))
	return events.DeadLetter{
		ID: events.ID(id[:16]), Topic: "participant-registered", Offset: offset, Timestamp: noon(),
		Reason: events.ReasonMalformed, Detail: "participantId: is missing (빠짐)", Sealed: []byte{0, 255, byte(offset)},
	}
}

func reading(next int64) events.Reading {
	return events.Reading{Source: events.Source{Topic: "participant-registered", TopicID: events.TopicID{7}}, Next: next}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill gives a place some of everything: events of all types, letters, sources, a gap, keys of
// which one was destroyed, an erased person, withdrawn rights, accesses.
func fill(t *testing.T, p place, registrations int) {
	t.Helper()
	ctx := t.Context()
	g, err := synthetic.New(synthetic.Config{Seed: 1, Campaigns: 3, Start: noon(), Interval: 1501 * time.Microsecond})
	must(t, err)
	records := append(append(g.Campaigns(), g.Stats(noon())...), g.Distributions()...)
	for range registrations {
		records = append(records, g.Next())
	}
	var drafts []events.Draft
	for i, record := range records {
		typ, _ := events.TypeNamed(record.Topic)
		d, err := events.Decode(typ, record, record.Timestamp)
		must(t, err)
		if typ == events.TypeParticipantRegistered {
			d.SetPseudonym(sha256.Sum256(fmt.Append(nil, i)))
		}
		d.Origin.Offset = int64(i)
		drafts = append(drafts, d.Draft)
	}
	for some := range slices.Chunk(drafts, 1_000) {
		_, err := p.log.Append(ctx, some)
		must(t, err)
	}
	var letters []events.DeadLetter
	for i := range int64(70) {
		letters = append(letters, letter(i))
	}
	must(t, p.log.DeadLetters().Bury(ctx, letters, reading(70)))
	_, err = p.log.DeadLetters().Discard(ctx, []events.ID{letters[3].ID}, events.Discarded{By: "김@여기", Why: "OPS-1"})
	must(t, err)
	must(t, p.log.Sources().Skip(ctx, events.Source{Topic: "event-created", Partition: 3}, 25, 12))
	campaign := records[0].Key
	wrapped := map[events.Campaign][]byte{events.ReservedKey: {1, 2}}
	for i := range 1_100 {
		wrapped[events.Campaign(fmt.Sprintf("evt-%d", i))] = []byte{byte(i), 1}
	}
	must(t, p.keys.AddKeys(ctx, nil, wrapped))
	must(t, p.keys.DestroyKey(ctx, "evt-7"))
	read, err := p.log.Read(ctx, 0, 1_000)
	must(t, err)
	for _, r := range read {
		if r.Event.Type() == events.TypeParticipantRegistered && string(r.Event.Subject()) == string(campaign) {
			_, err := p.log.Erasures().Erase(ctx, events.Erasure{Campaign: r.Event.Subject(), Positions: []events.Position{r.Position}, Who: "me@here", Why: "DSR-1"})
			must(t, err)
			break
		}
	}
	for _, name := range []string{"kim", "lee@example.com"} {
		subject, err := events.NewSubjectKey([32]byte{1}).Subject(name)
		must(t, err)
		_, err = p.log.Rights().Withdraw(ctx, events.WithdrawnRight{Subject: subject, Who: "me@here", Why: "left"})
		must(t, err)
	}
	for i := range 3 {
		must(t, p.log.Accesses().Add(ctx, events.Access{Command: "events export", Subject: fmt.Sprint(i), Who: "me@here"}))
	}
}

// held is all that a place holds.
type held struct {
	Events   []events.Recorded
	Link     events.Link
	Letters  []events.DeadLetter
	Sources  []events.SourceState
	Erasures []events.Erasure
	Accesses []events.Access
	Rights   []events.WithdrawnRight
	Wrapped  map[events.Campaign][]byte
	Added    map[events.Campaign]time.Time
	Totals   events.Totals
}

func heldBy(t *testing.T, p place) (h held) {
	t.Helper()
	ctx := t.Context()
	var err error
	for after := events.Position(0); ; after = h.Events[len(h.Events)-1].Position {
		read, err := p.log.Read(ctx, after, 10_000)
		must(t, err)
		if len(read) == 0 {
			break
		}
		must(t, p.log.Sources().Trace(ctx, read))
		h.Events = append(h.Events, read...)
	}
	h.Totals, err = p.log.Totals(ctx)
	must(t, err)
	h.Link, _, err = p.log.Chain().Link(ctx, h.Totals.Head)
	must(t, err)
	h.Letters, err = p.log.DeadLetters().List(ctx, events.DeadLetterQuery{Limit: 1_000})
	must(t, err)
	h.Sources, err = p.log.Sources().List(ctx)
	must(t, err)
	h.Erasures, err = p.log.Erasures().List(ctx, "")
	must(t, err)
	h.Accesses, err = p.log.Accesses().List(ctx, 0, 1_000)
	must(t, err)
	h.Rights, err = p.log.Rights().Withdrawn(ctx, time.Time{})
	must(t, err)
	campaigns, err := p.keys.Campaigns(ctx, "", 10_000)
	must(t, err)
	h.Wrapped, err = p.keys.Keys(ctx, append(campaigns, events.ReservedKey))
	must(t, err)
	h.Added, err = p.keys.Added(ctx, append(campaigns, events.ReservedKey))
	must(t, err)
	return h
}

func difference(want, got held) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(events.Subject{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(events.Access{}, "ID"))
}

// written backs a place up into a new directory.
func written(t *testing.T, p place) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "backup")
	must(t, backup.Create(dir))
	_, err := backup.Write(t.Context(), dir, p.log, p.keys, "v1", ignore)
	must(t, err)
	return dir
}

// restore restores a backup, with what is verified before.
func restore(ctx context.Context, dir string, to place, step backup.Step) error {
	b, err := backup.Open(dir)
	if err != nil {
		return err
	}
	if err := b.Verify(ctx, ignore); err != nil {
		return err
	}
	return b.Restore(ctx, to.log, to.keys, unrecorded, step)
}

// TestEverythingComesBack: what is restored is as it was, on either database, from either.
func TestEverythingComesBack(t *testing.T) {
	t.Parallel()
	from := newFiles(t)
	fill(t, from, 300)
	database := newDatabase(t)
	first := written(t, from)
	must(t, restore(t.Context(), first, database, ignore))
	want := heldBy(t, from)
	if diff := difference(want, heldBy(t, database)); diff != "" {
		t.Errorf("from SQLite to PostgreSQL (-want +got):\n%s", diff)
	}
	back := newFiles(t)
	second := written(t, database)
	must(t, restore(t.Context(), second, back, ignore))
	if diff := difference(want, heldBy(t, back)); diff != "" {
		t.Errorf("from PostgreSQL to SQLite (-want +got):\n%s", diff)
	}
	for _, dir := range []string{first, second} {
		must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			must(t, err)
			info, err := e.Info()
			must(t, err)
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v: others may read it", path, info.Mode())
			}
			return nil
		}))
	}
	// What is appended next follows.
	_, err := back.log.Append(t.Context(), []events.Draft{draft(t, "evt-new", 9_000)})
	must(t, err)
}

// TestNothingComesBack: a log that holds nothing can be backed up and restored.
func TestNothingComesBack(t *testing.T) {
	t.Parallel()
	from, to := newFiles(t), newFiles(t)
	must(t, restore(t.Context(), written(t, from), to, ignore))
	if diff := difference(heldBy(t, from), heldBy(t, to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDamageIsRefused damages each file of a backup: nothing is written.
func TestDamageIsRefused(t *testing.T) {
	t.Parallel()
	from, to := newFiles(t), newFiles(t)
	fill(t, from, 60)
	whole := written(t, from)
	files, err := os.ReadDir(whole)
	must(t, err)
	if len(files) != 8 {
		t.Errorf("the backup has %d files: %v", len(files), files)
	}
	for _, f := range files {
		for how, change := range map[string]func(path string, b []byte) error{
			"gone":    func(path string, _ []byte) error { return os.Remove(path) },
			"cut":     func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)-2], 0o600) },
			"changed": func(path string, b []byte) error { b[len(b)/2] ^= 1; return os.WriteFile(path, b, 0o600) },
		} {
			t.Run(f.Name()+" is "+how, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "backup")
				must(t, os.CopyFS(dir, os.DirFS(whole)))
				path := filepath.Join(dir, f.Name())
				b, err := os.ReadFile(path)
				must(t, err)
				must(t, change(path, b))
				err = restore(t.Context(), dir, to, ignore)
				switch want := (map[bool]error{true: backup.ErrIncomplete, false: backup.ErrDamaged})[f.Name() == "manifest.json"]; {
				case err == nil:
					t.Error("it is restored")
				case how == "gone" && f.Name() == "manifest.json" && !errors.Is(err, want), how == "cut" && f.Name() != "manifest.json" && !errors.Is(err, want):
					t.Errorf("got %v, want %v", err, want)
				}
			})
		}
	}
	if diff := difference(heldBy(t, newFiles(t)), heldBy(t, to)); diff != "" {
		t.Errorf("something was written (-want +got):\n%s", diff)
	}
}

// TestNothingElseIsWrittenOver: a backup is restored into nothing that holds anything.
func TestNothingElseIsWrittenOver(t *testing.T) {
	t.Parallel()
	from := newFiles(t)
	_, err := from.log.Append(t.Context(), []events.Draft{draft(t, "evt-1", 1)})
	must(t, err)
	dir := written(t, from)
	for what, hold := range map[string]func(p place) error{
		"an event": func(p place) error {
			_, err := p.log.Append(t.Context(), []events.Draft{draft(t, "evt-1", 1)})
			return err
		},
		"a dead letter": func(p place) error { return p.log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(1)}) },
		"a source":      func(p place) error { return p.log.Sources().Skip(t.Context(), reading(1).Source, 1, 1) },
		"a key":         func(p place) error { return p.keys.AddKeys(t.Context(), nil, map[events.Campaign][]byte{"evt-1": {1}}) },
		"the reserved key": func(p place) error {
			return p.keys.AddKeys(t.Context(), nil, map[events.Campaign][]byte{events.ReservedKey: {1}})
		},
		"a part of another one": func(p place) error { return p.log.Restore(t.Context(), nil, 12) },
	} {
		t.Run(what, func(t *testing.T) {
			to := newFiles(t)
			must(t, hold(to))
			before := heldBy(t, to)
			if err := restore(t.Context(), dir, to, ignore); !errors.Is(err, backup.ErrNotEmpty) {
				t.Errorf("got %v, want %v", err, backup.ErrNotEmpty)
			}
			if diff := difference(before, heldBy(t, to)); diff != "" {
				t.Errorf("something was written (-want +got):\n%s", diff)
			}
		})
	}
	if err := backup.Create(dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("a backup is begun in the place of another one: %v", err)
	}
}

// TestInterrupted: of a backup that was interrupted nothing is left, and a restore that was
// interrupted leaves a log that takes nothing else until the same restore has gone on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	from, to := newFiles(t), newFiles(t)
	fill(t, from, 5_200)
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "backup")
	must(t, backup.Create(dir))
	if _, err := backup.Write(ctx, dir, from.log, from.keys, "v1", func(string, events.Position, events.Position) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, err := backup.Open(dir); !errors.Is(err, backup.ErrIncomplete) {
		t.Errorf("Open = %v, want %v", err, backup.ErrIncomplete)
	}

	dir = written(t, from)
	ctx, cancel = context.WithCancel(t.Context())
	err := restore(ctx, dir, to, func(string, events.Position, events.Position) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Restore = %v, want %v", err, context.Canceled)
	}
	if _, err := to.log.Append(t.Context(), []events.Draft{draft(t, "evt-new", 9_000)}); !errors.Is(err, events.ErrUnfinished) {
		t.Errorf("Append = %v, want %v", err, events.ErrUnfinished)
	}
	must(t, restore(t.Context(), dir, to, ignore))
	if diff := difference(heldBy(t, from), heldBy(t, to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAccessesOfManyPages: records of accesses come back in their order, though a log lists the
// newest first.
func TestAccessesOfManyPages(t *testing.T) {
	t.Parallel()
	from, to := newFiles(t), newFiles(t)
	var all []events.Access
	for i := range 1_050 {
		all = append(all, events.Access{At: noon().Add(time.Duration(i)), Command: "events show", Subject: fmt.Sprint(i), Who: "me@here"})
	}
	must(t, from.log.RestoreBeside(t.Context(), events.Beside{Accesses: all}))
	must(t, restore(t.Context(), written(t, from), to, ignore))
	got, err := to.log.Accesses().List(t.Context(), 0, 3_000)
	must(t, err)
	slices.Reverse(got)
	for i := range all {
		if i >= len(got) || got[i].Subject != all[i].Subject {
			t.Fatalf("%d of %d are there, and %d is another one", len(got), len(all), i)
		}
	}
}

// TestErasedMeanwhile: a copy during which a person was erased is begun anew.
func TestErasedMeanwhile(t *testing.T) {
	t.Parallel()
	from := newFiles(t)
	_, err := from.log.Append(t.Context(), []events.Draft{draft(t, "evt-1", 1), draft(t, "evt-1", 2), draft(t, "evt-1", 3), draft(t, "evt-1", 4)})
	must(t, err)
	write := func(position, through events.Position) (string, error) {
		dir := filepath.Join(t.TempDir(), "backup")
		must(t, backup.Create(dir))
		_, err := backup.Write(t.Context(), dir, from.log, from.keys, "v1", func(string, events.Position, events.Position) {
			if position <= through { // after the events were read
				_, err := from.log.Erasures().Erase(t.Context(), events.Erasure{Campaign: "evt-1", Positions: []events.Position{position}, Who: "me@here", Why: "DSR-1"})
				must(t, err)
				position++
			}
		})
		return dir, err
	}
	dir, err := write(1, 1)
	must(t, err)
	to := newFiles(t)
	must(t, restore(t.Context(), dir, to, ignore))
	if restored := heldBy(t, to); len(restored.Erasures) != 1 || !restored.Events[0].Erased() {
		t.Errorf("the erased person is in the backup: %+v", restored.Events[0])
	}
	if _, err := write(2, 4); !errors.Is(err, backup.ErrErasing) || !strings.Contains(err.Error(), "begin the backup again") {
		t.Errorf("Write = %v, want %v", err, backup.ErrErasing)
	}
}
