package readmodeltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"jangbu/readmodel"
)

// write is a change that only the holder of the lease may make.
type write struct {
	name string
	do   func(context.Context, readmodel.Lease) error
}

// testLeaseRequired checks that the lease fences every write.
func testLeaseRequired(t *testing.T, a Adapter) {
	for name, lose := range map[string]func(*testing.T, *testBundle) (lost []readmodel.Lease){
		"a lease that another process holds, or none, fences": func(_ *testing.T, b *testBundle) []readmodel.Lease {
			lost := []readmodel.Lease{{}, b.lease, b.lease, b.lease, b.lease}
			lost[1].Epoch--
			lost[2].Epoch++
			lost[3].Owner = rival
			lost[4].Name += "?"
			return lost
		},
		"a lease that is taken over fences its former holder and not the new one": func(t *testing.T, b *testBundle) []readmodel.Lease {
			t.Helper()
			lost := b.lease
			acquire(t, b.store, leaseName, owner, time.Millisecond)
			b.lease = takeOver(t, b.store)
			return []readmodel.Lease{lost}
		},
		"a released lease fences": func(t *testing.T, b *testBundle) []readmodel.Lease {
			t.Helper()
			lost := b.lease
			if err := b.store.Release(t.Context(), lost); err != nil {
				t.Fatalf("Release: %v", err)
			}
			b.lease.Epoch = 0
			return []readmodel.Lease{lost}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, a)
			writes, all := prepare(t, b), fullRows("evt-1")
			before := b.contents(t, all)
			for _, lease := range lose(t, b) {
				for _, w := range writes {
					if err := w.do(t.Context(), lease); !errors.Is(err, readmodel.ErrFenced) {
						t.Errorf("%s under %+v = %v, want ErrFenced", w.name, lease, err)
					}
				}
				if d := diff(before, b.contents(t, all)); d != "" {
					t.Errorf("after writes under %+v (-before +now):\n%s", lease, d)
				}
			}
			if b.lease.Epoch == 0 {
				return // no process holds it
			}
			for _, w := range writes {
				if err := w.do(t.Context(), b.lease); err != nil {
					t.Errorf("%s under the lease: %v", w.name, err)
				}
				now := b.contents(t, all)
				if diff(before, now) == "" {
					t.Errorf("%s under the lease has changed nothing", w.name)
				}
				before = now
			}
		})
	}

	t.Run("an expired lease that was not taken does not fence", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		writes := prepare(t, b)
		acquire(t, b.store, leaseName, owner, -time.Second)
		for _, w := range writes {
			if err := w.do(t.Context(), b.lease); err != nil {
				t.Errorf("%s: %v", w.name, err)
			}
		}
	})
}

// prepare returns every write and prepares the store so that each, in this order, changes
// something.
func prepare(t *testing.T, b *testBundle) []write {
	t.Helper()
	b.commit(t, fullRows("evt-1"))
	built := b.build(t, 5, fullRows("evt-2"))
	empty := b.begin(t)
	paused := b.ask(t, readmodel.Pause, "", readmodel.CampaignStatsTable().Name)
	if err := b.store.Pause(t.Context(), b.lease, paused.ID, paused.Projections, true); err != nil {
		t.Fatalf("Pause: %v", err)
	}
	rebuild, reset, rollback := b.ask(t, readmodel.Rebuild, ""), b.ask(t, readmodel.Reset, "evt-1"), b.ask(t, readmodel.Rollback, "")
	pause, resume := b.ask(t, readmodel.Pause, ""), b.ask(t, readmodel.Resume, "")
	served, s := b.at, b.store
	return []write{
		{"Begin", func(ctx context.Context, lease readmodel.Lease) error {
			_, err := s.Begin(ctx, lease, tables())
			return err
		}},
		{"Fill", func(ctx context.Context, lease readmodel.Lease) error {
			return s.Fill(ctx, lease, through(9, empty), fullRows("evt-1"), func() {})
		}},
		{"Commit", func(ctx context.Context, lease readmodel.Lease) error {
			at := append([]readmodel.Checkpoint(nil), empty...)
			for i := range at {
				at[i].Position = 9
			}
			_, err := s.Commit(ctx, lease, through(10, at), newRows())
			return err
		}},
		{"Replace", func(ctx context.Context, lease readmodel.Lease) error {
			_, err := s.Replace(ctx, lease, reset.ID, served, "evt-1", newRows())
			return err
		}},
		{"Activate", func(ctx context.Context, lease readmodel.Lease) error {
			_, err := s.Activate(ctx, lease, rebuild.ID, built)
			return err
		}},
		{"Prune", func(ctx context.Context, lease readmodel.Lease) error { return s.Prune(ctx, lease, func() {}) }},
		{"Pause", func(ctx context.Context, lease readmodel.Lease) error {
			return s.Pause(ctx, lease, pause.ID, pause.Projections, true)
		}},
		{"Pause, to resume", func(ctx context.Context, lease readmodel.Lease) error {
			return s.Pause(ctx, lease, resume.ID, resume.Projections, false)
		}},
		{"Note", func(ctx context.Context, lease readmodel.Lease) error {
			rollback.State = readmodel.Running
			return s.Note(ctx, lease, rollback)
		}},
		{"Renew", func(ctx context.Context, lease readmodel.Lease) error {
			_, err := s.Renew(ctx, lease)
			return err
		}},
		{"Abandon", func(ctx context.Context, lease readmodel.Lease) error {
			_, err := s.Abandon(ctx, lease, names(tables()))
			return err
		}},
	}
}
