package cache

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClosed says that the call came after Close.
var ErrClosed = errors.New("cache is closed")

// life is that of a cache: what it began ends with it.
type life struct {
	context func() context.Context // ends with the cache
	end     context.CancelFunc

	mu     sync.Mutex
	closed bool
	all    sync.WaitGroup
}

func newLife(ctx context.Context) *life {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	return &life{context: func() context.Context { return ctx }, end: end}
}

// begin runs f on its own unless the cache is closed.
func (l *life) begin(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.all.Go(func() { f(l.context()) })
	}
	return !l.closed
}

// within returns a context that ends with the cache or after a time.
func (l *life) within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(l.context(), d)
}

// close ends every context and waits for what was begun.
func (l *life) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end()
	l.all.Wait()
}
