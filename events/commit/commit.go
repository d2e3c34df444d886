package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"jangbu/events"
)

// MaxDrafts and MaxBytes bound the drafts joined into one transaction, and their texts
// (I14). A single call beyond either is written alone.
const (
	MaxDrafts = 20_000
	MaxBytes  = 16 << 20
)

// large is how many drafts a transaction has that is begun beside another one. It is joined and
// compared within itself while that one is written. A smaller one waits for more drafts meanwhile.
const large = MaxDrafts / 2

// ErrClosed means that Append was called after Close.
var ErrClosed = errors.New("appender is closed")

// Options configures an [Appender].
type Options struct {
	// Observe is called after every transaction, before its callers return, on a
	// goroutine of the appender: it must return quickly, and may be called by two at once.
	// Nil observes nothing.
	Observe func(Batch)
}

// Batch describes one transaction.
type Batch struct {
	Drafts  int
	Callers int
	Took    time.Duration
	Err     error // nil if it was committed
}

// Appender is an [events.Appender] that joins concurrent calls. It is safe for
// concurrent use.
type Appender struct {
	inner   events.Appender
	observe func(Batch)
	stopped chan struct{} // closed when the goroutines end

	mu      sync.Mutex
	changed sync.Cond      // signals a change of queue, running or closed; its lock is mu
	queue   []*call        // guarded by mu
	running []*transaction // at most two; guarded by mu
	closed  bool           // guarded by mu
}

var (
	_ events.Appender = (*Appender)(nil)
	_ events.Queue    = (*Appender)(nil)
)

// call is one Append.
type call struct {
	drafts []events.Draft
	read   []events.Reading
	bytes  int          // of the drafts' events
	tx     *transaction // guarded by Appender.mu; nil while queued
	left   bool         // the caller no longer waits; guarded by Appender.mu

	done    chan struct{}  // closed once receipt and err are set
	receipt events.Receipt // written by Appender.run before done is closed
	err     error          // likewise
}

// transaction is one append to the log for all its calls.
type transaction struct {
	calls  []*call // guarded by Appender.mu against leave; only the goroutine that writes it changes it
	cancel context.CancelFunc
	// before is closed when the transaction that ran as this one began has ended; nil: none ran.
	before <-chan struct{}
	ended  chan struct{} // closed when it has ended
}

// New returns an appender to inner. Close ends its goroutine.
func New(inner events.Appender, o Options) *Appender {
	a := &Appender{inner: inner, observe: o.Observe, stopped: make(chan struct{})}
	a.changed.L = &a.mu
	if a.observe == nil {
		a.observe = func(Batch) {}
	}
	go a.run()
	return a
}

// Append implements [events.Appender]: see [Appender.Begin].
func (a *Appender) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	return a.Begin(ctx, drafts, read...)()
}

// Begin implements [events.Queue]. What it returns returns the context's error as soon as the context ends; the drafts may still be
// written then, which is harmless (I4), so the caller must not change them afterwards. After
// Close the error is [ErrClosed].
//
// Appends of one source are written in the order in which they were begun, each in a transaction of
// its own: an earlier one that fails, or of which a draft is refused, is known before
// the next is written, which then fails with [events.ErrBehind] alone.
func (a *Appender) Begin(ctx context.Context, drafts []events.Draft, read ...events.Reading) (wait func() (events.Receipt, error)) {
	failed := func(err error) func() (events.Receipt, error) {
		return func() (events.Receipt, error) { return events.Receipt{}, err }
	}
	if err := ctx.Err(); err != nil {
		return failed(err)
	}
	c := &call{drafts: drafts, read: read, done: make(chan struct{})}
	for i := range drafts {
		c.bytes += events.SizeOf(drafts[i].Event)
	}
	if err := a.enqueue(c); err != nil {
		return failed(err)
	}
	return func() (events.Receipt, error) {
		select {
		case <-c.done:
			return c.receipt, c.err
		case <-ctx.Done():
			a.leave(c)
			return events.Receipt{}, ctx.Err()
		}
	}
}

// Close waits until earlier calls are written and ends the goroutine. It may be
// called more than once.
func (a *Appender) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.changed.Signal()
	<-a.stopped
}

func (a *Appender) enqueue(c *call) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	a.queue = append(a.queue, c)
	a.changed.Signal()
	return nil
}

// leave removes a call whose caller no longer waits. It drops a queued call, so that
// the retries of a stalled log do not accumulate (I14), and cancels a transaction
// without waiting callers, so that Close does not outlast all of them.
func (a *Appender) leave(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.left = true
	if c.tx == nil {
		if i := slices.Index(a.queue, c); i >= 0 {
			a.queue = slices.Delete(a.queue, i, i+1)
		}
		return
	}
	if !slices.ContainsFunc(c.tx.calls, func(other *call) bool { return !other.left }) {
		c.tx.cancel()
	}
}

// run begins transactions until the appender is closed and its queue is empty, and waits for
// their end.
func (a *Appender) run() {
	defer close(a.stopped)
	var writing sync.WaitGroup
	defer writing.Wait()
	for {
		// A context of the transaction's own: one caller's must not end the others.
		ctx, cancel := context.WithCancel(context.Background())
		tx := a.next(cancel)
		if tx == nil {
			cancel()
			return
		}
		writing.Go(func() {
			defer cancel()
			a.write(ctx, tx)
			close(tx.ended)
			a.mu.Lock()
			defer a.mu.Unlock()
			a.running = slices.DeleteFunc(a.running, func(other *transaction) bool { return other == tx })
			a.changed.Signal()
		})
	}
}

// next waits until a transaction is to be begun, which is counted as running. It returns nil when
// the appender is closed and its queue is empty.
func (a *Appender) next(cancel context.CancelFunc) *transaction {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		calls, later, drafts := a.joined()
		switch {
		case len(calls) == 0 && a.closed:
			return nil
		case len(calls) > 0 && (len(a.running) == 0 || len(a.running) == 1 && drafts >= large):
			tx := &transaction{calls: calls, cancel: cancel, ended: make(chan struct{})}
			for _, c := range calls {
				c.tx = tx
			}
			if len(a.running) > 0 {
				tx.before = a.running[0].ended
			}
			a.queue, a.running = later, append(a.running, tx)
			return tx
		}
		a.changed.Wait()
	}
}

// joined returns as many calls as fit into a transaction, in the order of their arrival but one of
// each source, with the number of their drafts, and the others; a.mu is held.
func (a *Appender) joined() (calls, later []*call, drafts int) {
	bytes, full := 0, false
	for _, c := range a.queue {
		full = full || len(calls) > 0 && (drafts+len(c.drafts) > MaxDrafts || bytes+c.bytes > MaxBytes)
		if full || slices.ContainsFunc(calls, c.sharesSource) {
			later = append(later, c)
			continue
		}
		drafts, bytes = drafts+len(c.drafts), bytes+c.bytes
		calls = append(calls, c)
	}
	return calls, later, drafts
}

// sharesSource reports whether the two calls have read a same partition of a topic.
func (c *call) sharesSource(other *call) bool {
	return slices.ContainsFunc(c.read, func(r events.Reading) bool { return other.reads(r.Source) })
}

func (c *call) reads(s events.Source) bool {
	return slices.ContainsFunc(c.read, func(r events.Reading) bool { return r.Topic == s.Topic && r.Partition == s.Partition })
}

// write appends the transaction's drafts and gives each call its own outcomes. Where the
// log is behind a source, the calls that have read it fail and the others are written; but first
// it waits for the transaction before it, which it may have overtaken.
func (a *Appender) write(ctx context.Context, tx *transaction) {
	for len(tx.calls) > 0 {
		receipt, err := a.append(ctx, tx.calls)
		var behind *events.BehindError
		apart := errors.As(err, &behind) && slices.ContainsFunc(tx.calls, func(c *call) bool { return c.reads(behind.Source) })
		if apart && tx.before != nil {
			<-tx.before
			tx.before = nil
			continue
		}
		var again []*call
		for _, c := range tx.calls {
			if apart && !c.reads(behind.Source) {
				again = append(again, c)
				continue
			}
			if err == nil {
				c.receipt, receipt = receipt.Cut(len(c.drafts))
			}
			c.err = err
			close(c.done)
		}
		a.mu.Lock()
		tx.calls = again
		a.mu.Unlock()
	}
}

// append appends the drafts of all calls in one transaction.
func (a *Appender) append(ctx context.Context, calls []*call) (events.Receipt, error) {
	drafts, read := join(calls)
	start := time.Now()
	receipt, err := a.inner.Append(ctx, drafts, read...)
	if err == nil && len(receipt.Outcomes) != len(drafts) {
		err = fmt.Errorf("the log returned %d outcomes for %d drafts", len(receipt.Outcomes), len(drafts))
	}
	if err != nil {
		err = fmt.Errorf("append together with %d others: %w", len(calls)-1, err)
	}
	a.observe(Batch{Drafts: len(drafts), Callers: len(calls), Took: time.Since(start), Err: err})
	return receipt, err
}

// join returns the drafts and readings of all calls.
func join(calls []*call) ([]events.Draft, []events.Reading) {
	if len(calls) == 1 {
		return calls[0].drafts, calls[0].read
	}
	n := 0
	for _, c := range calls {
		n += len(c.drafts)
	}
	drafts := make([]events.Draft, 0, n)
	var read []events.Reading
	for _, c := range calls {
		for _, r := range c.read {
			r.From, r.To = r.From+len(drafts), r.To+len(drafts)
			read = append(read, r)
		}
		drafts = append(drafts, c.drafts...)
	}
	return drafts, read
}
