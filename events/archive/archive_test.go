package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/archive"
	"jangbu/events/sqlitelog"
	"jangbu/events/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ignore(events.Position) {}

// openLog opens a log in a new directory.
func openLog(t *testing.T) *sqlitelog.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// fullLog returns a log of seeded traffic of all types: three campaigns with their
// distributions and reports, and the given number of registrations.
func fullLog(t *testing.T, registrations int) *sqlitelog.Log {
	t.Helper()
	log := openLog(t)
	for some := range slices.Chunk(drafts(t, 1, registrations), 1_000) { // recorded at many times
		if _, err := log.Append(t.Context(), some); err != nil {
			t.Fatal(err)
		}
	}
	return log
}

func drafts(t testing.TB, seed uint64, registrations int) []events.Draft {
	t.Helper()
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	g, err := synthetic.New(synthetic.Config{Seed: seed, Campaigns: 3, Start: start, Interval: 1501 * time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	records := append(append(g.Campaigns(), g.Stats(start)...), g.Distributions()...)
	for range registrations {
		records = append(records, g.Next())
	}
	all := make([]events.Draft, 0, len(records))
	for i, record := range records {
		typ, _ := events.TypeNamed(record.Topic)
		d, err := events.Decode(typ, record, record.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		if typ == events.TypeParticipantRegistered && i%3 > 0 { // the key of every third one was destroyed
			d.SetPseudonym(sha256.Sum256(fmt.Append(nil, i)))
		}
		if d.Origin.Offset = int64(i); i%7 == 0 { // by a command
			d.Origin = events.Origin{}
		}
		all = append(all, d.Draft)
	}
	return all
}

// contents returns all events of a log.
func contents(t *testing.T, log events.Log) []events.Recorded {
	t.Helper()
	read, err := log.Read(t.Context(), 0, 1_000_000)
	if err == nil {
		err = log.Sources().Trace(t.Context(), read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// difference is cmp.Diff, which takes seconds to find that thousands are equal.
func difference[T any](want, got T) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func head(t *testing.T, log events.Log) events.Position {
	t.Helper()
	totals, err := log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return totals.Head
}

// exported writes the whole log to a new file of that name.
func exported(t *testing.T, log events.Log, name string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	w, err := archive.Create(path, events.Link{})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, log, w, 1)
	return path
}

// killed leaves the files of an export that was killed after position through.
func killed(t *testing.T, log events.Log, path string, through events.Position) {
	t.Helper()
	w, err := archive.Create(path, events.Link{})
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Export(t.Context(), log, w, 1, through, ignore); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func finish(t *testing.T, log events.Log, w *archive.Writer, from events.Position) archive.Manifest {
	t.Helper()
	if err := archive.Export(t.Context(), log, w, from, head(t, log), ignore); err != nil {
		t.Fatal(err)
	}
	m, err := w.Finish(t.Context(), time.Date(2026, 11, 24, 1, 2, 3, 4, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFinishIsInterrupted interrupts an export at its last step and resumes it: the
// result is that of an uninterrupted one.
func TestFinishIsInterrupted(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 1_500)
	for _, name := range []string{"log.jsonl.zst", "log.parquet"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), name)
			w, err := archive.Create(path, events.Link{})
			if err != nil {
				t.Fatal(err)
			}
			if err := archive.Export(t.Context(), log, w, 1, head(t, log), ignore); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := w.Finish(ctx, time.Now()); !errors.Is(err, context.Canceled) {
				t.Errorf("Finish = %v; want canceled", err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the export has its name already: %v", err)
			}
			if w, err = archive.Resume(path, events.Link{}); err != nil {
				t.Fatal(err)
			}
			finish(t, log, w, 1)
			other := openLog(t)
			if _, err := imported(t.Context(), other, path); err != nil {
				t.Fatal(err)
			}
			if diff := difference(contents(t, log), contents(t, other)); diff != "" {
				t.Errorf("(-exported +imported):\n%s", diff)
			}
		})
	}
}

func imported(ctx context.Context, log events.Log, path string) (present int64, err error) {
	r, err := archive.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	return archive.Import(ctx, log, r, ignore)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"log.jsonl", "log.jsonl.zst", "log.parquet"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, other := fullLog(t, 5_500), openLog(t)
			path := exported(t, log, name)
			present, err := imported(t.Context(), other, path)
			if err != nil || present != 0 {
				t.Fatalf("import: %d present, %v", present, err)
			}
			if diff := difference(contents(t, log), contents(t, other)); diff != "" {
				t.Errorf("(-exported +imported):\n%s", diff)
			}
			again := exported(t, other, "again.jsonl.zst")
			if present, err := imported(t.Context(), other, again); err != nil || present != int64(head(t, log)) {
				t.Errorf("imported again: %d present of %d, %v", present, head(t, log), err)
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
			if want := []string{path, archive.ManifestPath(path)}; err != nil || !cmp.Equal(left, want) {
				t.Errorf("the directory holds %v, %v; want %v", left, err, want)
			}
		})
	}
}

// TestImportGoesOn imports after an import that was killed after each number of
// events, and into a log that holds other events.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 10)
	path, all := exported(t, log, "log.jsonl"), drafts(t, 1, 10)
	recorded := contents(t, log)
	for n := range len(all) + 1 {
		half := openLog(t)
		if err := half.Restore(t.Context(), recorded[:n], events.Position(len(recorded))); err != nil {
			t.Fatal(err)
		}
		present, err := imported(t.Context(), half, path)
		if err != nil || present != int64(n) {
			t.Fatalf("after %d: %d present, %v", n, present, err)
		}
		if diff := difference(contents(t, log), contents(t, half)); diff != "" {
			t.Errorf("after %d (-exported +imported):\n%s", n, diff)
		}
	}
	for name, held := range map[string][]events.Draft{
		"other events":                  drafts(t, 2, 3),
		"another order":                 {all[1], all[0]},
		"one more":                      append(slices.Clip(all), drafts(t, 2, 1)[0]),
		"the beginning, then something": append(all[:2:2], drafts(t, 2, 1)[0]),
		"the beginning, recorded later": all[:2],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := openLog(t)
			if _, err := other.Append(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			_, err := imported(t.Context(), other, path)
			wantError(t, err, archive.ErrNotEmpty)
			if got := head(t, other); got != events.Position(len(held)) {
				t.Errorf("the head is at %d, not at %d", got, len(held))
			}
		})
	}
}

// TestResumeAtEveryByte cuts a partial file at every byte of its last two lines,
// with the bytes after the cut that a crash may leave.
func TestResumeAtEveryByte(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 2)
	whole, err := os.ReadFile(exported(t, log, "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1] // behind the last end is nothing
	start := len(whole) - len(lines[len(lines)-1]) - len(lines[len(lines)-2])
	for _, torn := range []string{"", "\x00\x00", "\x00\n{}\n"} {
		finished := make(map[int]bool) // one of those that are left with as many lines will do
		for cut := start; cut <= len(whole); cut++ {
			path := filepath.Join(t.TempDir(), "log.jsonl")
			if err := os.WriteFile(archive.PartialPath(path), append(whole[:cut:cut], torn...), 0o600); err != nil {
				t.Fatal(err)
			}
			w, err := archive.Resume(path, events.Link{})
			if err != nil {
				t.Fatal(err)
			}
			_, last, _ := w.Ends()
			n := bytes.Count(whole[:cut], []byte("\n"))
			if last.Position != events.Position(n) {
				t.Errorf("cut at byte %d: %d whole lines of %d", cut, last.Position, n)
			}
			if left, err := os.ReadFile(archive.PartialPath(path)); err != nil || !bytes.Equal(left, bytes.Join(lines[:n], nil)) {
				t.Errorf("cut at byte %d: not cut back to whole lines, %v:\n%s", cut, err, left)
			}
			if finished[n] {
				_ = w.Close()
				continue
			}
			finished[n] = true
			finish(t, log, w, 1)
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
				t.Fatalf("cut at byte %d: another file came of it, %v:\n%s", cut, err, got)
			}
		}
	}
}

// TestResumeOfAnotherLog: an export of one log is not resumed from another.
func TestResumeOfAnotherLog(t *testing.T) {
	t.Parallel()
	log, path := fullLog(t, 5), filepath.Join(t.TempDir(), "log.jsonl")
	killed(t, log, path, 3)
	w, err := archive.Resume(path, events.Link{})
	if err != nil {
		t.Fatal(err)
	}
	other := openLog(t)
	if _, err := other.Append(t.Context(), drafts(t, 2, 5)); err != nil {
		t.Fatal(err)
	}
	wantError(t, archive.Export(t.Context(), other, w, 1, 5, ignore), archive.ErrOtherLog)
	for _, stretch := range [][2]events.Position{{2, 5}, {1, 2}} {
		if err := archive.Export(t.Context(), log, w, stretch[0], stretch[1], ignore); err == nil {
			t.Errorf("1 to 3 was gone on with as a beginning of %v", stretch)
		}
	}
	if m := finish(t, log, w, 1); m.First != 1 || m.Last != head(t, log) {
		t.Errorf("manifest: %+v", m)
	}
}

// TestAbsurdTimeOfAnEarlierLog: an earlier version took a Kafka timestamp in microseconds for
// milliseconds. Its log can be exported, and the export imported.
func TestAbsurdTimeOfAnEarlierLog(t *testing.T) {
	t.Parallel()
	log := fullLog(t, 10)
	absurd := drafts(t, 99, 1)[0]
	absurd.OccurredAt = time.Date(58879, 2, 28, 23, 59, 59, 999999000, time.UTC)
	if _, err := log.Append(t.Context(), []events.Draft{absurd}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"log.jsonl", "log.jsonl.zst", "log.parquet"} {
		path := exported(t, log, name)
		if name == "log.parquet" {
			continue // for others
		}
		other := openLog(t)
		if _, err := imported(t.Context(), other, path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := difference(contents(t, log), contents(t, other)); diff != "" {
			t.Errorf("%s (-exported +imported):\n%s", name, diff)
		}
	}
}
