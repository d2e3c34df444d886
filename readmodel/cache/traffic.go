package cache

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// quiet is how long after the last read polling pauses.
const quiet = 5 * time.Second

// traffic tells whether there are reads. Its fields are atomic or immutable.
type traffic struct {
	started time.Time
	last    atomic.Int64 // when the last read was, in nanoseconds since started
	idle    atomic.Bool  // wait waits for a read
	wake    chan struct{}
}

func newTraffic() *traffic {
	t := &traffic{started: time.Now(), wake: make(chan struct{}, 1)}
	t.last.Store(math.MinInt64 / 2)
	return t
}

// seen records a read.
func (t *traffic) seen(now time.Time) {
	if at := int64(now.Sub(t.started)); at-t.last.Load() > int64(touchEvery) {
		t.last.Store(at)
		if t.idle.Load() {
			notify(t.wake)
		}
	}
}

func (t *traffic) flows() bool {
	return int64(time.Since(t.started))-t.last.Load() < int64(quiet)
}

// wait returns once there are reads or watchers, false where ctx ended first.
func (t *traffic) wait(ctx context.Context, watched func() bool) bool {
	for !t.flows() && !watched() {
		t.idle.Store(true)
		if !t.flows() && !watched() { // no read came before idle was set
			select {
			case <-t.wake:
			case <-ctx.Done():
			}
		}
		t.idle.Store(false)
		if ctx.Err() != nil {
			return false
		}
	}
	return ctx.Err() == nil
}
