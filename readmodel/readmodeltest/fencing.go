package readmodeltest

import (
	"errors"
	"testing"
	"time"

	"jangbu/readmodel"
)

func testFencing(t *testing.T, a Adapter) {
	// fenced commits new rows and checks that none is written.
	fenced := func(t *testing.T, b *testBundle, lease readmodel.Lease, advances []readmodel.Advance) {
		t.Helper()
		rows := fullRows("fenced")
		if _, err := b.store.Commit(t.Context(), lease, advances, rows); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Commit = %v, want ErrFenced", err)
		}
		b.unchanged(t, newRows(), rows)
	}

	for name, change := range map[string]func(*readmodel.Advance){
		"a checkpoint behind":     func(a *readmodel.Advance) { a.Position-- },
		"a checkpoint ahead":      func(a *readmodel.Advance) { a.Position++ },
		"another generation":      func(a *readmodel.Advance) { a.Generation++ },
		"another version":         func(a *readmodel.Advance) { a.Version++ },
		"a projection not stored": func(a *readmodel.Advance) { a.Projection += "?" },
	} {
		t.Run(name+" fences all of the commit", func(t *testing.T) {
			t.Parallel()
			b := setup(t, a)
			// The other advances are good.
			projections := []readmodel.Checkpoint{{Projection: "a", Version: version}, {Projection: "z", Version: version}}
			for _, at := range register(t, b.store, projections...) {
				bad := readmodel.Advance{Checkpoint: at, To: 2}
				change(&bad)
				fenced(t, b, b.lease, append(b.advances(1), bad))
			}
		})
	}

	for name, change := range map[string]func(*readmodel.Lease){
		"an older epoch":           func(l *readmodel.Lease) { l.Epoch-- },
		"an epoch yet to come":     func(l *readmodel.Lease) { l.Epoch++ },
		"another owner":            func(l *readmodel.Lease) { l.Owner = rival },
		"a lease without a holder": func(l *readmodel.Lease) { l.Name += "?" },
		"no lease":                 func(l *readmodel.Lease) { *l = readmodel.Lease{} },
	} {
		t.Run(name+" fences", func(t *testing.T) {
			t.Parallel()
			b := setup(t, a)
			lease := b.lease
			change(&lease)
			fenced(t, b, lease, b.advances(1))
		})
	}

	t.Run("a lease that is taken over fences its former holder and not the new one", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		acquire(t, b.store, leaseName, owner, time.Millisecond)
		taken := takeOver(t, b.store)
		fenced(t, b, b.lease, b.advances(1))
		b.lease = taken
		b.commit(t, fullRows("evt-1"))
	})

	t.Run("a lease that is taken over and back fences its first epoch", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		acquire(t, b.store, leaseName, owner, time.Millisecond)
		if err := b.store.Release(t.Context(), takeOver(t, b.store)); err != nil {
			t.Fatalf("Release: %v", err)
		}
		back := acquire(t, b.store, leaseName, owner, longTTL)
		fenced(t, b, b.lease, b.advances(1))
		b.lease = back
		b.commit(t, fullRows("evt-1"))
	})

	t.Run("a released lease fences", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		if err := b.store.Release(t.Context(), b.lease); err != nil {
			t.Fatalf("Release: %v", err)
		}
		fenced(t, b, b.lease, b.advances(1))
	})

	t.Run("an expired lease that was not taken does not fence", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.lease = acquire(t, b.store, leaseName, owner, -time.Second)
		b.commit(t, fullRows("evt-1"))
	})
}

// takeOver takes the suite's lease for the rival as soon as it has expired.
func takeOver(t *testing.T, s readmodel.Store) readmodel.Lease {
	t.Helper()
	var taken readmodel.Lease
	eventually(t, "take over an expired lease", func() bool {
		lease, ok, err := s.Acquire(t.Context(), leaseName, rival, longTTL)
		if err != nil {
			t.Fatalf("Acquire: %v", err)
		}
		taken = lease
		return ok
	})
	return taken
}
