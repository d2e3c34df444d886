package readmodeltest

import (
	"context"
	"errors"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

// testHistory tests that rows know the history that they belong to (I13).
func testHistory(t *testing.T, a Adapter) {
	t.Run("a checkpoint keeps the link that its advance gives", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		for n := range byte(3) {
			advances := linked(b.advances(2), n+1)
			if _, err := b.store.Commit(t.Context(), b.lease, advances, newRows()); err != nil {
				t.Fatalf("Commit: %v", err)
			}
			b.moved(advances)
			b.unchanged(t, newRows(), newRows())
		}
		begun := b.begin(t)
		advances := linked(through(9, begun), 7)
		if err := b.store.Fill(t.Context(), b.lease, advances, fullRows("evt-1"), func() {}); err != nil {
			t.Fatalf("Fill: %v", err)
		}
		for i := range begun {
			begun[i] = advances[i].Moved()
		}
		b.activate(t, begun...)
		b.serves(t, fullRows("evt-1")) // compares the checkpoints of a snapshot
		for _, g := range b.list(t) {
			if want := map[bool]byte{true: 7, false: 3}[g.Active]; g.Link[0] != want {
				t.Errorf("%+v is listed, want link %d…", g, want)
			}
		}
	})

	t.Run("an advance from another link is fenced", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		first := linked(b.advances(1), 1)
		if _, err := b.store.Commit(t.Context(), b.lease, first, fullRows("evt-1")); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		b.moved(first)
		other := linked(b.advances(1), 2)
		other[3].Checkpoint.Link[5]++
		if _, err := b.store.Commit(t.Context(), b.lease, other, newRows()); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Commit = %v, want ErrFenced", err)
		}
		op := b.ask(t, readmodel.Reset, "evt-1")
		at := append([]readmodel.Checkpoint(nil), b.at...)
		at[0].Link = events.Link{}
		if _, err := b.store.Replace(t.Context(), b.lease, op.ID, at, "evt-1", newRows()); !errors.Is(err, readmodel.ErrFenced) {
			t.Errorf("Replace = %v, want ErrFenced", err)
		}
		b.unchanged(t, fullRows("evt-1"), fullRows("evt-1"))
	})

	t.Run("an advance to the same position gives a checkpoint a link, and no revision", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		advances := linked(b.advances(0), 5)
		got, err := b.store.Commit(t.Context(), b.lease, advances, newRows())
		if err != nil || got != b.revision {
			t.Errorf("Commit = %+v, %v; want revision %+v", got, err, b.revision)
		}
		b.moved(advances)
		b.unchanged(t, fullRows("evt-1"), fullRows("evt-1"))
	})

	t.Run("a renewal makes a higher incarnation, and the rows stay", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		for range 3 {
			got, err := b.store.Renew(t.Context(), b.lease)
			if err != nil || got.Incarnation <= b.revision.Incarnation || got.Edits != b.revision.Edits || got.Position != b.revision.Position {
				t.Fatalf("Renew = %+v, %v; want a higher incarnation than %+v", got, err, b.revision)
			}
			if is := revision(t, b.open()); is != got {
				t.Errorf("Revision = %+v, want %+v", is, got)
			}
			b.revision = got
		}
		b.serves(t, fullRows("evt-1"))
		b.commit(t, fullRows("evt-1"))
	})

	t.Run("what was abandoned is not served, and not returned to", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		b.activate(t, b.build(t, 8, fullRows("evt-2"))...) // the first one stands by
		paused := b.ask(t, readmodel.Pause, "", readmodel.CampaignStatsTable().Name)
		if err := b.store.Pause(t.Context(), b.lease, paused.ID, paused.Projections, true); err != nil {
			t.Fatalf("Pause: %v", err)
		}
		before := revision(t, b.store)
		got, err := b.store.Abandon(t.Context(), b.lease, names(tables()))
		if err != nil {
			t.Fatalf("Abandon: %v", err)
		}
		if want := (readmodel.Revision{Incarnation: got.Incarnation, Edits: before.Edits}); got != want || got.Incarnation <= before.Incarnation {
			t.Errorf("Abandon = %+v after %+v", got, before)
		}
		for _, s := range []readmodel.Store{b.store, b.open()} {
			for name, read := range readsOf(s) {
				if err := read(t.Context()); !errors.Is(err, readmodel.ErrRebuilding) {
					t.Errorf("%s = %v, want ErrRebuilding", name, err)
				}
			}
			if found, err := s.Campaigns(t.Context(), "", 10); err != nil || len(found) > 0 {
				t.Errorf("Campaigns = %q, %v; want none", found, err)
			}
			if is := revision(t, s); is != got {
				t.Errorf("Revision = %+v, want %+v", is, got)
			}
		}
		for _, g := range b.list(t) {
			if g.Standby || g.Paused || g.Active != (g.Version == 0) || g.Active && (g.Generation != 3 || g.Position != 0) {
				t.Errorf("%+v is left", g)
			}
		}
		// As after an update of the program: what is active is returned as it is.
		b.at = register(t, b.store, tables()...)
		for _, at := range b.at {
			if at.Version != 0 {
				t.Errorf("%+v is registered", at)
			}
		}

		b.activate(t, b.build(t, 4, fullRows("evt-3"))...)
		b.serves(t, fullRows("evt-3"))
		for _, g := range b.list(t) {
			if g.Standby || g.Active != (g.Generation == 4) {
				t.Errorf("%+v is left", g)
			}
		}
		if err := b.store.Prune(t.Context(), b.lease, func() {}); err != nil {
			t.Fatalf("Prune: %v", err)
		}
		for g := range readmodel.Generation(4) {
			if d := diff(newRows(), b.loadOf(t, g, fullRows("evt-1"))); d != "" {
				t.Errorf("rows of generation %d (-want +got):\n%s", g, d)
			}
		}
		b.activate(t, b.build(t, 5, fullRows("evt-4"))...) // from now on there is a standby again
		for _, g := range b.list(t) {
			if g.Standby != (g.Generation == 4) {
				t.Errorf("%+v is left", g)
			}
		}
	})

	t.Run("what is abandoned twice is rebuilt once", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		for range 2 {
			if _, err := b.store.Abandon(t.Context(), b.lease, names(tables())); err != nil {
				t.Fatalf("Abandon: %v", err)
			}
		}
		b.at = register(t, b.store, tables()...)
		b.activate(t, b.build(t, 4, fullRows("evt-3"))...)
		b.serves(t, fullRows("evt-3"))
	})
}

// linked gives the advances a link that begins with the byte.
func linked(advances []readmodel.Advance, first byte) []readmodel.Advance {
	for i := range advances {
		advances[i].Link = events.Link{first, byte(i)}
	}
	return advances
}

// readsOf returns the methods that read rows that are served.
func readsOf(s readmodel.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Campaign": func(ctx context.Context) error {
			_, err := s.Campaign(ctx, "evt-2", readmodel.Everything())
			return err
		},
		"Campaign, of none": func(ctx context.Context) error {
			_, err := s.Campaign(ctx, "no such campaign", readmodel.Shops("store-1"))
			return err
		},
		"ShopOf": func(ctx context.Context) error {
			_, err := s.ShopOf(ctx, "no such campaign")
			return err
		},
		"ShopCampaigns": func(ctx context.Context) error {
			_, err := s.ShopCampaigns(ctx, "store-1", readmodel.Everything())
			return err
		},
		"Distributed": func(ctx context.Context) error {
			_, err := s.Distributed(ctx, instant(0))
			return err
		},
		"Snapshot": func(ctx context.Context) error {
			_, _, err := s.Snapshot(ctx, "evt-2")
			return err
		},
	}
}
