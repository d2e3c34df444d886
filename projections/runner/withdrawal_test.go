package runner_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// withdrawals is how many random logs TestWithdrawals makes on each database, unless
// JANGBU_TEST_WITHDRAWALS says otherwise.
const withdrawals = 6

// TestWithdrawals appends random events, withdrawals and withdrawals of these at random
// moments, while they are folded and projections are rebuilt, rolled back, paused and
// resumed: what is served, a rebuild, a replay as of every tenth
// position, of the log and of an export, and an import agree with an oracle that knows what
// was withdrawn when.
func TestWithdrawals(t *testing.T) {
	t.Parallel()
	logs := withdrawals
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_WITHDRAWALS")); err == nil {
		logs = n
	}
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		for n := range logs {
			ok := t.Run(fmt.Sprint(n), func(t *testing.T) {
				b.log = openLog(t)
				withdrawAtRandom(t, b, uint64(n))
			})
			if !ok {
				return
			}
			empty(t, b)
		}
	})
}

func withdrawAtRandom(t *testing.T, b *verifyBundle, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 16))
	r, err := runner.New(config(b.log, b.rows, "process-1", 1+random.IntN(20), projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	r.FoldAtMost(random.IntN(3) * 40) // a rebuild in memory, or by stretches
	stop := runs(t, r)
	ops := operations{of: make(map[string]bool)}
	var o oracle
	for all := drafts(t, seed, 20+random.IntN(40)); len(all) > 0; {
		n := min(1+random.IntN(8), len(all))
		o.append(t, b.log, all[:n]...)
		all = all[n:]
		if random.IntN(2) == 0 {
			o.append(t, b.log, o.withdraw(t, random))
		}
		if random.IntN(4) == 0 {
			ops.ask(t, b.rows, random)
		}
		if random.IntN(4) == 0 && !ops.paused() {
			waitFor(t, r, o.head())
			o.wantServed(t, b.rows, "live")
		}
	}
	ops.end(t, b.rows)
	waitFor(t, r, o.head())
	o.wantServed(t, b.rows, "live")
	b.clean(t)
	for _, c := range o.campaigns() {
		done(t, b.rows, readmodel.Reset, c, names(projections.All())...)
	}
	o.wantServed(t, b.rows, "reset")
	done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
	o.wantServed(t, b.rows, "rebuilt")
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	imported := openLog(t)
	if err := imported.Restore(t.Context(), o, 0); err != nil {
		t.Fatal(err)
	}
	for at := events.Position(1); at <= o.head(); at += 10 {
		for name, cfg := range map[string]replay.Config{"log": {Log: b.log}, "export": {Export: o}, "import": {Log: imported}} {
			cfg.Projections, cfg.Through = projections.All(), at
			got, err := replay.Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := readmodeltest.Diff(o.fold(at), got.Rows); diff != "" {
				t.Errorf("%s as of %d (-oracle +replay):\n%s", name, at, diff)
			}
		}
		c := o[random.IntN(len(o))].Event.Subject()
		got, err := replay.Run(t.Context(), replay.Config{Log: b.log, Projections: projections.All(), Campaign: c, Through: at})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o.fold(at).Of(c).Tables, got.Rows.Of(c).Tables); diff != "" {
			t.Errorf("%s as of %d (-oracle +replay):\n%s", c, at, diff)
		}
	}
}

// operations are what was asked for beside the folding, and by it the projections that may be
// paused.
type operations struct {
	ids []int64
	of  map[string]bool
}

// ask asks for an operation on some projections, which may fail.
func (o *operations) ask(t *testing.T, rows readmodel.Store, random *rand.Rand) {
	t.Helper()
	kinds := []readmodel.OperationKind{readmodel.Rebuild, readmodel.Rebuild, readmodel.Rollback, readmodel.Pause, readmodel.Resume}
	kind, all := kinds[random.IntN(len(kinds))], names(projections.All())
	all = all[random.IntN(len(all)):]
	if kind == readmodel.Pause {
		for _, name := range all {
			o.of[name] = true
		}
	}
	o.ids = append(o.ids, ask(t, rows, kind, "", all...).ID)
}

func (o *operations) paused() bool { return len(o.of) > 0 }

// end waits for all of them, and resumes what is paused.
func (o *operations) end(t *testing.T, rows readmodel.Store) {
	t.Helper()
	for _, id := range o.ids {
		ended(t, rows, id)
	}
	for name := range o.of {
		ended(t, rows, ask(t, rows, readmodel.Resume, "", name).ID)
	}
}

// empty takes away what is served, so that another log can be folded.
func empty(t *testing.T, b *verifyBundle) {
	t.Helper()
	for _, table := range []string{"event_stats", "channel_stats", "participation_hourly", "participant_profile"} {
		b.exec(t, fmt.Sprintf("DELETE FROM %s%s", b.prefix, table))
	}
	b.exec(t, fmt.Sprintf("DELETE FROM %sstandbys", b.prefix))
	b.exec(t, fmt.Sprintf("DELETE FROM %sprojections", b.prefix))
	b.exec(t, fmt.Sprintf("DELETE FROM %sgenerations", b.prefix))
	b.exec(t, fmt.Sprintf("DELETE FROM %ssnapshots", b.prefix))
}

// oracle is a log as the test knows it.
type oracle []events.Recorded

func (o oracle) head() events.Position { return events.Position(len(o)) }

func (o *oracle) append(t *testing.T, log events.Log, all ...events.Draft) {
	t.Helper()
	if _, err := log.Append(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	more, err := log.Read(t.Context(), o.head(), 100)
	if err != nil {
		t.Fatal(err)
	}
	*o = append(*o, more...)
}

// withdraw returns a draft that withdraws some events of a campaign, of any type.
func (o oracle) withdraw(t *testing.T, random *rand.Rand) events.Draft {
	t.Helper()
	w := events.EventsWithdrawn{Campaign: o[random.IntN(len(o))].Event.Subject(), Who: "the test", Why: "to see"}
	for range 1 + random.IntN(3) {
		if r := o[random.IntN(len(o))]; r.Event.Subject() == w.Campaign {
			w.Positions = append(w.Positions, r.Position)
		}
	}
	for _, r := range slices.Backward(o) { // most often an undoing
		if _, ok := r.Event.(*events.EventsWithdrawn); ok && r.Event.Subject() == w.Campaign && random.IntN(2) == 0 {
			w.Positions = append(w.Positions, r.Position)
			break
		}
	}
	if len(w.Positions) == 0 {
		for _, r := range o {
			if r.Event.Subject() == w.Campaign {
				w.Positions = append(w.Positions, r.Position)
				break
			}
		}
	}
	d, err := events.NewWithdrawal(w, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// counts reports whether the event at a position counts as of another: no later withdrawal
// that itself counts names it.
func (o oracle) counts(p, at events.Position) bool {
	for _, r := range o[p:at] {
		if w, ok := r.Event.(*events.EventsWithdrawn); ok && slices.Contains(w.Positions, p) && o.counts(r.Position, at) {
			return false
		}
	}
	return true
}

func (o oracle) fold(at events.Position) *readmodel.Rows {
	ps := projections.All()
	rows := readmodel.NewRows(projections.Tables(ps)...)
	for _, r := range o[:at] {
		if _, withdrawal := r.Event.(*events.EventsWithdrawn); !withdrawal && o.counts(r.Position, at) {
			projections.Fold(rows, ps, []events.Recorded{r})
		}
	}
	return rows
}

func (o oracle) campaigns() []events.Campaign {
	all := make(map[events.Campaign]bool)
	for _, r := range o {
		all[r.Event.Subject()] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (o oracle) wantServed(t *testing.T, rows readmodel.Store, what string) {
	t.Helper()
	folded := o.fold(o.head())
	for _, c := range o.campaigns() {
		served, _, err := rows.Snapshot(t.Context(), c)
		if err != nil && len(folded.Of(c).Tables) > 0 && folded.Of(c).Campaign().Campaign != "" {
			t.Fatal(err)
		}
		if diff := cmp.Diff(folded.Of(c).Tables, served.Tables); diff != "" && err == nil {
			t.Errorf("%s at %d: %s (-oracle +served):\n%s", what, o.head(), c, diff)
		}
		if err == nil && folded.Of(c).Campaign().Campaign == "" {
			t.Errorf("%s at %d: %s is served and has no event that counts", what, o.head(), c)
		}
	}
}

// Ends implements [replay.Export].
func (o oracle) Ends() (first, last events.Position) { return 1, o.head() }

// Each implements [replay.Export].
func (o oracle) Each(_ context.Context, f func([]events.Recorded) error) error {
	for some := range slices.Chunk(o, 7) {
		if err := f(some); err != nil {
			return err
		}
	}
	return nil
}

// TestWithdrawnCampaignIsAnnounced: of a campaign of which nothing is left no row is served,
// and those that keep copies are told.
func TestWithdrawnCampaignIsAnnounced(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		stream, err := b.log.ReadStream(t.Context(), events.Stream{Limit: int(b.head), Campaign: subjectAt(t, b.log, 1)})
		if err != nil {
			t.Fatal(err)
		}
		w := events.EventsWithdrawn{Campaign: stream[0].Event.Subject(), Who: "the test", Why: "to see"}
		for _, r := range stream {
			w.Positions = append(w.Positions, r.Position)
		}
		draft, err := events.NewWithdrawal(w, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		changes := make(chan readmodel.Change, 100)
		cfg := config(b.log, b.rows, "process-1", 100, projections.All())
		cfg.Committed = func(c readmodel.Change) { changes <- c }
		r, _ := run(t, cfg)
		head := appendAll(t, b.log, []events.Draft{draft}, 1)
		waitFor(t, r, head)
		if _, _, err := b.rows.Snapshot(t.Context(), w.Campaign); !errors.Is(err, readmodel.ErrNotFound) {
			t.Errorf("what is served: %v, want none", err)
		}
		b.clean(t)
		for deadline := time.After(30 * time.Second); ; {
			select {
			case c := <-changes:
				if slices.Contains(c.Campaigns, w.Campaign) {
					return
				}
			case <-deadline:
				t.Fatal("not announced")
			}
		}
	})
}

func subjectAt(t *testing.T, log events.Log, at events.Position) events.Campaign {
	t.Helper()
	read, err := log.Read(t.Context(), at-1, 1)
	if err != nil || len(read) != 1 {
		t.Fatalf("read %d: %v", at, err)
	}
	return read[0].Event.Subject()
}
