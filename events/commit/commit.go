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

// MaxDrafts is the most drafts that are joined into one transaction. A single
// call may bring more; it is then written alone.
const MaxDrafts = 20_000

// ErrClosed says that the call came after Close.
var ErrClosed = errors.New("appender is closed")

// Options configures an [Appender].
type Options struct {
	// Observe is told of every transaction before its callers are, on the
	// appender's own goroutine: it must return quickly. Nil for nobody.
	Observe func(Batch)
}

// Batch says what one transaction was.
type Batch struct {
	Drafts  int
	Callers int
	Took    time.Duration
	Err     error // nil where it was committed
}

// Appender is an [events.Appender] that joins concurrent calls. It is safe for
// concurrent use.
type Appender struct {
	inner   events.Appender
	observe func(Batch)
	stopped chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	arrived sync.Cond // the queue grew, or closed was set
	queue   []*call
	closed  bool
}

var _ events.Appender = (*Appender)(nil)

// call is one Append that waits.
type call struct {
	drafts []events.Draft
	tx     *transaction // guarded by Appender.mu; nil while queued

	done     chan struct{} // closed once outcomes and err are set
	outcomes []events.Outcome
	err      error
}

// transaction is one append to the log for everybody in calls.
type transaction struct {
	calls   []*call
	drafts  []events.Draft
	waiting int // guarded by Appender.mu: callers that have not gone
	cancel  context.CancelFunc
}

// New returns an appender to inner. Close it to end its goroutine.
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
// that ends; the drafts may then still be written, which is harmless (I4), so
// that they must not be changed afterwards. After Close it returns [ErrClosed].
func (a *Appender) Append(ctx context.Context, drafts []events.Draft) ([]events.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &call{drafts: drafts, done: make(chan struct{})}
	if err := a.enqueue(c); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
		return c.outcomes, c.err
	case <-ctx.Done():
		a.leave(c)
		return nil, ctx.Err()
	}
}

// Close lets what was called before it be written, then ends the goroutine. It
// may be called more than once.
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

// leave forgets a caller that waits no more. What is queued is dropped, so that
// a stalled log does not gather the drafts of every retry; a transaction that
// nobody waits for is cancelled, so that Close does not outlast all callers.
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

// run writes one transaction after the other until the appender is closed and
// its queue is empty.
func (a *Appender) run() {
	defer close(a.stopped)
	for {
		// The transaction's own context: one caller's end is not the others'.
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

// next waits for calls and takes as many as fit, in the order of their arrival;
// nil when the appender is closed and its queue is empty.
func (a *Appender) next(cancel context.CancelFunc) *transaction {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) == 0 {
		if a.closed {
			return nil
		}
		a.arrived.Wait()
	}
	n, size := 1, len(a.queue[0].drafts)
	for n < len(a.queue) && size+len(a.queue[n].drafts) <= MaxDrafts {
		size += len(a.queue[n].drafts)
		n++
	}
	tx := &transaction{calls: slices.Clone(a.queue[:n]), waiting: n, cancel: cancel}
	a.queue = slices.Delete(a.queue, 0, n)
	if n == 1 {
		tx.drafts = tx.calls[0].drafts
	} else {
		tx.drafts = make([]events.Draft, 0, size)
	}
	for _, c := range tx.calls {
		c.tx = tx
		if n > 1 {
			tx.drafts = append(tx.drafts, c.drafts...)
		}
	}
	return tx
}

// write appends the transaction's drafts and hands every caller its own share.
func (a *Appender) write(ctx context.Context, tx *transaction) {
	start := time.Now()
	outcomes, err := a.inner.Append(ctx, tx.drafts)
	if err == nil && len(outcomes) != len(tx.drafts) {
		err = fmt.Errorf("the log returned %d outcomes for %d drafts", len(outcomes), len(tx.drafts))
	}
	if err != nil {
		err = fmt.Errorf("append together with %d others: %w", len(tx.calls)-1, err)
	}
	a.observe(Batch{Drafts: len(tx.drafts), Callers: len(tx.calls), Took: time.Since(start), Err: err})
	for _, c := range tx.calls {
		if n := len(c.drafts); err == nil {
			// The capacity ends with the share: a caller that appends to it
			// must not write into its neighbour's.
			c.outcomes, outcomes = outcomes[:n:n], outcomes[n:]
		}
		c.err = err
		close(c.done)
	}
}
