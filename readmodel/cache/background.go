package cache

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed says that a call came after Close.
var ErrClosed = errors.New("cache is closed")

// background runs the goroutines of a cache.
type background struct {
	context func() context.Context // ends with the cache
	cancel  context.CancelFunc

	mu      sync.Mutex
	closed  bool           // guarded by mu
	running sync.WaitGroup // added to under mu
}

func newBackground(ctx context.Context) *background {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &background{context: func() context.Context { return ctx }, cancel: cancel}
}

// start runs f in a goroutine; it returns false where the cache is closed.
func (b *background) start(f func(context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.running.Go(func() { f(b.context()) })
	}
	return !b.closed
}

// close cancels what runs and waits for its end.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
}
