package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// Config says which part of the log to fold.
type Config struct {
	Log         events.Log
	Export      Export // is read in the place of Log; nil reads Log
	Projections []projections.Projection

	Campaign events.Campaign // empty folds all
	After    events.Position // exclusive
	Through  events.Position // 0, or beyond the head: to the head when the replay begins
	// AsOf is the latest RecordedAt that is folded; zero folds all.
	AsOf time.Time
	// MaxRows ends the replay once it has made more rows. 0 sets no bound.
	MaxRows int

	// Snapshots takes snapshots where all campaigns of a log are folded from its start, and
	// gives them to Keep. Result.Rows keep the others: those of campaigns with withdrawals, and one
	// after the last event of each with an erasure. Nil takes none.
	Snapshots *Snapshots
	Keep      func(context.Context, []readmodel.Snapshot) error

	// Between is called before each piece of work, by several goroutines, and may wait. Nil
	// waits for nothing.
	Between func()
	// Progress is called with each position that is reached, and with the last one that
	// is wanted. Nil calls nothing.
	Progress func(at, to events.Position)
}

// Result is what [Run] has made.
type Result struct {
	Rows   *readmodel.Rows
	Events int64
	// Through is the last position that counts, of any campaign, whether or not an event
	// was folded there.
	Through events.Position
	// Link is the value of the log's chain at Through, where the whole log was folded from
	// its start.
	Link events.Link
	// RecordedAt is that of the last event that was folded; zero where none was.
	RecordedAt time.Time
	// Moment is when all this was known: AsOf or, without it, when the event at
	// Through was recorded; zero where that is not beyond After.
	Moment time.Time
}

// Export is a log that can be read from its one end to the other.
type Export interface {
	// Ends returns the first and the last position in it.
	Ends() (first, last events.Position)
	// Each calls f with all events in order, some at a time, until f returns an error.
	// It may return an error after all of them, which says that they were wrong.
	Each(ctx context.Context, f func([]events.Recorded) error) error
}

// replay is one [Run].
type replay struct {
	Config
	// withdrawals are the events of that type that were read, by campaign.
	withdrawals map[events.Campaign][]events.Recorded
	// overwritten says how many events of a campaign were before the first was read, where any were;
	// erased holds the last event of such a campaign.
	overwritten map[events.Campaign]int
	erased      map[events.Campaign]*events.Recorded
}

// Run folds a part of the log in memory. It returns [events.ErrGap] or
// [events.ErrCorrupt] where the log is damaged.
func Run(ctx context.Context, cfg Config) (Result, error) {
	r := &replay{Config: cfg, withdrawals: make(map[events.Campaign][]events.Recorded)}
	if r.Between == nil {
		r.Between = func() {}
	}
	if r.Progress == nil {
		r.Progress = func(_, _ events.Position) {}
	}
	run := r.runLog
	if r.Export != nil {
		run = r.runExport
	}
	if r.Snapshots != nil {
		var err error
		if r.overwritten, err = Overwritten(ctx, r.Log, ""); err != nil {
			return Result{}, fmt.Errorf("replay: %w", err)
		}
		r.erased = make(map[events.Campaign]*events.Recorded, len(r.overwritten))
	}
	out, err := run(ctx)
	if err == nil {
		for c, last := range r.erased {
			out.Rows.Keep(r.Snapshots.Of(out.Rows, r.Projections, c, last, r.overwritten[c])...)
		}
		err = r.withdraw(ctx, &out)
	}
	if err != nil {
		return Result{}, fmt.Errorf("replay: %w", err)
	}
	if !r.AsOf.IsZero() {
		out.Moment = r.AsOf
	}
	return out, nil
}

// begin bounds the replay by the head and returns a result without an event.
func (r *replay) begin(head events.Position) Result {
	if r.Through == 0 || r.Through > head {
		r.Through = head
	}
	return Result{Rows: readmodel.NewManyRows(projections.Tables(r.Projections)...), Through: max(r.After, r.Through)}
}

// runLog reads batches in one goroutine and folds them in another.
func (r *replay) runLog(ctx context.Context) (Result, error) {
	totals, err := r.Log.Totals(ctx)
	if err != nil {
		return Result{}, err
	}
	head := totals.Head
	if !r.AsOf.IsZero() {
		if head, err = r.recordedBy(ctx, head); err != nil {
			return Result{}, err
		}
	}
	out := r.begin(head)
	ahead := readAhead
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
			for {
				read, err := b.next(running)
				if err != nil {
					return err
				}
				if len(read) == 0 {
					break
				}
				enough, err := r.fold(running, &out, read)
				if err != nil {
					return err
				}
				if enough {
					return errEnough
				}
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, errEnough) {
		return Result{}, err
	}
	if r.AsOf.IsZero() && r.Through > r.After {
		out.Moment, err = recordedAt(ctx, r.Log, out.Through)
	}
	return out, err
}

// runExport reads the export to its end, also where less is wanted: an export says only
// there whether it is what was exported.
func (r *replay) runExport(ctx context.Context) (Result, error) {
	first, last := r.Export.Ends()
	if r.After < first-1 {
		return Result{}, fmt.Errorf("%w: the export begins at position %d", events.ErrGap, first)
	}
	out, enough := r.begin(last), false
	err := r.Export.Each(ctx, func(read []events.Recorded) error {
		if read = within(read, r.After, r.Through); len(read) > 0 && !enough {
			out.Moment = read[len(read)-1].RecordedAt
			var err error
			enough, err = r.fold(ctx, &out, read)
			return err
		}
		return nil
	})
	return out, err
}

// within returns those of the batch that lie after a position, through another.
func within(read []events.Recorded, after, through events.Position) []events.Recorded {
	first, n := read[0].Position, events.Position(len(read))
	end := max(0, min(through-first+1, n))
	return read[min(max(0, after-first+1), end):end]
}

// fold folds those of the batch that are wanted. It reports whether the replay ends there:
// the batch has events that were recorded too late, or the rows are as many as wanted.
func (r *replay) fold(ctx context.Context, out *Result, read []events.Recorded) (enough bool, err error) {
	r.Between()
	n := r.until(read)
	wanted := read[:n]
	if r.Export != nil && r.Campaign != "" { // of a log this campaign's alone were read
		wanted = nil
		for _, e := range read[:n] {
			if e.Event.Subject() == r.Campaign {
				wanted = append(wanted, e)
			}
		}
	}
	if err := r.foldBatch(ctx, out, wanted); err != nil {
		return false, err
	}
	if out.Events += int64(len(wanted)); len(wanted) > 0 {
		out.RecordedAt = wanted[len(wanted)-1].RecordedAt
	}
	if n < len(read) {
		// Later positions were not recorded earlier.
		out.Through = read[n].Position - 1
		return true, nil
	}
	r.Progress(read[n-1].Position, r.Through)
	if r.MaxRows > 0 && out.Rows.Len() > r.MaxRows {
		out.Through = read[n-1].Position
		return true, nil
	}
	return false, nil
}

// foldBatch folds the batch, and computes the log's chain meanwhile. What is withdrawn is not
// yet known.
func (r *replay) foldBatch(ctx context.Context, out *Result, batch []events.Recorded) error {
	facts := events.Withdrawn(nil).InEffect(batch)
	if len(facts) < len(batch) {
		for _, e := range batch {
			if e.Event.Type() == events.TypeEventsWithdrawn {
				r.withdrawals[e.Event.Subject()] = append(r.withdrawals[e.Event.Subject()], e)
			}
		}
	}
	var chain sync.WaitGroup
	if r.Campaign == "" && r.After == 0 {
		chain.Go(func() {
			for i := range batch {
				out.Link = out.Link.Next(batch[i].Digest)
			}
		})
	}
	err := r.foldFacts(ctx, out.Rows, facts)
	chain.Wait()
	return err
}

// foldFacts folds events, and takes the snapshots that are due after some. None is taken of a
// campaign with a withdrawal: what it withdraws is in the rows still.
func (r *replay) foldFacts(ctx context.Context, rows *readmodel.Rows, facts []events.Recorded) error {
	if r.Snapshots == nil || r.Campaign != "" || r.After > 0 {
		projections.Fold(rows, r.Projections, facts)
		return nil
	}
	first := 0
	for i := range facts {
		e := &facts[i]
		if len(r.overwritten) > 0 {
			r.noteErased(e)
		}
		if !r.Snapshots.Due(e.Position, 0) {
			continue
		}
		projections.Fold(rows, r.Projections, facts[first:i+1])
		first = i + 1
		c := e.Event.Subject()
		if len(r.withdrawals[c]) > 0 || !r.Snapshots.Due(e.Position, rows.LenOf(c)) {
			continue
		}
		if err := r.Keep(ctx, r.Snapshots.Of(rows, r.Projections, c, e, r.overwritten[c])); err != nil {
			return err
		}
	}
	projections.Fold(rows, r.Projections, facts[first:])
	return nil
}

// noteErased notes the last event of a campaign with an erasure.
func (r *replay) noteErased(e *events.Recorded) {
	c := e.Event.Subject()
	if r.overwritten[c] == 0 {
		return
	}
	last := r.erased[c]
	if last == nil {
		last = &events.Recorded{}
		r.erased[events.Campaign(strings.Clone(string(c)))] = last
	}
	last.Position, last.RecordedAt = e.Position, e.RecordedAt
}

// recordedBy returns the last position up to the head that was recorded by AsOf: later
// ones were not recorded earlier.
func (r *replay) recordedBy(ctx context.Context, head events.Position) (events.Position, error) {
	last := events.Position(0)
	for last < head {
		middle := head - (head-last)/2
		at, err := recordedAt(ctx, r.Log, middle)
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
func recordedAt(ctx context.Context, log events.Log, at events.Position) (time.Time, error) {
	read, err := log.Read(ctx, at-1, 1)
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
func (r *replay) until(batch []events.Recorded) int {
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
