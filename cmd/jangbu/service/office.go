package service

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"jangbu/readmodel"
)

// office is a lease that this process holds whenever it can: taken when it is
// free, renewed, and given up at the end.
type office struct {
	leases readmodel.Leases
	name   string
	owner  string
	ttl    time.Duration
	logger *slog.Logger

	mu    sync.Mutex
	lease readmodel.Lease
	until time.Time     // by this process's clock, so no later than by the store's
	term  chan struct{} // closed when the term ends; nil while it is another's
}

// run holds the lease whenever it can until ctx ends.
func (o *office) run(ctx context.Context) {
	defer o.release(context.WithoutCancel(ctx))
	for {
		pause := o.ttl / 10
		if o.renew(ctx) {
			pause = o.ttl / 3
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// renew takes or keeps the lease and reports whether it is this process's.
func (o *office) renew(ctx context.Context) bool {
	attempt, cancel := context.WithTimeout(ctx, o.ttl/3)
	defer cancel()
	asked := time.Now()
	lease, ok, err := o.leases.Acquire(attempt, o.name, o.owner, o.ttl)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err != nil && o.term != nil && time.Now().Before(o.until):
		return true // not renewed, and still ours for a while
	case err != nil || !ok:
		o.endTerm()
		return false
	case o.term == nil || lease.Epoch != o.lease.Epoch:
		o.endTerm()
		o.term = make(chan struct{})
		o.logger.InfoContext(ctx, "lease: taken", slog.String("lease", o.name), slog.Int64("epoch", lease.Epoch))
	}
	o.lease, o.until = lease, asked.Add(o.ttl)
	return true
}

// endTerm ends the term, if there is one; o.mu is held.
func (o *office) endTerm() {
	if o.term != nil {
		close(o.term)
		o.term = nil
	}
}

// release gives the lease up, so that nobody need wait for its expiry.
func (o *office) release(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term == nil {
		return
	}
	o.endTerm()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := o.leases.Release(ctx, o.lease); err != nil {
		o.logger.WarnContext(ctx, "lease: not released, it will expire", slog.String("lease", o.name), slog.Any("error", err))
	}
}

// Term returns ctx for as long as the lease is held; false where it is not. A
// process that was frozen finds out by its own clock that its time is over.
func (o *office) Term(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.term == nil || !time.Now().Before(o.until) {
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(ctx)
	term := o.term
	go func() {
		defer cancel()
		select {
		case <-term:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel, true
}

// held reports whether the lease is held.
func (o *office) held() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.term != nil && time.Now().Before(o.until)
}
