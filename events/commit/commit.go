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

// ErrClosed means that Append was called after Close.
var ErrClosed = errors.New("appender is closed")

// Options configures an [Appender].
type Options struct {
	// Observe is called after every transaction, before its callers return, on the
	// appender's own goroutine: it must return quickly. Nil observes nothing.
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
	stopped chan struct{} // closed when the goroutine ends

	mu      sync.Mutex
	arrived sync.Cond // signals that queue grew or closed was set; its lock is mu
	queue   []*call   // guarded by mu
	closed  bool      // guarded by mu
}

var _ events.Appender = (*Appender)(nil)

// call is one waiting Append.
type call struct {
	drafts []events.Draft
	read   []events.Reading
	bytes  int          // of the drafts' events
	tx     *transaction // guarded by Appender.mu; nil while queued

	done    chan struct{}  // closed once receipt and err are set
	receipt events.Receipt // written by Appender.run before done is closed
	err     error          // likewise
}

// transaction is one append to the log for all its calls.
type transaction struct {
	calls   []*call
	drafts  []events.Draft
	read    []events.Reading
	waiting int // callers that still wait; guarded by Appender.mu
	cancel  context.CancelFunc
}

// New returns an appender to inner. Close ends its goroutine.
func New(inner events.Appender, o Options) *Appender {
	a := &Appender{inner: inner, observe: o.Observe, stopped: make(chan struct{})}
	a.arrived.L = &a.mu
	if a.observe == nil {
		a.observe = func(Batch) {}
	}
	go a.run()
	return a
}

// Append implements [events.Appender]. It returns the context's error as soon as
// the context ends; the drafts may still be written then, which is harmless (I4),
// so the caller must not change them afterwards. After Close it returns [ErrClosed].
func (a *Appender) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return events.Receipt{}, err
	}
	c := &call{drafts: drafts, read: read, done: make(chan struct{})}
	for i := range drafts {
		c.bytes += events.SizeOf(drafts[i].Event)
	}
	if err := a.enqueue(c); err != nil {
		return events.Receipt{}, err
	}
	select {
	case <-c.done:
		return c.receipt, c.err
	case <-ctx.Done():
		a.leave(c)
		return events.Receipt{}, ctx.Err()
	}
}

// Close waits until earlier calls are written and ends the goroutine. It may be
// called more than once.
func (a *Appender) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.arrived.Signal()
	<-a.stopped
}

func (a *Appender) enqueue(c *call) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return ErrClosed
	}
	a.queue = append(a.queue, c)
	a.arrived.Signal()
	return nil
}

// leave removes a call whose caller no longer waits. It drops a queued call, so that
// the retries of a stalled log do not accumulate (I14), and cancels a transaction
// without waiting callers, so that Close does not outlast all of them.
func (a *Appender) leave(c *call) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.tx == nil {
		if i := slices.Index(a.queue, c); i >= 0 {
			a.queue = slices.Delete(a.queue, i, i+1)
		}
		return
	}
	if c.tx.waiting--; c.tx.waiting == 0 {
		c.tx.cancel()
	}
}

// run writes transactions one after another until the appender is closed and its
// queue is empty.
func (a *Appender) run() {
	defer close(a.stopped)
	for {
		// A context of the transaction's own: one caller's must not end the others.
		ctx, cancel := context.WithCancel(context.Background())
		tx := a.next(cancel)
		if tx == nil {
			cancel()
			return
		}
		a.write(ctx, tx)
		cancel()
	}
}

// next waits for calls and takes as many as fit, in the order of their arrival. It
// returns nil when the appender is closed and its queue is empty.
func (a *Appender) next(cancel context.CancelFunc) *transaction {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) == 0 {
		if a.closed {
			return nil
		}
		a.arrived.Wait()
	}
	n, drafts, bytes := 1, len(a.queue[0].drafts), a.queue[0].bytes
	for n < len(a.queue) && drafts+len(a.queue[n].drafts) <= MaxDrafts && bytes+a.queue[n].bytes <= MaxBytes {
		drafts, bytes = drafts+len(a.queue[n].drafts), bytes+a.queue[n].bytes
		n++
	}
	tx := &transaction{calls: slices.Clone(a.queue[:n]), waiting: n, cancel: cancel}
	a.queue = slices.Delete(a.queue, 0, n)
	if n > 1 {
		tx.drafts = make([]events.Draft, 0, drafts)
	}
	for _, c := range tx.calls {
		c.tx = tx
		for _, r := range c.read {
			r.From, r.To = r.From+len(tx.drafts), r.To+len(tx.drafts)
			tx.read = append(tx.read, r)
		}
		if n == 1 {
			tx.drafts = c.drafts
		} else {
			tx.drafts = append(tx.drafts, c.drafts...)
		}
	}
	return tx
}

// write appends the transaction's drafts and gives each call its own outcomes.
func (a *Appender) write(ctx context.Context, tx *transaction) {
	start := time.Now()
	receipt, err := a.inner.Append(ctx, tx.drafts, tx.read...)
	if err == nil && len(receipt.Outcomes) != len(tx.drafts) {
		err = fmt.Errorf("the log returned %d outcomes for %d drafts", len(receipt.Outcomes), len(tx.drafts))
	}
	if err != nil {
		err = fmt.Errorf("append together with %d others: %w", len(tx.calls)-1, err)
	}
	a.observe(Batch{Drafts: len(tx.drafts), Callers: len(tx.calls), Took: time.Since(start), Err: err})
	for _, c := range tx.calls {
		if err == nil {
			c.receipt, receipt = receipt.Cut(len(c.drafts))
		}
		c.err = err
		close(c.done)
	}
}
