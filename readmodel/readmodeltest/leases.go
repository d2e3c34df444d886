package readmodeltest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/readmodel"
)

func testLeases(t *testing.T, a Adapter) {
	refused := func(t *testing.T, s readmodel.Store, name, owner string) {
		t.Helper()
		lease, ok, err := s.Acquire(t.Context(), name, owner, longTTL)
		if ok || err != nil {
			t.Errorf("Acquire(%s, %s) = %v, %v, %v; want it refused", name, owner, lease, ok, err)
		}
	}

	t.Run("the first owner gets epoch 1, others are refused", func(t *testing.T) {
		t.Parallel()
		open := a.Database(t, Tables())
		store := open()
		want := readmodel.Lease{Name: "poller", Owner: owner, Epoch: 1}
		if got := acquire(t, store, "poller", owner, longTTL); got != want {
			t.Errorf("Acquire = %v, want %v", got, want)
		}
		refused(t, store, "poller", rival)
		refused(t, open(), "poller", rival)
	})

	t.Run("leases of different names are independent", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		acquire(t, store, "poller", owner, longTTL)
		if got := acquire(t, store, "projections", rival, longTTL); got.Epoch != 1 {
			t.Errorf("epoch %d, want 1", got.Epoch)
		}
	})

	t.Run("a renewal keeps the epoch and lasts from now", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		first := acquire(t, store, "poller", owner, -time.Second)
		if got := acquire(t, store, "poller", owner, longTTL); got != first {
			t.Errorf("Acquire = %v, want %v", got, first)
		}
		refused(t, store, "poller", rival)
	})

	t.Run("an expired lease goes to another owner, with the next epoch", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		acquire(t, store, leaseName, owner, 50*time.Millisecond)
		want := readmodel.Lease{Name: leaseName, Owner: rival, Epoch: 2}
		if got := takeOver(t, store); got != want {
			t.Errorf("Acquire = %v, want %v", got, want)
		}
		refused(t, store, leaseName, owner)
	})

	t.Run("a released lease is free, and its epochs continue", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		for epoch := range int64(3) {
			lease := acquire(t, store, "poller", owner, longTTL)
			if lease.Epoch != epoch+1 {
				t.Errorf("epoch %d, want %d", lease.Epoch, epoch+1)
			}
			if err := store.Release(t.Context(), lease); err != nil {
				t.Fatalf("Release: %v", err)
			}
		}
		if lease := acquire(t, store, "poller", rival, longTTL); lease.Epoch != 4 {
			t.Errorf("epoch %d, want 4", lease.Epoch)
		}
	})

	t.Run("only its holder can release a lease", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		held := acquire(t, store, "poller", owner, longTTL)
		for name, change := range map[string]func(*readmodel.Lease){
			"another owner": func(l *readmodel.Lease) { l.Owner = rival },
			"another epoch": func(l *readmodel.Lease) { l.Epoch-- },
			"another name":  func(l *readmodel.Lease) { l.Name = "unknown" },
		} {
			lease := held
			change(&lease)
			if err := store.Release(t.Context(), lease); err != nil {
				t.Errorf("Release by %s: %v", name, err)
			}
			refused(t, store, "poller", rival)
		}
	})

	t.Run("of concurrent calls exactly one acquires the lease", func(t *testing.T) {
		t.Parallel()
		open := a.Database(t, Tables())
		stores := []readmodel.Store{open(), open()}
		var (
			all sync.WaitGroup
			got atomic.Int32
		)
		for i := range 8 {
			all.Go(func() {
				_, ok, err := stores[i%2].Acquire(t.Context(), "poller", string(rune('a'+i)), longTTL)
				if err != nil {
					t.Errorf("Acquire: %v", err)
				}
				if ok {
					got.Add(1)
				}
			})
		}
		all.Wait()
		if got.Load() != 1 {
			t.Errorf("%d got the lease, want 1", got.Load())
		}
	})
}
