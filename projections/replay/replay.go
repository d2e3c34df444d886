package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

const (
	// replayBatch is how many events a replay reads at once.
	replayBatch = 10_000
	// smallBatch is that of a replay that gives way.
	smallBatch = 4_000
	// replayAhead is how many batches are read at once, while another is folded.
	replayAhead = 2
	// streamBatch is how many events of one campaign a replay reads at once: to find
	// the next ones costs what all of the campaign's events cost.
	streamBatch = 50_000
)

// Replay folds a part of the log in memory and touches nothing that is served.
type Replay struct {
	Log         events.Log
	Export      Export // is read in the place of Log; nil: Log is
	Projections []projections.Projection

	Campaign events.Campaign // empty: all
	After    events.Position // exclusive
	Through  events.Position // 0, or beyond the head: to the head as it is now
	// AsOf is the latest RecordedAt that is folded; zero: any.
	AsOf time.Time
	// MaxRows ends a replay early, once it has made more rows. 0: never.
	MaxRows int

	// GiveWay is called before each piece of work, by several goroutines, and may block
	// for a while; the pieces are small then. Nil: nobody has to be let by.
	GiveWay func()
	// Progress is told of each position that was reached, and of the one that is
	// headed for. Nil: nobody is.
	Progress func(at, to events.Position)

	batch events.Position // read at once
}

// Replayed is what a [Replay] has made.
type Replayed struct {
	Rows   *readmodel.Rows
	Events int64
	// Through is the last position that counts: of any campaign, whether or not
	// anything was folded there.
	Through events.Position
	// RecordedAt is that of the last event that was folded; zero: none was.
	RecordedAt time.Time
	// Moment is when all this was known: AsOf or, without it, when the event at
	// Through was recorded; zero where that is not beyond After.
	Moment time.Time
}

// Export is a log that can be read from its one end to the other.
type Export interface {
	// Ends returns the first and the last position in it.
	Ends() (first, last events.Position)
	// Each calls f with all events in order, some at a time, until f returns an
	// error. Its own may come after all of them, and tells that they were wrong.
	Each(ctx context.Context, f func([]events.Recorded) error) error
}

// Run folds. [events.ErrGap] and [events.ErrCorrupt] where the log is damaged.
func (r Replay) Run(ctx context.Context) (Replayed, error) {
	r.batch = smallBatch
	if r.GiveWay == nil {
		r.batch, r.GiveWay = replayBatch, func() {}
	}
	if r.Progress == nil {
		r.Progress = func(_, _ events.Position) {}
	}
	run := r.runLog
	if r.Export != nil {
		run = r.runExport
	}
	out, err := run(ctx)
	if err != nil {
		return Replayed{}, fmt.Errorf("replay: %w", err)
	}
	if !r.AsOf.IsZero() {
		out.Moment = r.AsOf
	}
	return out, nil
}

// begin bounds the replay by the head and returns what it has made so far: nothing.
func (r *Replay) begin(head events.Position) Replayed {
	if r.Through == 0 || r.Through > head {
		r.Through = head
	}
	return Replayed{Rows: readmodel.NewRows(projections.Tables(r.Projections)...), Through: max(r.After, r.Through)}
}

func (r Replay) runLog(ctx context.Context) (Replayed, error) {
	totals, err := r.Log.Totals(ctx)
	if err != nil {
		return Replayed{}, err
	}
	head := totals.Head
	if !r.AsOf.IsZero() {
		if head, err = r.recordedBy(ctx, head); err != nil {
			return Replayed{}, err
		}
	}
	out := r.begin(head)
	ahead := replayAhead
	if r.Campaign != "" {
		ahead = 0 // its batches are large, and read one after the other
	}
	batches := make(chan batch, ahead)
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(batches)
		if r.Campaign != "" {
			return r.readStream(running, batches)
		}
		return r.readLog(running, batches)
	})
	group.Go(func() error {
		for b := range batches {
			read, err := b.wait(running)
			if err != nil {
				return err
			}
			if enough := r.fold(&out, read); enough {
				return errEnough
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, errEnough) {
		return Replayed{}, err
	}
	if r.AsOf.IsZero() && r.Through > r.After {
		out.Moment, err = r.recordedAt(ctx, out.Through)
	}
	return out, err
}

// runExport reads to the end even where that is beyond what is wanted: only then is
// it known that the export is what was exported.
func (r Replay) runExport(ctx context.Context) (Replayed, error) {
	first, last := r.Export.Ends()
	if r.After < first-1 {
		return Replayed{}, fmt.Errorf("%w: the export begins at position %d", events.ErrGap, first)
	}
	out, enough := r.begin(last), false
	err := r.Export.Each(ctx, func(read []events.Recorded) error {
		if read = between(read, r.After, r.Through); len(read) > 0 && !enough {
			out.Moment = read[len(read)-1].RecordedAt
			enough = r.fold(&out, read)
		}
		return nil
	})
	return out, err
}

// between returns those of the batch that lie after a position, through another.
func between(read []events.Recorded, after, through events.Position) []events.Recorded {
	first, n := read[0].Position, events.Position(len(read))
	end := max(0, min(through-first+1, n))
	return read[min(max(0, after-first+1), end):end]
}

// fold folds those of the batch that are wanted, and reports whether it has some
// that were recorded too late, or has made rows enough.
func (r Replay) fold(out *Replayed, read []events.Recorded) (enough bool) {
	r.GiveWay()
	n := r.until(read)
	wanted := read[:n]
	if r.Export != nil && r.Campaign != "" { // a log has been asked for this campaign's alone
		wanted = nil
		for _, e := range read[:n] {
			if e.Event.Subject() == r.Campaign {
				wanted = append(wanted, e)
			}
		}
	}
	r.foldBatch(out.Rows, wanted)
	if out.Events += int64(len(wanted)); len(wanted) > 0 {
		out.RecordedAt = wanted[len(wanted)-1].RecordedAt
	}
	if n < len(read) {
		// Later positions were not recorded earlier.
		out.Through = read[n].Position - 1
		return true
	}
	r.Progress(read[n-1].Position, r.Through)
	if r.MaxRows > 0 && out.Rows.Len() > r.MaxRows {
		out.Through = read[n-1].Position
		return true
	}
	return false
}

// foldBatch folds the batch by all projections at once: each has a table of its own.
func (r Replay) foldBatch(rows *readmodel.Rows, batch []events.Recorded) {
	var folding sync.WaitGroup
	for _, p := range r.Projections {
		folding.Go(func() { projections.Fold(rows, []projections.Projection{p}, batch) })
	}
	folding.Wait()
}

// recordedBy returns the last position up to the head that was recorded by AsOf: later
// ones were not recorded earlier.
func (r Replay) recordedBy(ctx context.Context, head events.Position) (events.Position, error) {
	last := events.Position(0)
	for last < head {
		middle := head - (head-last)/2
		at, err := r.recordedAt(ctx, middle)
		if err != nil {
			return 0, err
		}
		if at.After(r.AsOf) {
			head = middle - 1
		} else {
			last = middle
		}
	}
	return last, nil
}

// recordedAt returns when the event at the position was recorded.
func (r Replay) recordedAt(ctx context.Context, at events.Position) (time.Time, error) {
	read, err := r.Log.Read(ctx, at-1, 1)
	if err == nil && len(read) == 0 {
		err = fmt.Errorf("%w: position %d is missing", events.ErrGap, at)
	}
	if err != nil {
		return time.Time{}, err
	}
	return read[0].RecordedAt, nil
}

// errEnough ends a replay before the log does.
var errEnough = errors.New("all that was wanted is folded")

// until returns how many events of the batch were recorded in time.
func (r Replay) until(batch []events.Recorded) int {
	if r.AsOf.IsZero() {
		return len(batch)
	}
	for i := range batch {
		if batch[i].RecordedAt.After(r.AsOf) {
			return i
		}
	}
	return len(batch)
}

// batch is a part of the log that is being read. It is never empty.
type batch struct {
	read chan []events.Recorded
	err  chan error
}

func newBatch() batch {
	return batch{make(chan []events.Recorded, 1), make(chan error, 1)}
}

func (b batch) wait(ctx context.Context) ([]events.Recorded, error) {
	select {
	case read := <-b.read:
		return read, nil
	case err := <-b.err:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readLog has the wanted range read, some batches at once.
func (r Replay) readLog(ctx context.Context, to chan<- batch) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	for after := r.After; after < r.Through; after += r.batch {
		b, n := newBatch(), min(r.batch, r.Through-after)
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		readers.Go(func() {
			r.GiveWay()
			read, err := r.Log.Read(ctx, after, int(n))
			switch {
			case err != nil:
				b.err <- err
			case len(read) != int(n) || read[0].Position != after+1: // I2
				b.err <- fmt.Errorf("%w: asked for %d events from %d, got %d", events.ErrGap, n, after+1, len(read))
			default:
				b.read <- read
			}
		})
	}
	return nil
}

// readStream reads the wanted events of one campaign, batch by batch.
func (r Replay) readStream(ctx context.Context, to chan<- batch) error {
	for after := r.After; after < r.Through; {
		read, err := r.Log.ReadStream(ctx, events.Stream{Campaign: r.Campaign, After: after, Through: r.Through, Limit: streamBatch})
		if err != nil || len(read) == 0 {
			return err
		}
		after = read[len(read)-1].Position
		b := newBatch()
		b.read <- read
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
