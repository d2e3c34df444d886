package service

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

// cutOff is a store of leases that can be made to fail.
type cutOff struct {
	readmodel.Leases
	down atomic.Bool
}

func (c *cutOff) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	if c.down.Load() {
		return readmodel.Lease{}, false, errors.New("no database")
	}
	return c.Leases.Acquire(ctx, name, owner, ttl)
}

// TestOffice: one process at a time holds the lease; one that cannot reach the
// store gives up before another can take over.
func TestOffice(t *testing.T) {
	t.Parallel()
	rows, err := sqliterows.Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"), projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	const ttl = time.Second
	start := func(owner string) (*office, *cutOff, func()) {
		leases := &cutOff{Leases: rows}
		o := &office{leases: leases, name: "poller", owner: owner, ttl: ttl, logger: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { o.run(ctx); close(ended) }()
		stop := func() { cancel(); <-ended }
		t.Cleanup(stop)
		return o, leases, stop
	}
	takes := func(who string, o *office) {
		t.Helper()
		waitFor(t, 10*time.Second, func() string {
			if !o.held() {
				return who + " does not take the lease"
			}
			return ""
		})
	}

	first, firstLeases, _ := start("first")
	takes("the first", first)
	second, _, stopSecond := start("second")
	term, cancel, ok := first.Term(t.Context())
	if !ok {
		t.Fatal("the first has lost the lease")
	}
	defer cancel()

	firstLeases.down.Store(true)
	takes("the second", second)
	if first.held() || term.Err() == nil {
		t.Error("two hold the lease")
	}
	firstLeases.down.Store(false)

	began := time.Now()
	stopSecond() // gives it up
	takes("the first again", first)
	if took := time.Since(began); took > ttl/2 {
		t.Errorf("a lease that was given up was taken only after %v", took)
	}
	if term.Err() == nil {
		t.Error("the first term goes on in the second")
	}

	// Who asks with a context that ends is not kept waiting for the term.
	ctx, end := context.WithCancel(t.Context())
	term, cancel, ok = first.Term(ctx)
	if !ok {
		t.Fatal("the first has lost the lease")
	}
	defer cancel()
	end()
	<-term.Done()
}
