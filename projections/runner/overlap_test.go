package runner_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// heldRows holds each commit until the test lets it go.
type heldRows struct {
	readmodel.Store
	commits chan heldCommit
}

type heldCommit struct {
	from, to events.Position
	rows     *readmodel.Rows
	end      chan func(commit func() (readmodel.Revision, error)) (readmodel.Revision, error)
}

func (h *heldRows) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	c := heldCommit{advances[0].Position, advances[0].To, rows, make(chan func(func() (readmodel.Revision, error)) (readmodel.Revision, error), 1)}
	select {
	case h.commits <- c:
	case <-ctx.Done():
		return readmodel.Revision{}, ctx.Err()
	}
	select {
	case end := <-c.end:
		return end(func() (readmodel.Revision, error) { return h.Store.Commit(ctx, lease, advances, rows) })
	case <-ctx.Done():
		return readmodel.Revision{}, ctx.Err()
	}
}

// What becomes of a commit that was held.
func written(commit func() (readmodel.Revision, error)) (readmodel.Revision, error) { return commit() }

func failed(func() (readmodel.Revision, error)) (readmodel.Revision, error) {
	return readmodel.Revision{}, errors.New("the disk is full")
}

func fenced(func() (readmodel.Revision, error)) (readmodel.Revision, error) {
	return readmodel.Revision{}, readmodel.ErrFenced
}

// unanswered is written, but the answer is lost.
func unanswered(commit func() (readmodel.Revision, error)) (readmodel.Revision, error) {
	if _, err := commit(); err != nil {
		return readmodel.Revision{}, err
	}
	return readmodel.Revision{}, errors.New("the connection is gone")
}

// watchedLog says after which positions it is read.
type watchedLog struct {
	events.Log
	reads chan events.Position
}

func (w *watchedLog) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	select {
	case w.reads <- after:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return w.Log.Read(ctx, after, limit)
}

// receive returns the next value.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing comes")
		panic("unreachable")
	}
}

// overlapBundle is a runner each of whose commits and reads the test sees.
type overlapBundle struct {
	*verifyBundle
	log       *watchedLog
	rows      *heldRows
	runner    *runner.Runner
	committed chan readmodel.Change
	last      events.Position // after which the log was read last, as far as the test has seen
}

const overlapBatch = 20

func setupOverlap(t *testing.T, b *verifyBundle) *overlapBundle {
	t.Helper()
	o := &overlapBundle{
		b, &watchedLog{b.log, make(chan events.Position)}, &heldRows{b.rows, make(chan heldCommit)}, nil, make(chan readmodel.Change, 1000), -1,
	}
	cfg := config(o.log, o.rows, "process-1", overlapBatch, projections.All())
	cfg.Committed = func(c readmodel.Change) { o.committed <- c }
	b.head = appendAll(t, b.log, drafts(t, 31, 1600), 100) // more than four failures take
	o.runner, _ = run(t, cfg)
	return o
}

// foldOn lets the log be read until it was read after a position: what lies before is folded.
func (o *overlapBundle) foldOn(t *testing.T, after events.Position) {
	t.Helper()
	for o.last < after {
		o.last = receive(t, o.log.reads)
	}
}

// commit lets the log be read until a commit begins, and returns that.
func (o *overlapBundle) commit(t *testing.T) heldCommit {
	t.Helper()
	for deadline := time.After(30 * time.Second); ; {
		select {
		case c := <-o.rows.commits:
			return c
		case o.last = <-o.log.reads:
			// What is read may be all that the commit waits for: few reads leave more of the log.
			select {
			case c := <-o.rows.commits:
				return c
			case <-time.After(20 * time.Millisecond):
			}
		case <-deadline:
			t.Fatal("no commit begins")
		}
	}
}

// reads returns after which positions the log is read within a while.
func (o *overlapBundle) reads() (all []events.Position) {
	for deadline := time.After(100 * time.Millisecond); ; {
		select {
		case o.last = <-o.log.reads:
			all = append(all, o.last)
		case <-deadline:
			return all
		}
	}
}

// end lets all be read and written, until the head is reached.
func (o *overlapBundle) end(t *testing.T) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-o.log.reads:
			case c := <-o.rows.commits:
				c.end <- written
			case <-ended:
				return
			}
		}
	}()
	defer close(ended)
	waitFor(t, o.runner, o.head)
}

// TestNextStretchIsFoldedMeanwhile: while a stretch is written, the next is folded, larger than
// one read. The rows that are being written stay as they are meanwhile, and nothing says that
// they are served.
func TestNextStretchIsFoldedMeanwhile(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		o := setupOverlap(t, b)
		o.foldOn(t, 0)
		first := receive(t, o.rows.commits)
		handed := printed(first.rows)
		o.foldOn(t, first.to+3*overlapBatch)
		if diff := cmp.Diff(handed, printed(first.rows)); diff != "" {
			t.Errorf("rows that are being written have changed (-handed over +now):\n%s", diff)
		}
		for _, at := range o.runner.Status().Checkpoints {
			if at.Position != first.from {
				t.Errorf("the status says %d, what is served is at %d", at.Position, first.from)
			}
		}
		if len(o.committed) > 0 {
			t.Error("a commit is announced that has not ended")
		}
		first.end <- written
		second := o.commit(t)
		if announced := receive(t, o.committed); second.from != first.to || second.to < second.from+3*overlapBatch || announced.To.Position != 4*first.to {
			t.Errorf("after %d to %d, which was announced as %d, follows %d to %d", first.from, first.to, announced.To.Position/4, second.from, second.to)
		}
		second.end <- written
		o.end(t)
		b.clean(t)
	})
}

func printed(rows *readmodel.Rows) map[string][]any { return readmodeltest.ByTable(rows.Copy()) }

// TestNothingIsWrittenOntoAFailure: what was folded onto a commit that failed, was fenced, or
// whose answer was lost, is not written and not shown. The next commit begins where the rows
// stand.
func TestNothingIsWrittenOntoAFailure(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		o := setupOverlap(t, b)
		for _, end := range []struct {
			name string
			how  func(func() (readmodel.Revision, error)) (readmodel.Revision, error)
			took bool
		}{{"failed", failed, false}, {"fenced", fenced, false}, {"unanswered", unanswered, true}, {"failed again", failed, false}} {
			first := o.commit(t)
			o.foldOn(t, first.to+2*overlapBatch)
			shown := len(o.committed)
			first.end <- end.how
			want := first.from
			if end.took {
				want = first.to
			}
			next := o.commit(t)
			if next.from != want || len(o.committed) != shown {
				t.Errorf("%s: after the commit of %d to %d follows that of %d to %d, with %d announced; want from %d, with none",
					end.name, first.from, first.to, next.from, next.to, len(o.committed)-shown, want)
			}
			next.end <- written
		}
		o.end(t)
		b.clean(t)
	})
}

// TestNothingIsFoldedOntoAWithdrawal: a row that a withdrawal removes is not found in memory by
// the events after it, which begin it anew.
func TestNothingIsFoldedOntoAWithdrawal(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, b *verifyBundle) {
		all, err := b.log.Read(t.Context(), 0, int(b.head))
		if err != nil {
			t.Fatal(err)
		}
		more := drafts(t, 11, 800)[600:] // of the same campaigns
		w := events.EventsWithdrawn{Campaign: more[50].Event.Subject(), Who: "the test", Why: "to see"}
		for _, e := range all {
			if e.Event.Subject() == w.Campaign {
				w.Positions = append(w.Positions, e.Position)
			}
		}
		draft, err := events.NewWithdrawal(w, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		from := b.head
		appendAll(t, b.log, slices.Concat(more[:30], []events.Draft{draft}), 100)
		o := setupOverlap(t, b)
		o.foldOn(t, from)
		first := receive(t, o.rows.commits)
		if got, want := o.reads(), []events.Position{first.to}; !slices.Equal(got, want) {
			t.Errorf("while a commit went on up to %d, the log was read after %v, want only %v", first.to, got, want)
		}
		first.end <- written
		second := o.commit(t)
		if len(second.rows.Cleared()) != 1 {
			t.Fatalf("the second commit removes %v", second.rows.Cleared())
		}
		if got := o.reads(); len(got) > 0 {
			t.Errorf("while the withdrawal was written, the log was read after %v", got)
		}
		second.end <- written
		o.end(t)
		b.clean(t)
	})
}
