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

	t.Run("checkpoints come in the order of the names", func(t *testing.T) {
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

	t.Run("again, it returns where the projections are, also after a restart", func(t *testing.T) {
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

	t.Run("a new projection joins the others and leaves them where they are", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, newRows())
		got := register(t, b.store, append(tables(), readmodel.Checkpoint{Projection: "new", Version: 1})...)
		want := append(b.at, readmodel.Checkpoint{Projection: "new", Version: 1, Generation: 1})
		if d := diff(want, got); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
	})

	t.Run("rows of an earlier version are returned with it", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		want := register(t, store, readmodel.Checkpoint{Projection: "old", Version: 41})
		if d := diff(want, register(t, store, readmodel.Checkpoint{Projection: "old", Version: 42})); d != "" {
			t.Errorf("Register (-want +got):\n%s", d)
		}
	})

	t.Run("rows of a later version are ErrVersion, which names the projection, and nothing is registered", func(t *testing.T) {
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
		// Had it been registered, this would be another version of it.
		register(t, store, readmodel.Checkpoint{Projection: "new", Version: 2})
	})

	t.Run("no projections are none", func(t *testing.T) {
		t.Parallel()
		if got := register(t, a.Database(t, Tables())()); len(got) != 0 {
			t.Errorf("Register() = %v, want none", got)
		}
	})

	t.Run("many processes at once agree", func(t *testing.T) {
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
