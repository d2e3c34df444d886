package segments

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"jangbu/events"
)

const (
	// fewEvents are appended without filters: a command that appends some looks into all
	// indexes, which is cheaper than to read the filters.
	fewEvents = 1_000
	// maxWaiting is how many appends wait at most to be added to a filter. One for which there is
	// no place is read back.
	maxWaiting = 8
	// tendAgain is the time before what has failed is tried again.
	tendAgain = 10 * time.Second
)

// Tender keeps the filters of a process that appends to a log, and makes what is missing: filters
// of what is full, and the next segment. It works beside the appends. What it has not done costs
// these a look into more indexes, and nothing else.
type Tender struct {
	// Size is how many positions a segment has.
	Size events.Position
	// Read reads the filters that are kept, but for those that are known, and the head.
	Read func(context.Context, *Known) (*Known, events.Position, error)
	// List returns the segments.
	List func(context.Context) ([]Range, error)
	// Add adds a segment, of which there is one at least. Nil: they are added by appends.
	Add func(context.Context, Range) error
	// Make makes and keeps the filter of a part of a segment, which is full.
	Make func(ctx context.Context, of, part Range) error
	// Failed is told what failed.
	Failed func(context.Context, error)

	mu       sync.Mutex // guards what follows
	known    *Known     // nil: not read
	appended int
	// head is the newest that is known of. There is work from the head due on, and not before the
	// time again.
	due, head events.Position
	again     time.Time
	whole     *Own // the last that has reached the end of its range; nil: none, or it was taken

	appends chan Append
	reading chan struct{} // holds a token while the filters are read
	wake    chan struct{} // holds a token while there may be work
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Start starts the tender, whose exported fields are set. ctx does not end it.
func (t *Tender) Start(ctx context.Context) {
	t.reading, t.wake, t.appends = make(chan struct{}, 1), make(chan struct{}, 1), make(chan Append, maxWaiting)
	ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.running.Go(func() { t.run(ctx) })
	t.running.Go(func() { t.follow(ctx) })
}

// Close ends the work, if it was started, and waits for its end.
func (t *Tender) Close() {
	if t.stop == nil {
		return
	}
	t.stop()
	t.running.Wait()
}

func (t *Tender) run(ctx context.Context) {
	for {
		select {
		case <-t.wake:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil && t.isDue() {
			if err := t.Tend(ctx); err != nil {
				t.failed(ctx, err)
			}
		}
	}
}

// follow adds the appends of the process to the filter that grows.
func (t *Tender) follow(ctx context.Context) {
	for growing := (*Own)(nil); ; {
		select {
		case a := <-t.appends:
			var whole *Own
			if growing, whole = growing.grow(a, t.Size); whole != nil {
				t.mu.Lock()
				t.whole, t.known = whole, t.known.and(whole)
				t.mu.Unlock()
			}
			t.Grown(a.After.Position)
		case <-ctx.Done():
			return
		}
	}
}

// Own takes the filter of a range that the process has filled itself, since the last renaming. It
// is empty, and from the end of the range on, if it has not, or the log has not its mark.
func (t *Tender) Own(r Range, last Renaming, has func(events.Mark) (bool, error)) (*Own, error) {
	t.mu.Lock()
	own := t.whole
	t.whole = nil
	t.mu.Unlock()
	if own != nil && own.Range == r && own.Renaming == last {
		if is, err := has(own.Mark); err != nil || is {
			return own, err
		}
	}
	return &Own{Filter: NewFilter(r), From: r.Last + 1, Renaming: last}, nil
}

// Tend makes what is missing now.
func (t *Tender) Tend(ctx context.Context) error {
	t.mu.Lock()
	known := t.known
	t.mu.Unlock()
	known, head, err := t.Read(ctx, known)
	if err != nil {
		return fmt.Errorf("read the filters: %w", err)
	}
	all, err := t.List(ctx)
	if err != nil {
		return fmt.Errorf("read the segments: %w", err)
	}
	ahead, err := t.addAhead(ctx, all, head)
	if err != nil {
		return fmt.Errorf("add a segment: %w", err)
	}
	missing, due := known.Missing(all, head, t.Size)
	for _, part := range missing {
		i, _ := Holding(all, part.First)
		if err := t.Make(ctx, all[i], part); err != nil {
			return fmt.Errorf("make the filter of positions %d to %d: %w", part.First, part.Last, err)
		}
	}
	if len(missing) > 0 {
		if known, _, err = t.Read(ctx, known); err != nil {
			return fmt.Errorf("read the filters: %w", err)
		}
		if missing, _ = known.Missing(all, head, t.Size); len(missing) > 0 {
			return errors.New("the log has changed meanwhile")
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.due = known, min(due, ahead)
	return nil
}

// addAhead adds the next segment before the last one is full. It returns the next head at which another
// is to be added.
func (t *Tender) addAhead(ctx context.Context, all []Range, head events.Position) (events.Position, error) {
	if t.Add == nil {
		return math.MaxInt64, nil
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("%w: no segment", events.ErrCorrupt)
	}
	last := all[len(all)-1]
	half := max(last.First, last.Last-t.Size/2)
	if head < half {
		return half, nil
	}
	next := Range{last.Last + 1, Around(last.Last+1, t.Size).Last}
	return next.Last - t.Size/2, t.Add(ctx, next)
}

// Appended says that the process has appended, and so how far the log has grown.
func (t *Tender) Appended(a Append) {
	t.mu.Lock()
	many := t.isMany()
	t.mu.Unlock()
	if many {
		select {
		case t.appends <- a:
			return
		default:
		}
	}
	t.Grown(a.After.Position)
}

// Grown says how far the log has grown.
func (t *Tender) Grown(head events.Position) {
	t.mu.Lock()
	t.head = head
	t.mu.Unlock()
	if !t.isDue() {
		return
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// isDue reports whether there is work.
func (t *Tender) isDue() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head >= t.due && t.isMany() && !time.Now().Before(t.again)
}

// isMany reports whether the process has appended more than a few events. The caller holds mu.
func (t *Tender) isMany() bool { return t.appended >= min(fewEvents, int(t.Size/4)) }

// Known returns the filters for an append of n events; nil if there are none. It reads them first
// if the process has appended more than a few.
func (t *Tender) Known(ctx context.Context, n int) *Known {
	t.mu.Lock()
	t.appended += n
	t.mu.Unlock()
	known, done := t.look()
	if done {
		return known
	}
	select {
	case t.reading <- struct{}{}:
		defer func() { <-t.reading }()
	case <-ctx.Done():
		return nil
	}
	if known, done = t.look(); done {
		return known
	}
	known, _, err := t.Read(ctx, nil)
	if err != nil {
		t.failed(ctx, err)
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = known
	return known
}

// Newest returns the filters that there are now, in place of those that an append has from
// [Tender.Known], which may have waited since.
func (t *Tender) Newest(known *Known) *Known {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known == nil || t.known == nil {
		return known
	}
	return t.known
}

// look returns the filters, and whether they need not be read.
func (t *Tender) look() (*Known, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known, t.known != nil || !t.isMany() || time.Now().Before(t.again)
}

// Forget makes the next append read the filters again: those that it had are of another log.
func (t *Tender) Forget(known *Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == known {
		t.known, t.due = nil, 0
	}
}

func (t *Tender) failed(ctx context.Context, err error) {
	t.mu.Lock()
	t.again = time.Now().Add(tendAgain)
	t.mu.Unlock()
	if ctx.Err() == nil {
		t.Failed(ctx, err)
	}
}
