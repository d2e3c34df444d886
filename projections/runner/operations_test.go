package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// names returns the projections' names, sorted.
func names(ps []projections.Projection) []string {
	var all []string
	for _, p := range ps {
		all = append(all, p.Name())
	}
	slices.Sort(all)
	return all
}

func ask(t *testing.T, rows readmodel.Store, kind readmodel.OperationKind, c events.Campaign, projections ...string) readmodel.Operation {
	t.Helper()
	a, err := rows.Ask(t.Context(), readmodel.Operation{Kind: kind, Projections: projections, Campaign: c, Who: "the test", Why: "to see"})
	if err != nil {
		t.Fatalf("Ask: %v", err)
	}
	return a
}

// ended waits for the end of the operation.
func ended(t *testing.T, rows readmodel.Store, id int64) readmodel.Operation {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for {
		a, err := rows.Operation(t.Context(), id)
		if err != nil {
			t.Fatalf("Operation: %v", err)
		}
		if a.Ended() {
			return a
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("operation has not ended: %+v", a)
		}
	}
}

// done asks for an operation and demands that it is done.
func done(t *testing.T, rows readmodel.Store, kind readmodel.OperationKind, c events.Campaign, projections ...string) {
	t.Helper()
	if a := ended(t, rows, ask(t, rows, kind, c, projections...).ID); a.State != readmodel.Done || a.Error != "" {
		t.Fatalf("operation: %+v", a)
	}
}

// active returns the active generations, by projection.
func active(t *testing.T, rows readmodel.Store) map[string]readmodel.GenerationState {
	t.Helper()
	all, err := rows.List(t.Context())
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	of := make(map[string]readmodel.GenerationState)
	for _, b := range all {
		if b.Active {
			of[b.Projection] = b
		}
	}
	return of
}

// TestRebuild spoils all rows and has one projection rebuilt, then all of them, while
// events are appended. What was rebuilt is right, and nothing else is touched.
func TestRebuild(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		b.spoil(t, "")
		r, _ := start(t, b.log, b.rows, "process-1", 20, projections.All())
		done(t, b.rows, readmodel.Rebuild, "", "channel_stats")
		cfg := b.config()
		cfg.Projections = cfg.Projections[:1]
		if cfg.Projections[0].Name() != "channel_stats" {
			t.Fatal(cfg.Projections[0].Name())
		}
		if v := verify(t, cfg); v.First != nil {
			t.Errorf("after the rebuild of %s: %s", cfg.Projections[0].Name(), v.First)
		}
		if v := b.verify(t); v.First == nil || v.First.Table == "channel_stats" {
			t.Errorf("after the rebuild of one: %v; want the others to differ still", v.First)
		}

		more := drafts(t, 12, 200)
		appended := make(chan events.Position, 1)
		go func() { appended <- appendAll(t, b.log, more, 3) }()
		done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
		b.clean(t)
		head := <-appended
		waitFor(t, r, head)
		b.clean(t)
		for name, build := range active(t, b.rows) {
			want := readmodel.Generation(2)
			if name == "channel_stats" {
				want = 3
			}
			if build.Generation != want || build.Position != head {
				t.Errorf("%s: %+v; want generation %d at %d", name, build, want, head)
			}
		}
	})
}

// TestEachTable deletes a campaign's rows from one table after another, and then all rows:
// verify names the table, a reset mends the campaign, and a rebuild all of them.
func TestEachTable(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		campaigns, err := b.rows.Campaigns(t.Context(), "", 1)
		if err != nil || len(campaigns) == 0 {
			t.Fatalf("Campaigns: %v, %v", campaigns, err)
		}
		start(t, b.log, b.rows, "process-1", 20, projections.All())
		for _, name := range names(projections.All()) {
			t.Run(name, func(t *testing.T) {
				damage := func(where string) replay.Verified {
					t.Helper()
					if b.exec(t, "DELETE FROM "+b.prefix+name+where) == 0 {
						t.Fatal("the table has no rows")
					}
					v := b.verify(t)
					if v.First == nil || v.First.Table != name || v.First.Served != "no row" {
						t.Fatalf("after a deletion: %v", v.First)
					}
					return v
				}
				if v := damage(fmt.Sprintf(" WHERE campaign = '%s'", campaigns[0])); v.Diverging != 1 || v.First.Campaign != campaigns[0] {
					t.Errorf("%d campaigns differ: %v", v.Diverging, v.First)
				}
				done(t, b.rows, readmodel.Reset, campaigns[0], name)
				b.clean(t)
				damage("")
				done(t, b.rows, readmodel.Rebuild, "", name)
				b.clean(t)
			})
		}
	})
}

// TestRollback goes back to the generation before a rebuild, which has missed events.
func TestRollback(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		all := names(projections.All())
		r, _ := start(t, b.log, b.rows, "process-1", 20, projections.All())
		if a := ended(t, b.rows, ask(t, b.rows, readmodel.Rollback, "", all...).ID); a.State != readmodel.Failed || !strings.Contains(a.Error, "no earlier generation") {
			t.Errorf("rollback to nothing: %+v", a)
		}
		done(t, b.rows, readmodel.Rebuild, "", all...)
		head := appendAll(t, b.log, drafts(t, 12, 100), 10)
		waitFor(t, r, head)
		b.spoil(t, " WHERE generation = 2")
		done(t, b.rows, readmodel.Rollback, "", all...)
		b.clean(t)
		for name, build := range active(t, b.rows) {
			if build.Generation != 1 {
				t.Errorf("%s: generation %d is served; want 1", name, build.Generation)
			}
		}
		done(t, b.rows, readmodel.Rollback, "", all...) // and forth
		if v := b.verify(t); v.First == nil {
			t.Error("rows that were spoiled equal the fold")
		}
	})
}

// lostAnswer loses the answers to the first activations after it is armed.
type lostAnswer struct {
	readmodel.Store
	left atomic.Int32
}

func (l *lostAnswer) Activate(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint) (readmodel.Revision, error) {
	revision, err := l.Store.Activate(ctx, lease, op, at)
	if err == nil && l.left.Add(-1) >= 0 {
		return readmodel.Revision{}, fmt.Errorf("activate: %w", events.ErrAway)
	}
	return revision, err
}

// TestRollbackWhoseAnswerIsLost: it is done, once, and events are folded into what it serves.
func TestRollbackWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		rows := &lostAnswer{Store: b.rows}
		r, _ := start(t, b.log, rows, "process-1", 20, projections.All())
		all := names(projections.All())
		done(t, b.rows, readmodel.Rebuild, "", all...)
		rows.left.Store(1)
		done(t, b.rows, readmodel.Rollback, "", all...)
		waitFor(t, r, appendAll(t, b.log, drafts(t, 12, 100), 10))
		for name, build := range active(t, b.rows) {
			if build.Generation != 1 {
				t.Errorf("%s: generation %d is served; want 1", name, build.Generation)
			}
		}
		b.clean(t)
	})
}

// TestReset spoils the rows of every campaign and resets one of them: it is as it was,
// the others are as they are.
func TestReset(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		campaigns, err := b.rows.Campaigns(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		b.spoil(t, "")
		before := snapshots(t, b.rows, campaigns)
		r, _ := start(t, b.log, b.rows, "process-1", 20, projections.All())
		mended := campaigns[len(campaigns)/2]
		for _, table := range names(projections.All()) {
			done(t, b.rows, readmodel.Reset, mended, table)
		}
		cfg := b.config()
		cfg.Campaigns = []events.Campaign{mended}
		if v := verify(t, cfg); v.First != nil {
			t.Errorf("the campaign that was reset: %s", v.First)
		}
		after := snapshots(t, b.rows, campaigns)
		for c, rows := range after {
			if same := rows == before[c]; same == (c == mended) {
				t.Errorf("campaign %s, of which %s was reset, is the same: %v", c, mended, same)
			}
		}
		// All tables at once, while events come in: each counts once.
		appended := make(chan events.Position, 1)
		go func() { appended <- appendAll(t, b.log, drafts(t, 12, 300), 3) }()
		for _, c := range campaigns {
			done(t, b.rows, readmodel.Reset, c, names(projections.All())...)
		}
		waitFor(t, r, <-appended)
		b.clean(t)
	})
}

// snapshots returns the campaigns' rows as text, without the revision.
func snapshots(t *testing.T, rows readmodel.Store, campaigns []events.Campaign) map[events.Campaign]string {
	t.Helper()
	all := make(map[events.Campaign]string)
	for _, c := range campaigns {
		one, _, err := rows.Snapshot(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(one.Tables)
		if err != nil {
			t.Fatal(err)
		}
		all[c] = string(text)
	}
	return all
}

// TestUnknownProjection: an operation that names a projection that this program does not have
// fails, and the ones after it are carried out.
func TestUnknownProjection(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	start(t, b.log, b.rows, "process-1", 20, projections.All()[1:])
	a := ended(t, b.rows, ask(t, b.rows, readmodel.Rebuild, "", names(projections.All())...).ID)
	if want := `there is no projection "channel_stats"`; a.State != readmodel.Failed || a.Error != want {
		t.Errorf("operation: %+v; want it to fail: %s", a, want)
	}
	done(t, b.rows, readmodel.Rebuild, "", "event_stats")
}

// TestPause stops one projection, also for a process that starts later, and goes on.
func TestPause(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		paused := "event_stats"
		r, stop := start(t, b.log, b.rows, "process-1", 20, projections.All())
		done(t, b.rows, readmodel.Pause, "", paused)
		at := b.head
		for i := range 2 {
			head := appendAll(t, b.log, drafts(t, uint64(12+i), 50), 10)
			waitForOthers(t, r, paused, head)
			if got := active(t, b.rows)[paused]; got.Position != at || !got.Paused {
				t.Errorf("paused at %d, it is %+v", at, got)
			}
			// A rebuild of what is paused leaves it where it is.
			done(t, b.rows, readmodel.Rebuild, "", paused)
			if got := active(t, b.rows)[paused]; got.Position != at || !got.Paused || got.Generation != readmodel.Generation(i+2) {
				t.Errorf("paused at %d and rebuilt, it is %+v", at, got)
			}
			b.clean(t)
			b.head = head
			if i == 0 {
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				r, _ = start(t, b.log, b.rows, "process-2", 20, projections.All())
			}
		}
		done(t, b.rows, readmodel.Resume, "", paused)
		waitFor(t, r, b.head)
		b.clean(t)
	})
}

// waitForOthers waits until all but one projection are at the position.
func waitForOthers(t *testing.T, r *runner.Runner, but string, head events.Position) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for {
		at := r.Status().Checkpoints
		if len(at) > 0 && !slices.ContainsFunc(at, func(c readmodel.Checkpoint) bool { return c.Projection != but && c.Position != head }) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not at %d: %+v", head, r.Status())
		}
	}
}

// TestNewerVersionRebuilds starts a program in which a projection folds otherwise: its
// rows are served as they are until they have been rebuilt, and no others are touched.
func TestNewerVersionRebuilds(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		newer := projections.All()
		i := slices.IndexFunc(newer, func(p projections.Projection) bool { return p.Name() == "participation_hourly" })
		older := newer[i]
		newer[i].Version++
		newer[i].Fold = func(rows *readmodel.Rows, e *events.Recorded) { older.Fold(rows, e); older.Fold(rows, e) }
		r, stop := start(t, b.log, b.rows, "process-1", 20, newer)
		head := appendAll(t, b.log, drafts(t, 12, 50), 10)
		waitFor(t, r, head)
		cfg := b.config()
		cfg.Projections = newer
		if v := verify(t, cfg); v.First != nil {
			t.Errorf("what the newer program serves: %s", v.First)
		}
		ops, err := b.rows.Operations(t.Context(), 10)
		if err != nil || len(ops) != 1 || ops[0].Kind != readmodel.Rebuild || !slices.Equal(ops[0].Projections, []string{"participation_hourly"}) {
			t.Errorf("operations = %+v, %v; want one rebuild", ops, err)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		// The older program refuses to add to the newer one's rows.
		old, err := runner.New(config(b.log, b.rows, "process-2", 20, projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Run(t.Context()); !errors.Is(err, readmodel.ErrVersion) {
			t.Errorf("Run = %v; want ErrVersion", err)
		}
		if h, err := b.rows.Holder(t.Context(), runner.LeaseName); err != nil || h.FaultOwner != "process-2" || !strings.Contains(h.Fault, "version") {
			t.Errorf("Holder = %+v, %v; want the failure", h, err)
		}
	})
}

// TestNewerVersionIsNotGivenUp: where the rebuild by itself fails, it is asked for again.
func TestNewerVersionIsNotGivenUp(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	newer := projections.All()
	newer[0].Version++
	rows := &failingFill{Store: b.rows}
	rows.left.Store(1)
	r, stop := start(t, b.log, rows, "process-1", 20, newer)
	waitFor(t, r, appendAll(t, b.log, drafts(t, 12, 50), 10))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	ops, err := b.rows.Operations(t.Context(), 10)
	if err != nil || len(ops) != 2 || ops[0].State != readmodel.Done || ops[1].State != readmodel.Failed {
		t.Errorf("operations = %+v, %v; want one that failed, and then one that is done", ops, err)
	}
}

// failingFill fails to fill some times.
type failingFill struct {
	readmodel.Store
	left atomic.Int32
}

func (f *failingFill) Fill(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows, between func()) error {
	if f.left.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return f.Store.Fill(ctx, lease, advances, rows, between)
}

// TestOperationsSurviveTheirLeaders takes leaders away at random moments while rebuilds,
// rollbacks and resets go on and events come in: every operation comes to its end once, and
// rows always equal the fold.
func TestOperationsSurviveTheirLeaders(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		random := rand.New(rand.NewPCG(1, 2))
		all := names(projections.All())
		campaigns, err := b.rows.Campaigns(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		more := drafts(t, 13, 300)
		for n := range 6 {
			var id int64
			switch n % 3 {
			case 0:
				id = ask(t, b.rows, readmodel.Rebuild, "", all...).ID
			case 1:
				id = ask(t, b.rows, readmodel.Reset, campaigns[random.IntN(len(campaigns))], all...).ID
			case 2:
				id = ask(t, b.rows, readmodel.Rollback, "", all[random.IntN(len(all))]).ID
			}
			for k := 0; ; k++ {
				_, stop := start(t, b.log, b.rows, fmt.Sprintf("process %d/%d", n, k), 20, projections.All())
				part := min(len(more), 10)
				appendAll(t, b.log, more[:part], 2)
				more = more[part:]
				term, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(60*(k+1)))*time.Millisecond)
				<-term.Done()
				cancel()
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				b.clean(t)
				if a, err := b.rows.Operation(t.Context(), id); err != nil {
					t.Fatal(err)
				} else if a.Ended() {
					if a.State != readmodel.Done {
						t.Fatalf("operation: %+v", a)
					}
					break
				}
			}
		}
	})
}

// watchedRows tells of notes, of commits by the generation, and of renewals.
type watchedRows struct {
	readmodel.Store
	noted    func(readmodel.Operation)
	commit   func(readmodel.Generation)
	acquires *atomic.Int64
}

func (w watchedRows) Note(ctx context.Context, lease readmodel.Lease, a readmodel.Operation) error {
	err := w.Store.Note(ctx, lease, a)
	w.noted(a)
	return err
}

func (w watchedRows) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	w.commit(advances[0].Generation)
	return w.Store.Commit(ctx, lease, advances, rows)
}

func (w watchedRows) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	w.acquires.Add(1)
	return w.Store.Acquire(ctx, name, owner, ttl)
}

// TestLastStepKeepsTheLease: events come in when an operation is about to take its last step,
// which takes longer than a third of the lease: it is renewed meanwhile.
func TestLastStepKeepsTheLease(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	_, stop := start(t, b.log, b.rows, "process-1", 20, projections.All())
	done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	var (
		r                     *runner.Runner
		last                  atomic.Bool // the last step is next
		acquires, first, then atomic.Int64
	)
	rows := watchedRows{Store: b.rows, acquires: &acquires}
	rows.noted = func(a readmodel.Operation) {
		if a.To > 0 && !last.Load() {
			waitFor(t, r, appendAll(t, b.log, drafts(t, 12, 300), 300))
			last.Store(true)
		}
	}
	rows.commit = func(g readmodel.Generation) {
		if g == 1 && last.Load() {
			first.CompareAndSwap(0, acquires.Load())
			then.Store(acquires.Load())
			time.Sleep(30 * time.Millisecond) // a slow database
		}
	}
	r, _ = start(t, b.log, rows, "process-1", 20, projections.All())
	waitFor(t, r, b.head)
	done(t, b.rows, readmodel.Rollback, "", names(projections.All())...)
	if first.Load() == 0 || then.Load() == first.Load() {
		t.Errorf("the lease was acquired %d times when the last step began, %d when it ended", first.Load(), then.Load())
	}
	b.clean(t)
}

// activating calls activate with the generations that are to be served.
type activating struct {
	watchedRows
	activate func([]readmodel.Checkpoint)
}

func (a activating) Activate(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint) (readmodel.Revision, error) {
	a.activate(at)
	return a.watchedRows.Activate(ctx, lease, op, at)
}

// TestNoRebuildServesLess: what is folded before the last step of a rebuild is in the rows that it
// serves (I7).
func TestNoRebuildServesLess(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	var (
		r               *runner.Runner
		grown, compared atomic.Bool
	)
	rows := activating{watchedRows: watchedRows{Store: b.rows, acquires: new(atomic.Int64), commit: func(readmodel.Generation) {}}}
	rows.noted = func(a readmodel.Operation) { // the last step is next
		if a.To > 0 && !grown.Swap(true) {
			waitFor(t, r, appendAll(t, b.log, drafts(t, 12, 300), 300))
		}
	}
	rows.activate = func(at []readmodel.Checkpoint) {
		served := active(t, b.rows)
		for _, next := range at {
			if now := served[next.Projection]; next.Position < now.Position {
				t.Errorf("%s: a generation is served up to position %d in the place of one up to %d", next.Projection, next.Position, now.Position)
			}
		}
		compared.Store(true)
	}
	r, _ = start(t, b.log, rows, "process-1", 20, projections.All())
	waitFor(t, r, b.head)
	done(t, b.rows, readmodel.Rebuild, "", names(projections.All())...)
	if !grown.Load() || !compared.Load() {
		t.Error("the log has not grown before the last step, or no generation was served")
	}
	b.clean(t)
}

// TestProgressIsOfTheFarthestBehind: an operation tells how far it is of all its projections,
// also where one of them is paused far behind the others.
func TestProgressIsOfTheFarthestBehind(t *testing.T) {
	t.Parallel()
	b := onSQLite(t)
	all := names(projections.All())
	var last readmodel.Operation
	rows := watchedRows{
		Store: b.rows, acquires: new(atomic.Int64), commit: func(readmodel.Generation) {},
		noted: func(a readmodel.Operation) { last = a },
	}
	r, stop := start(t, b.log, rows, "process-1", 20, projections.All())
	done(t, b.rows, readmodel.Rebuild, "", all...)
	done(t, b.rows, readmodel.Pause, "", all[0])
	head := appendAll(t, b.log, drafts(t, 12, 50), 10)
	waitForOthers(t, r, all[0], head)
	done(t, b.rows, readmodel.Rollback, "", all...)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if last.To != head || last.At < b.head || last.At > head {
		t.Errorf("noted last: at %d of %d; want one from %d on of %d", last.At, last.To, b.head, head)
	}
}
