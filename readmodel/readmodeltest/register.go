package readmodeltest

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"jangbu/readmodel"
)

func testRegister(t *testing.T, a Adapter) {
	t.Run("a new projection starts at position 0 of generation 1", func(t *testing.T) {
		t.Parallel()
		got := register(t, a.Database(t, Tables())(), readmodel.Checkpoint{Projection: "시간별", Version: 7})
		want := []readmodel.Checkpoint{{Projection: "시간별", Version: 7, Generation: 1}}
		if d := diff(want, got); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
	})

	t.Run("checkpoints are in the order of the names", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		got := register(t, store,
			readmodel.Checkpoint{Projection: "b", Version: 2},
			readmodel.Checkpoint{Projection: "a", Version: 1})
		want := []readmodel.Checkpoint{
			{Projection: "b", Version: 2, Generation: 1},
			{Projection: "a", Version: 1, Generation: 1},
		}
		if d := diff(want, got); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
	})

	t.Run("a later call returns the current checkpoints, also after a restart", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, newRows())
		if d := diff(b.at, register(t, b.store, tables()...)); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
		if d := diff(b.at, register(t, b.open(), tables()...)); d != "" {
			t.Errorf("Register after a restart (-want +got):\n%s", d)
		}
	})

	t.Run("a new projection does not change the others", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, newRows())
		got := register(t, b.store, append(tables(), readmodel.Checkpoint{Projection: "new", Version: 1})...)
		want := append(b.at, readmodel.Checkpoint{Projection: "new", Version: 1, Generation: 1})
		if d := diff(want, got); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
	})

	t.Run("a checkpoint of an earlier version is returned as it is", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		want := register(t, store, readmodel.Checkpoint{Projection: "old", Version: 41})
		if d := diff(want, register(t, store, readmodel.Checkpoint{Projection: "old", Version: 42})); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
	})

	t.Run("a checkpoint of a later version is ErrVersion, which names the projection, and nothing is registered", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		register(t, store, readmodel.Checkpoint{Projection: "old", Version: 42})
		_, err := store.Register(t.Context(), []readmodel.Checkpoint{
			{Projection: "new", Version: 1},
			{Projection: "old", Version: 41},
		})
		if !errors.Is(err, readmodel.ErrVersion) {
			t.Fatalf("Register = %v, want ErrVersion", err)
		}
		for _, part := range []string{"old", "41", "42"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("Register = %q, want it to say %s", err, part)
			}
		}
		// This would be an error if the call above had registered it.
		register(t, store, readmodel.Checkpoint{Projection: "new", Version: 2})
	})

	t.Run("no projections have no checkpoints", func(t *testing.T) {
		t.Parallel()
		if got := register(t, a.Database(t, Tables())()); len(got) != 0 {
			t.Errorf("Register() = %v, want none", got)
		}
	})

	t.Run("concurrent processes get the same checkpoints", func(t *testing.T) {
		t.Parallel()
		open := a.Database(t, Tables())
		forward, backward := tables(), tables()
		for i := range backward {
			backward[i] = forward[len(forward)-1-i]
		}
		var all sync.WaitGroup
		for i := range 8 {
			store, projections := open(), forward
			if i%2 == 1 {
				projections = backward
			}
			all.Go(func() {
				got, err := store.Register(t.Context(), projections)
				if err != nil {
					t.Errorf("Register: %v", err)
					return
				}
				for j, p := range projections {
					p.Generation = 1
					if got[j] != p {
						t.Errorf("Register = %v, want %v", got[j], p)
					}
				}
			})
		}
		all.Wait()
	})
}
