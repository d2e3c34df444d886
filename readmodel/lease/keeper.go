package lease

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"jangbu/readmodel"
)

// Config says which lease to keep, and for whom.
type Config struct {
	Leases readmodel.Leases
	Name   string
	Owner  string        // names this process to operators, and tells its leases from others'
	TTL    time.Duration // for how long a dead process keeps the others waiting
	Logger *slog.Logger
	// StandBy is called when another process is found to hold the lease, once for each
	// wait. Nil calls nothing.
	StandBy func(context.Context)
}

// Keeper takes a lease when it is free, renews it at a third of its time, and gives it
// up at the end. Make one with [New]. One goroutine at a time may call Hold or Keep; any
// may call Term and Held.
type Keeper struct {
	cfg Config

	expire context.CancelFunc // ends term; the goroutine that renews owns it

	mu    sync.Mutex
	term  context.Context //nolint:containedctx // guarded by mu; ended, or nil, while the lease is not held
	until time.Time       // guarded by mu; when the lease expires unless it is renewed
}

// New returns a keeper that does not hold the lease yet.
func New(cfg Config) *Keeper {
	if cfg.StandBy == nil {
		cfg.StandBy = func(context.Context) {}
	}
	return &Keeper{cfg: cfg}
}

// Hold waits for the lease and runs do, whose context ends once the lease is lost; then it
// gives the lease up. The epoch must fence what do writes: at the expiry the store is asked
// once more, and where no other process took the lease meanwhile, do goes on. Hold returns
// [readmodel.ErrFenced] where the lease was lost, the error of do, or that of the attempt
// to take the lease.
func (k *Keeper) Hold(ctx context.Context, do func(term context.Context, held readmodel.Lease) error) error {
	held, until, err := k.acquire(ctx)
	if err != nil {
		return err
	}
	term, end := context.WithCancelCause(ctx)
	k.note(term, until)
	var renewing sync.WaitGroup
	renewing.Go(func() { end(k.renew(term, held, until)) })
	err = do(term, held)
	end(nil)
	renewing.Wait()
	k.release(ctx, held)
	if ctx.Err() == nil && context.Cause(term) != context.Canceled { //nolint:errorlint // set by end, never wrapped
		return context.Cause(term)
	}
	return err
}

// Keep holds the lease whenever it can until ctx ends. [Keeper.Term] says when it does.
func (k *Keeper) Keep(ctx context.Context) {
	for ctx.Err() == nil {
		err := k.Hold(ctx, func(term context.Context, held readmodel.Lease) error {
			k.cfg.Logger.InfoContext(ctx, "lease: taken", slog.String("lease", k.cfg.Name), slog.Int64("epoch", held.Epoch))
			<-term.Done()
			return nil
		})
		if err != nil {
			_ = sleep(ctx, k.cfg.TTL/10) // the loop's condition says the same
		}
	}
}

// Term returns ctx until the lease is given up, lost or expired; false where it is not held.
func (k *Keeper) Term(ctx context.Context) (context.Context, context.CancelFunc, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.holds() {
		return nil, nil, false
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(k.term, cancel)
	return ctx, func() { stop(); cancel() }, true
}

// Held reports whether the lease is held.
func (k *Keeper) Held() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.holds()
}

// holds is Held; k.mu is held. It looks at the clock, for a process that was frozen may
// ask before its term is ended.
func (k *Keeper) holds() bool {
	return k.term != nil && k.term.Err() == nil && time.Now().Before(k.until)
}

// note says that the lease is held until then, for no longer than term lasts.
func (k *Keeper) note(term context.Context, until time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until = until; k.term == nil || k.term.Err() != nil {
		k.term, k.expire = context.WithCancel(term)
	}
}

// acquire waits until the lease is this process's. An answer that takes as long as the
// lease lasts is not waited for, and not an error: the store may wait for a long commit.
func (k *Keeper) acquire(ctx context.Context) (held readmodel.Lease, until time.Time, err error) {
	for waiting := false; ; waiting = true {
		until := time.Now().Add(k.cfg.TTL)
		attempt, cancel := context.WithDeadline(ctx, until)
		held, ok, err := k.cfg.Leases.Acquire(attempt, k.cfg.Name, k.cfg.Owner, k.cfg.TTL)
		late := attempt.Err() != nil
		cancel()
		if ok || err != nil && !late {
			return held, until, err
		}
		if !waiting {
			k.cfg.StandBy(ctx)
		}
		if err := sleep(ctx, k.cfg.TTL/10); err != nil {
			return readmodel.Lease{}, time.Time{}, err
		}
	}
}

// renew renews the lease until the term ends. It returns [readmodel.ErrFenced] once the
// lease is lost.
func (k *Keeper) renew(term context.Context, held readmodel.Lease, until time.Time) error {
	for pause := k.cfg.TTL / 3; sleep(term, min(pause, time.Until(until))) == nil; {
		asked, deadline := time.Now(), until
		late := !asked.Before(until)
		if late { // a last attempt: this process may only have been slow
			k.expire()
			deadline = asked.Add(k.cfg.TTL)
		}
		attempt, cancel := context.WithDeadline(term, deadline)
		inTime := context.AfterFunc(attempt, k.expire)
		again, ok, err := k.cfg.Leases.Acquire(attempt, held.Name, held.Owner, k.cfg.TTL)
		if !inTime() {
			k.expire() // before note looks
		}
		cancel()
		switch {
		case err != nil && !late: // tried again for as long as the lease lasts
			pause = k.cfg.TTL / 10
		case err != nil, !ok:
			return readmodel.ErrFenced
		case again.Epoch != held.Epoch: // it was lost, and is another term's now
			k.release(term, again)
			return readmodel.ErrFenced
		default:
			pause, until = k.cfg.TTL/3, asked.Add(k.cfg.TTL)
			k.note(term, until)
		}
	}
	return nil
}

// release gives the lease up, so that its successor need not wait for the expiry.
func (k *Keeper) release(ctx context.Context, held readmodel.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := k.cfg.Leases.Release(ctx, held); err != nil {
		k.cfg.Logger.WarnContext(ctx, "lease: not released, it will expire", slog.String("lease", held.Name), slog.Any("error", err))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
