package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"jangbu/readmodel"
	"jangbu/readmodel/lease"
	"jangbu/readmodel/sqliterows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	name = "poller"
	ttl  = 3 * time.Second
)

var errDown = errors.New("no database")

// faulty is a store of leases that can be made to fail, or to answer nothing.
type faulty struct {
	readmodel.Leases
	down   atomic.Bool
	silent atomic.Bool              // answers nothing until the caller's time is over
	frozen atomic.Pointer[chan int] // answers nothing until it is closed, whatever the caller's time
	slow   atomic.Int64             // nanoseconds that an answer is on its way
	asked  atomic.Int64
}

func (f *faulty) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	f.asked.Add(1)
	if thawed := f.frozen.Load(); thawed != nil {
		<-*thawed
	}
	if f.silent.Load() {
		<-ctx.Done()
		return readmodel.Lease{}, false, ctx.Err()
	}
	if f.down.Load() {
		return readmodel.Lease{}, false, errDown
	}
	defer func() { time.Sleep(time.Duration(f.slow.Load())) }()
	return f.Leases.Acquire(ctx, name, owner, ttl)
}

func (f *faulty) Release(ctx context.Context, lease readmodel.Lease) error {
	if f.down.Load() {
		return errDown
	}
	return f.Leases.Release(ctx, lease)
}

// bundle is a store on a clock of the test's own.
type bundle struct {
	rows *sqliterows.Store
}

// inBubble runs the test with a clock that moves on once nothing else can.
func inBubble(t *testing.T, test func(*testing.T, *bundle)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.db")
	synctest.Test(t, func(t *testing.T) {
		rows, err := sqliterows.Open(t.Context(), path, []*readmodel.Table{readmodel.CampaignStatsTable(), readmodel.ChannelStatsTable()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = rows.Close() })
		test(t, &bundle{rows})
	})
}

func (b *bundle) keeper(owner string, standBy func(context.Context)) (*lease.Keeper, *faulty) {
	leases := &faulty{Leases: b.rows}
	return lease.New(lease.Config{
		Leases: leases, Name: name, Owner: owner, TTL: ttl, Logger: slog.New(slog.DiscardHandler), StandBy: standBy,
	}), leases
}

// keep has a keeper keep the lease until the returned function is called.
func (b *bundle) keep(t *testing.T, owner string) (*lease.Keeper, *faulty, func()) {
	t.Helper()
	k, leases := b.keeper(owner, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { k.Keep(ctx); close(ended) }()
	stop := func() { cancel(); <-ended }
	t.Cleanup(stop)
	synctest.Wait()
	return k, leases, stop
}

// holder returns the owner in the store; empty where the lease is free.
func (b *bundle) holder(t *testing.T) string {
	t.Helper()
	h, err := b.rows.Holder(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return h.Owner
}

// takes demands that the keeper holds the lease after no more than d.
func takes(t *testing.T, k *lease.Keeper, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); ; time.Sleep(ttl / 100) {
		if synctest.Wait(); k.Held() {
			return
		}
		if !time.Now().Before(end) {
			t.Fatalf("the lease is not held after %v", d)
		}
	}
}

// TestOneHolds: one keeper at a time holds the lease. One that cannot reach the store
// finds its term at an end before another can take the lease.
func TestOneHolds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		first, firstLeases, _ := b.keep(t, "first")
		second, _, stopSecond := b.keep(t, "second")
		for range 100 { // it is renewed
			time.Sleep(ttl / 10)
			if !first.Held() || second.Held() {
				t.Fatalf("held: first %v, second %v", first.Held(), second.Held())
			}
		}
		if _, _, ok := second.Term(t.Context()); ok {
			t.Error("a keeper that stands by has a term")
		}
		term, cancel, ok := first.Term(t.Context())
		if !ok {
			t.Fatal("the first has lost the lease")
		}
		defer cancel()

		firstLeases.slow.Store(int64(ttl / 4))
		time.Sleep(ttl)
		firstLeases.down.Store(true)
		for !second.Held() {
			time.Sleep(ttl / 100)
			synctest.Wait()
			if first.Held() && b.holder(t) != "first" {
				t.Fatal("two hold the lease")
			}
		}
		if first.Held() || term.Err() == nil {
			t.Error("the first goes on after the second took the lease")
		}
		firstLeases.down.Store(false)
		firstLeases.slow.Store(0)

		stopSecond() // gives it up
		takes(t, first, ttl/10)
		if term.Err() == nil {
			t.Error("the first term goes on in the second")
		}
	})
}

// TestOutage: a store that fails, or answers nothing, for less than the lease lasts costs
// no term; one that does so for longer costs it at the expiry.
func TestOutage(t *testing.T) {
	t.Parallel()
	for kind, fail := range map[string]func(*faulty, bool){
		"down":   func(f *faulty, on bool) { f.down.Store(on) },
		"silent": func(f *faulty, on bool) { f.silent.Store(on) },
		"down, then silent": func(f *faulty, on bool) {
			f.down.Store(on)
			if on {
				time.AfterFunc(ttl*95/100, func() { f.silent.Store(true) })
			} else {
				f.silent.Store(false)
			}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bundle) {
				k, leases, _ := b.keep(t, "first")
				term, cancel, ok := k.Term(t.Context())
				if !ok {
					t.Fatal("not held")
				}
				defer cancel()
				fail(leases, true) // right after a renewal
				if kind == "down" {
					time.Sleep(ttl * 8 / 10)
					fail(leases, false)
					time.Sleep(10 * ttl)
					if term.Err() != nil {
						t.Fatal("a short outage ended the term")
					}
					fail(leases, true)
				}
				start := time.Now()
				<-term.Done()
				if lasted := time.Since(start); lasted > ttl || lasted < ttl/2 {
					t.Errorf("the term ended after %v, the lease lasts %v", lasted, ttl)
				}
				if k.Held() {
					t.Error("held without a term")
				}
				fail(leases, false)
				takes(t, k, 3*ttl)
				if h, err := b.rows.Holder(t.Context(), name); err != nil || h.Epoch < 1 {
					t.Errorf("holder %+v, %v", h, err)
				}
			})
		})
	}
}

// TestTermOfACaller: the context of a term ends with the caller's, too.
func TestTermOfACaller(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		k, _, stop := b.keep(t, "first")
		ctx, end := context.WithCancel(t.Context())
		term, cancel, ok := k.Term(ctx)
		if !ok {
			t.Fatal("not held")
		}
		defer cancel()
		end()
		<-term.Done()
		released, cancel, ok := k.Term(t.Context())
		if !ok {
			t.Fatal("not held")
		}
		cancel()
		<-released.Done()
		term, cancel, ok = k.Term(t.Context())
		if !ok {
			t.Fatal("not held")
		}
		defer cancel()
		stop()
		synctest.Wait()
		if term.Err() == nil || b.holder(t) != "" {
			t.Errorf("stopped: the term has ended: %v, the holder is %q", term.Err(), b.holder(t))
		}
	})
}

// TestFrozen: a holder that is frozen beyond its time finds so by its clock, before it is
// told. Where another took the lease meanwhile it is fenced, else it goes on.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for name, rival := range map[string]bool{"alone": false, "with a rival": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bundle) {
				k, leases := b.keeper("first", nil)
				ctx, end := context.WithCancel(t.Context())
				defer end()
				ended := make(chan error, 1)
				go func() {
					ended <- k.Hold(ctx, func(term context.Context, _ readmodel.Lease) error {
						<-term.Done()
						return term.Err()
					})
				}()
				synctest.Wait()
				thawed := make(chan int)
				leases.frozen.Store(&thawed)
				term, cancel, ok := k.Term(t.Context())
				if !ok {
					t.Fatal("not held")
				}
				defer cancel()
				time.Sleep(ttl + 1)
				if _, _, ok := k.Term(t.Context()); ok || k.Held() {
					t.Error("a frozen holder thinks that it holds the lease")
				}
				var second *lease.Keeper
				if rival {
					second, _, _ = b.keep(t, "second")
					takes(t, second, ttl)
				}
				if len(ended) > 0 {
					t.Fatal("it is not frozen")
				}
				if term.Err() == nil {
					t.Error("the term goes on beyond the expiry")
				}
				leases.frozen.Store(nil)
				close(thawed)
				synctest.Wait()
				if !rival {
					if !k.Held() || len(ended) > 0 {
						t.Error("it does not go on")
					}
					end()
					if err := <-ended; !errors.Is(err, context.Canceled) || b.holder(t) != "" {
						t.Errorf("Hold = %v, the holder is %q", err, b.holder(t))
					}
					return
				}
				if err := <-ended; !errors.Is(err, readmodel.ErrFenced) {
					t.Errorf("Hold = %v; want ErrFenced", err)
				}
				if k.Held() || !second.Held() || b.holder(t) != "second" {
					t.Error("what a fenced holder gives up is another's")
				}
			})
		})
	}
}

// TestHold: how a term ends, and what is returned.
func TestHold(t *testing.T) {
	t.Parallel()
	errDo := errors.New("did not work")
	until := func(term context.Context) error { <-term.Done(); return term.Err() }
	for name, tc := range map[string]struct {
		do   func(t *testing.T, b *bundle, end func(), f *faulty, term context.Context, held readmodel.Lease) error
		want error
	}{
		"done": {func(*testing.T, *bundle, func(), *faulty, context.Context, readmodel.Lease) error { return nil }, nil},
		"its error": {func(t *testing.T, _ *bundle, _ func(), _ *faulty, term context.Context, held readmodel.Lease) error {
			time.Sleep(5 * ttl)
			if term.Err() != nil || held != (readmodel.Lease{Name: name, Owner: "first", Epoch: 1}) {
				t.Errorf("after %v: %v, %+v", 5*ttl, term.Err(), held)
			}
			return errDo
		}, errDo},
		"the context ends": {func(_ *testing.T, _ *bundle, end func(), _ *faulty, term context.Context, _ readmodel.Lease) error {
			end()
			return until(term)
		}, context.Canceled},
		"another took it": {func(t *testing.T, b *bundle, _ func(), _ *faulty, term context.Context, held readmodel.Lease) error {
			steal(t, b, held)
			return until(term)
		}, readmodel.ErrFenced},
		"it went and came back": {func(t *testing.T, b *bundle, _ func(), _ *faulty, term context.Context, held readmodel.Lease) error {
			if err := b.rows.Release(t.Context(), steal(t, b, held)); err != nil {
				t.Error(err)
			}
			return until(term)
		}, readmodel.ErrFenced},
		"the store is down": {func(_ *testing.T, _ *bundle, _ func(), f *faulty, term context.Context, _ readmodel.Lease) error {
			f.down.Store(true)
			return until(term)
		}, readmodel.ErrFenced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *bundle) {
				k, leases := b.keeper("first", nil)
				ctx, end := context.WithCancel(t.Context())
				defer end()
				err := k.Hold(ctx, func(term context.Context, held readmodel.Lease) error {
					return tc.do(t, b, end, leases, term, held)
				})
				if !errors.Is(err, tc.want) {
					t.Errorf("Hold = %v; want %v", err, tc.want)
				}
				if k.Held() {
					t.Error("held after Hold")
				}
				if owner := b.holder(t); owner != "" && owner != "thief" {
					t.Errorf("the holder is %q", owner)
				}
			})
		})
	}
}

// steal gives the lease to another owner.
func steal(t *testing.T, b *bundle, held readmodel.Lease) readmodel.Lease {
	t.Helper()
	if err := b.rows.Release(t.Context(), held); err != nil {
		t.Error(err)
	}
	stolen, ok, err := b.rows.Acquire(t.Context(), held.Name, "thief", time.Hour)
	if err != nil || !ok {
		t.Errorf("Acquire = %v, %v, %v", stolen, ok, err)
	}
	return stolen
}

// TestAcquire: an error of the store is returned, a store that answers nothing is asked
// again, and a wait is told of once.
func TestAcquire(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *bundle) {
		stoodBy := 0
		k, leases := b.keeper("first", func(context.Context) { stoodBy++ })
		ran := func(context.Context, readmodel.Lease) error { return nil }

		leases.down.Store(true)
		if err := k.Hold(t.Context(), ran); !errors.Is(err, errDown) || stoodBy != 0 {
			t.Errorf("Hold = %v, stood by %d times; want the store's error", err, stoodBy)
		}
		leases.down.Store(false)

		leases.silent.Store(true)
		time.AfterFunc(5*ttl, func() { leases.silent.Store(false) })
		if err := k.Hold(t.Context(), ran); err != nil || stoodBy != 1 || leases.asked.Load() < 4 {
			t.Errorf("Hold = %v, stood by %d times, asked %d times", err, stoodBy, leases.asked.Load())
		}

		if _, ok, err := b.rows.Acquire(t.Context(), name, "other", 5*ttl); err != nil || !ok {
			t.Fatal(err)
		}
		start := time.Now()
		if err := k.Hold(t.Context(), ran); err != nil || stoodBy != 2 {
			t.Errorf("Hold = %v, stood by %d times", err, stoodBy)
		}
		if took := time.Since(start); took < 5*ttl || took > 6*ttl {
			t.Errorf("taken after %v, it was another's for %v", took, 5*ttl)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := k.Hold(ctx, func(term context.Context, _ readmodel.Lease) error { return term.Err() }); !errors.Is(err, context.Canceled) {
			t.Errorf("Hold = %v; want Canceled", err)
		}
		if owner := b.holder(t); owner != "" {
			t.Errorf("the holder is %q", owner)
		}
	})
}
