package runner_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// meter is a log that counts the events of streams that are read.
type meter struct {
	events.Log
	read atomic.Int64
}

func (m *meter) ReadStream(ctx context.Context, s events.Stream) ([]events.Recorded, error) {
	read, err := m.Log.ReadStream(ctx, s)
	m.read.Add(int64(len(read)))
	return read, err
}

// asked is a look back whose answer was that of a replay.
type asked struct {
	campaign events.Campaign
	at       events.Position
	read     int64 // how many events it read
}

// askPast looks back at a random moment, as a process that has just started, and compares the
// answer with a replay.
func (b *verifyBundle) askPast(t *testing.T, random *rand.Rand, c events.Campaign, head events.Position) asked {
	t.Helper()
	log := &meter{Log: b.log}
	moment := readmodel.Moment{Position: 1 + events.Position(random.Int64N(int64(head)))}
	cfg := replay.Config{Log: b.log, Projections: projections.All(), Campaign: c, Through: moment.Position}
	if random.IntN(2) == 0 {
		read, err := b.log.Read(t.Context(), moment.Position-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		moment = readmodel.Moment{At: read[0].RecordedAt}
		cfg.Through, cfg.AsOf = 0, moment.At
	}
	want, err := replay.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &replay.History{Log: log, Projections: projections.All(), Snapshots: b.rows}
	rows, _, err := h.CampaignAsOf(t.Context(), c, moment, readmodel.Everything())
	there := want.Rows.Of(c).Campaign().Campaign != ""
	if !there && !errors.Is(err, readmodel.ErrNotFound) || there && err != nil {
		t.Fatalf("%s as of %+v: %v", c, moment, err)
	}
	if diff := cmp.Diff(want.Rows.Of(c).Tables, rows.Tables); there && diff != "" {
		t.Fatalf("%s as of %+v, of %d (-replay +history):\n%s", c, moment, head, diff)
	}
	return asked{c, want.Through, log.read.Load()}
}

// TestThePastIsAReplay asks for random moments, each as a process that has just started, while
// events are appended, withdrawn and erased and projections are rebuilt, reset, rolled back, paused
// and resumed: whatever snapshots are kept, each answer is that of a replay.
func TestThePastIsAReplay(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		for n := range uint64(4) {
			b.log = openLog(t)
			lookBackAtRandom(t, b, n)
			empty(t, b)
		}
	})
}

func lookBackAtRandom(t *testing.T, b *verifyBundle, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 17))
	every, fold, batch := events.Position(1+random.IntN(4)), random.IntN(3)*40, 1+random.IntN(20)
	begin := func() (*runner.Runner, func() error) {
		r, err := runner.New(config(b.log, b.rows, fmt.Sprint("process-", random.Uint64()), batch, projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		r.FoldAtMost(fold)
		r.SnapshotEvery(every)
		return r, runs(t, r)
	}
	r, stop := begin()
	ops := operations{of: make(map[string]bool)}
	var o oracle
	ask := func() {
		for range 4 {
			b.askPast(t, random, o[random.IntN(len(o))].Event.Subject(), o.head())
		}
	}
	for all := drafts(t, seed, 60+random.IntN(60)); len(all) > 0; {
		n := min(1+random.IntN(12), len(all))
		o.append(t, b.log, all[:n]...)
		all = all[n:]
		switch random.IntN(8) {
		case 0:
			o.append(t, b.log, o.withdraw(t, random))
		case 1:
			ops.ask(t, b.rows, random)
		case 2:
			b.erase(t, &o, random)
		case 3:
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			r, stop = begin()
		}
		if random.IntN(2) == 0 && !ops.paused() {
			waitFor(t, r, o.head())
		}
		ask()
	}
	ops.end(t, b.rows)
	waitFor(t, r, o.head())
	ask()
	for _, c := range o.campaigns() {
		done(t, b.rows, readmodel.Reset, c, names(projections.All())...)
	}
	ask()
	done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
	ask()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// erase erases the person of a random event, and asks for a reset most of the time.
func (b *verifyBundle) erase(t *testing.T, o *oracle, random *rand.Rand) {
	t.Helper()
	e := (*o)[random.IntN(len(*o))]
	c := e.Event.Subject()
	_, err := b.log.Erasures().Erase(t.Context(), events.Erasure{Campaign: c, Positions: []events.Position{e.Position}, Who: "the test", Why: "to see"})
	if err != nil && !errors.Is(err, events.ErrNotErasable) {
		t.Fatal(err)
	}
	if random.IntN(3) > 0 {
		ask(t, b.rows, readmodel.Reset, c, names(projections.All())...)
	}
}

// TestThePastIsKept: from the first question on a campaign is folded from the last snapshot, of
// what was folded live, rebuilt, reset, withdrawn or erased.
func TestThePastIsKept(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		const every, far = 10, 90 // events: of a campaign that has a seventh of the log, and withdrawals
		random := rand.New(rand.NewPCG(1, 2))
		cfg := config(b.log, b.rows, "process-1", 50, projections.All())
		r, err := runner.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.SnapshotEvery(every)
		runs(t, r)
		c := subjectAt(t, b.log, 1)
		near := func(what string, after events.Position) {
			t.Helper()
			most := int64(0)
			for range 40 {
				if a := b.askPast(t, random, c, b.head); a.at > after {
					most = max(most, a.read)
				}
			}
			if most > far {
				t.Errorf("%s: a question read %d events, want at most %d", what, most, far)
			}
		}
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		near("rebuilt", 0)
		live := b.head
		b.head = appendAll(t, b.log, drafts(t, 12, 1_500), 100)
		waitFor(t, r, b.head)
		near("live", live)
		done(t, b.rows, readmodel.Reset, c, names(projections.All())...)
		near("reset", 0)
		stream, err := b.log.ReadStream(t.Context(), events.Stream{Campaign: c, Types: []events.Type{events.TypeParticipantRegistered}, Limit: 1_000})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.log.Erasures().Erase(t.Context(), events.Erasure{Campaign: c, Positions: []events.Position{stream[len(stream)/2].Position}, Who: "the test", Why: "to see"}); err != nil {
			t.Fatal(err)
		}
		done(t, b.rows, readmodel.Reset, c, names(projections.All())...)
		near("erased", 0)
		erased := b.head
		b.head = appendAll(t, b.log, drafts(t, 13, 700), 100)
		waitFor(t, r, b.head)
		near("live after an erasure", erased)
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		near("rebuilt after an erasure", 0)
	})
}

// snapshotEvery runs a runner that takes a snapshot at every so many positions, and returns it and what
// stops it.
func (b *verifyBundle) snapshotEvery(t *testing.T, n events.Position, batch int) (r *runner.Runner, stop func() error) {
	t.Helper()
	r, err := runner.New(config(b.log, b.rows, "process-1", batch, projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	r.SnapshotEvery(n)
	return r, runs(t, r)
}

// TestHistoryWithoutSnapshots: of a log that is not that of the rows no snapshot is believed, and
// neither is one of another version of a fold.
func TestHistoryWithoutSnapshots(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		_, stop := b.snapshotEvery(t, 5, 50)
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		random, ours := rand.New(rand.NewPCG(1, 2)), b.log
		b.log = openLog(t)
		all, err := ours.Read(t.Context(), 0, int(b.head))
		if err != nil {
			t.Fatal(err)
		}
		for i := range all[:20] { // of which the other log has others
			if e, ok := all[i].Event.(*events.ParticipantRegistered); ok {
				other := *e
				other.NewCustomer = new(e.NewCustomer == nil)
				all[i].Event, all[i].Digest = &other, events.DigestOf(&other)
			}
		}
		if err := b.log.Restore(t.Context(), all, 0); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			b.askPast(t, random, subjectAt(t, ours, 1+events.Position(random.Int64N(20))), b.head)
		}
		b.log = ours
		newer := projections.All()
		for i := range newer {
			newer[i].Version++
		}
		c := subjectAt(t, ours, 1)
		for ps, fewest := range map[*[]projections.Projection]bool{{}: true, &newer: false} {
			if fewest {
				*ps = projections.All()
			}
			log := &meter{Log: ours}
			h := &replay.History{Log: log, Projections: *ps, Snapshots: b.rows}
			rows, _, err := h.CampaignAsOf(t.Context(), c, readmodel.Moment{Position: b.head}, readmodel.Everything())
			if err != nil {
				t.Fatal(err)
			}
			if few := log.read.Load() < rows.Campaign().Participants; few != fewest {
				t.Errorf("%d events were read of a campaign of %d: from a snapshot %v, want %v", log.read.Load(), rows.Campaign().Participants, few, fewest)
			}
		}
	})
}

// TestHistoryWithoutTheRows: while the snapshots cannot be read each answer is folded from the log and
// right, and that is logged once, as is their return.
func TestHistoryWithoutTheRows(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		b.snapshotEvery(t, 5, 50)
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		log, said := &meter{Log: b.log}, new(strings.Builder)
		h := &replay.History{Log: log, Projections: projections.All(), Snapshots: b.rows, Bytes: 1, Logger: slog.New(slog.NewTextHandler(said, nil))}
		last := readmodel.Moment{Position: b.head}
		of := []events.Campaign{subjectAt(t, b.log, 1), subjectAt(t, b.log, b.head)}
		// ask asks about one campaign after another, so that none is still in memory.
		ask := func() (read int64) {
			t.Helper()
			before := log.read.Load()
			for _, c := range of {
				want, err := replay.Run(t.Context(), replay.Config{Log: b.log, Projections: projections.All(), Campaign: c})
				if err != nil {
					t.Fatal(err)
				}
				rows, _, err := h.CampaignAsOf(t.Context(), c, last, readmodel.Everything())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want.Rows.Of(c).Tables, rows.Tables); diff != "" {
					t.Errorf("%s (-replay +history):\n%s", c, diff)
				}
			}
			return log.read.Load() - before
		}
		wantSaid := func(lines ...string) {
			t.Helper()
			all := slices.Collect(strings.Lines(said.String()))
			if len(all) != len(lines) {
				t.Fatalf("logged %q, want %d lines", all, len(lines))
			}
			for i, line := range lines {
				if !strings.Contains(all[i], line) {
					t.Errorf("logged %q, want %q", all[i], line)
				}
			}
		}
		rename := func(from, to string) {
			t.Helper()
			b.exec(t, fmt.Sprintf("ALTER TABLE %s%s RENAME TO %s", b.prefix, from, to))
		}
		few := ask()
		wantSaid()
		rename("snapshots", "gone")
		for range 2 {
			if read := ask(); read < 2*few {
				t.Errorf("without snapshots %d events were read, with them %d", read, few)
			}
		}
		wantSaid("cannot be read")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := h.CampaignAsOf(ended, of[0], last, readmodel.Everything()); !errors.Is(err, context.Canceled) {
			t.Errorf("a question that is given up: %v", err)
		}
		rename("gone", "snapshots")
		if read := ask(); read > few {
			t.Errorf("%d events were read, and %d before the snapshots were gone", read, few)
		}
		wantSaid("cannot be read", "can be read again")
	})
}

// TestThePastOfARenamedCampaign: while and after the events of a campaign are moved to another one's,
// as its name was a person's number, and its generations are rebuilt, reset and rolled back, whatever
// snapshots are stored of both, each answer is that of a replay.
func TestThePastOfARenamedCampaign(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		const before, after, beside events.Campaign = "010-9876-5432", "evt-renamed", "evt-beside"
		empty(t, b)
		b.log = openLog(t)
		random := rand.New(rand.NewPCG(1, 18))
		var of []events.Position // of before
		add := func(n int) {
			t.Helper()
			some := make([]events.Recorded, n)
			for i := range some {
				b.head++
				c := []events.Campaign{before, before, after, beside}[random.IntN(4)]
				fact := &events.ParticipantRegistered{Campaign: c, Participant: fmt.Sprint("p-", b.head), Channel: string(events.Naver), NewCustomer: new(b.head%3 == 0)}
				at := time.Date(2026, 11, 23, 0, int(b.head), 0, 0, time.UTC)
				some[i] = events.Recorded{Position: b.head, ID: events.ID{byte(b.head), byte(b.head >> 8)}, Digest: events.DigestOf(fact), OccurredAt: at, RecordedAt: at, Event: fact}
				if c == before {
					of = append(of, b.head)
				}
			}
			if err := b.log.Restore(t.Context(), some, 0); err != nil {
				t.Fatal(err)
			}
		}
		ask := func() {
			t.Helper()
			for range 8 {
				for _, c := range []events.Campaign{before, after, beside} {
					b.askPast(t, random, c, b.head)
				}
			}
		}
		b.head = 0
		add(120)
		r, _ := b.snapshotEvery(t, 2, 20)
		waitFor(t, r, b.head)
		ask()
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		ask()
		for _, some := range [][]events.Position{of[:len(of)/2], of[len(of)/2:]} {
			e := events.Erasure{Campaign: before, Positions: some, Who: "the test", Why: "to see"}
			if _, err := b.log.Erasures().Redact(t.Context(), e, func(string) string { return string(after) }); err != nil {
				t.Fatal(err)
			}
			ask()
		}
		add(20) // also under the name of before
		waitFor(t, r, b.head)
		ask()
		for _, c := range []events.Campaign{after, before} {
			done(t, b.rows, readmodel.Reset, c, names(projections.All())...)
			ask()
		}
		done(t, b.rows, readmodel.Rollback, "", names(projections.All())...)
		ask()
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		ask()
	})
}

// TestUnkeptPast: the rows of an earlier program, which kept no snapshots, are rebuilt once, in the
// background; not while the log is short, and not again after a rollback.
func TestUnkeptPast(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		b.exec(t, fmt.Sprintf("UPDATE %sgenerations SET kept = 0", b.prefix))
		term := func(least events.Position) {
			t.Helper()
			r, err := runner.New(config(b.log, b.rows, "process-1", 50, projections.All()))
			if err != nil {
				t.Fatal(err)
			}
			r.SnapshotEvery(5)
			r.RebuildUnkeptFrom(least)
			stop := runs(t, r)
			waitFor(t, r, b.head)
			for _, o := range b.operations(t) {
				ended(t, b.rows, o.ID)
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what string, generation readmodel.Generation, asked int) {
			t.Helper()
			for name, g := range active(t, b.rows) {
				if g.Generation != generation || g.Kept != (generation > 1) {
					t.Errorf("%s: generation %d of %s is served, which has kept its snapshots: %v; want %d", what, g.Generation, name, g.Kept, generation)
				}
			}
			if all := b.operations(t); len(all) != asked {
				t.Errorf("%s: asked for %+v, want %d operations", what, all, asked)
			}
		}
		term(b.head + 1)
		want("a short log", 1, 0)
		term(b.head)
		want("rebuilt", 2, 1)
		c := subjectAt(t, b.log, 1)
		if found, err := b.rows.Earlier(t.Context(), c, readmodel.Moment{Position: b.head / 2}); err != nil || len(found) != len(projections.All()) {
			t.Errorf("%d snapshots of %s are found, %v", len(found), c, err)
		}
		term(b.head)
		want("the next term", 2, 1)
		ask(t, b.rows, readmodel.Rollback, "", names(projections.All())...)
		term(b.head)
		term(b.head)
		want("rolled back", 1, 2)
	})
}

// operations returns all that were asked for.
func (b *verifyBundle) operations(t *testing.T) []readmodel.Operation {
	t.Helper()
	all, err := b.rows.Operations(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
