package readmodeltest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testSnapshot(t *testing.T, a Adapter) {
	// same compares a snapshot with the rows of one campaign in memory, and its
	// checkpoints with those of the bundle.
	same := func(t *testing.T, b *testBundle, c events.Campaign, want readmodel.CampaignRows) {
		t.Helper()
		want.Revision = revision(t, b.store)
		got, at, err := b.store.Snapshot(t.Context(), c)
		if err != nil {
			t.Fatalf("Snapshot(%q): %v", c, err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("Snapshot(%q) (-want +got):\n%s", c, d)
		}
		if d := diff(sortedCheckpoints(b.at), at); d != "" {
			t.Errorf("Snapshot(%q) checkpoints (-want +got):\n%s", c, d)
		}
		some, at, err := b.store.Snapshots(t.Context(), "", []events.Campaign{"no such campaign", c})
		if err != nil {
			t.Fatalf("Snapshots(%q): %v", c, err)
		}
		want.Revision = readmodel.Revision{}
		if rows := rowsOf(some, c); diff(want, rows.Of(c)) != "" || some.Len() > 0 {
			t.Errorf("Snapshots(%q): %d rows of others, (-want +got):\n%s", c, some.Len(), diff(want, rows.Of(c)))
		}
		if d := diff(sortedCheckpoints(b.at), at); d != "" {
			t.Errorf("Snapshots(%q) checkpoints (-want +got):\n%s", c, d)
		}
	}

	t.Run("a campaign without any row is not found, and the checkpoints are returned", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		if rows, at, err := store.Snapshot(t.Context(), "evt-1"); !errors.Is(err, readmodel.ErrNotFound) || len(at) > 0 {
			t.Errorf("Snapshot, nothing registered = %v, %v, %v; want no checkpoints and ErrNotFound", rows, at, err)
		}
		if rows, at, err := store.Snapshots(t.Context(), "", []events.Campaign{"evt-1"}); err != nil || rows.Len() > 0 || len(at) > 0 {
			t.Errorf("Snapshots, nothing registered = %v, %v, %v; want neither rows nor checkpoints", rows, at, err)
		}
		b := setup(t, a)
		b.commit(t, fullRows("evt-10"))
		if rows, at, err := b.store.Snapshots(t.Context(), "", []events.Campaign{"evt-1"}); err != nil || rows.Len() > 0 || len(at) != len(b.at) {
			t.Errorf("Snapshots of no rows = %v, %v, %v; want the checkpoints", rows, at, err)
		}
		rows, at, err := b.store.Snapshot(t.Context(), "evt-1")
		if !errors.Is(err, readmodel.ErrNotFound) {
			t.Errorf("Snapshot = %v, %v; want ErrNotFound", rows, err)
		}
		if d := diff(sortedCheckpoints(b.at), at); d != "" {
			t.Errorf("checkpoints (-want +got):\n%s", d)
		}
	})

	t.Run("it returns every row of the campaign and none of another", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		campaigns := []events.Campaign{"evt-1", "evt-10", "EVT-1", "evt-1 ", "이벤트", "'"}
		for _, c := range campaigns {
			b.commit(t, fullRows(c))
		}
		for _, c := range campaigns {
			want := fullRows(c).Of(c)
			same(t, b, c, want)
		}
		some, _, err := b.store.Snapshots(t.Context(), "", campaigns[1:4])
		if err != nil {
			t.Fatalf("Snapshots(%q): %v", campaigns[1:4], err)
		}
		all := newRows()
		for _, c := range campaigns[1:4] {
			all.Add(fullRows(c))
		}
		if others := some.Others(); !slices.Equal(others, []events.Campaign{"evt-1"}) {
			t.Errorf("Snapshots(%q): others %q, want evt-1", campaigns[1:4], others)
		}
		if d := diff(ByTable(all), ByTable(rowsOf(some, "EVT-1", "evt-1 ", "evt-10"))); d != "" || some.Len() > 0 {
			t.Errorf("Snapshots(%q) (-want +got):\n%s", campaigns[1:4], d)
		}
		some, _, err = b.store.Snapshots(t.Context(), "EVT-1", []events.Campaign{"evt-10"})
		if err != nil {
			t.Fatalf("Snapshots after EVT-1: %v", err)
		}
		if others := some.Others(); !slices.Equal(others, []events.Campaign{"evt-1", "evt-1 "}) {
			t.Errorf("Snapshots after EVT-1: others %q, want evt-1 and evt-1 with a space", others)
		}
		if d := diff(ByTable(fullRows("evt-10")), ByTable(rowsOf(some, "evt-10"))); d != "" || some.Len() > 0 {
			t.Errorf("Snapshots after EVT-1 (-want +got):\n%s", d)
		}
	})

	t.Run("rows of one table are enough", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		for c, rows := range oneTableEach() {
			b.commit(t, rows)
			same(t, b, c, rows.Of(c))
		}
	})

	t.Run("rows and checkpoints are of one commit", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, counted(1)) // to position 1, and so on
		var (
			done    = make(chan struct{})
			readers sync.WaitGroup
		)
		for _, store := range []readmodel.Store{b.store, b.open()} {
			readers.Go(func() {
				for {
					got, at, err := store.Snapshot(t.Context(), "evt-1")
					if err != nil {
						t.Errorf("Snapshot: %v", err)
						return
					}
					if err := oneCommit(got); err != nil {
						t.Error(err)
						return
					}
					some, stand, err := store.Snapshots(t.Context(), "", []events.Campaign{"evt-1"})
					if err != nil {
						t.Errorf("Snapshots: %v", err)
						return
					}
					if of := rowsOf(some, "evt-1").Of("evt-1"); int64(stand[0].Position) != of.Campaign().Participants {
						t.Errorf("rows of commit %d read with the checkpoint %+v", of.Campaign().Participants, stand[0])
						return
					}
					for _, checkpoint := range at {
						if int64(checkpoint.Position) != got.Campaign().Participants {
							t.Errorf("rows of commit %d read with the checkpoint %+v", got.Campaign().Participants, checkpoint)
							return
						}
					}
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		for n := range int64(60) {
			b.commit(t, counted(n+2))
		}
		close(done)
		readers.Wait()
	})

	t.Run("campaigns with a row in any table are listed by bytes, in pages", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		names := func(after events.Campaign, limit int) []events.Campaign {
			t.Helper()
			got, err := b.store.Campaigns(t.Context(), after, limit)
			if err != nil {
				t.Fatalf("Campaigns(%q, %d): %v", after, limit, err)
			}
			return got
		}
		if got := names("", 10); len(got) > 0 {
			t.Errorf("Campaigns of no rows = %q", got)
		}
		var want []events.Campaign
		for _, c := range []events.Campaign{"evt-10", "evt-1", "EVT-1", "evt-1 ", "이벤트", "\U0010ffff", "\ue000", "'", "%"} {
			b.commit(t, fullRows(c))
			want = append(want, c)
		}
		for c, rows := range oneTableEach() {
			b.commit(t, rows)
			want = append(want, c)
		}
		slices.Sort(want)
		for _, limit := range []int{1, 2, 5, len(want), 100} {
			var got []events.Campaign
			for after := events.Campaign(""); ; after = got[len(got)-1] {
				page := names(after, limit)
				if len(page) == 0 {
					break
				}
				if len(page) > limit {
					t.Fatalf("Campaigns(%q, %d) returned %d", after, limit, len(page))
				}
				got = append(got, page...)
			}
			if d := diff(want, got); d != "" {
				t.Errorf("in pages of %d (-want +got):\n%s", limit, d)
			}
		}
		if got := names("evt-1", 1); len(got) != 1 || got[0] != "evt-1 " {
			t.Errorf(`Campaigns("evt-1", 1) = %q; want "evt-1 "`, got)
		}
	})
}

// oneTableEach returns a campaign for each table, which has rows in that table alone.
func oneTableEach() map[events.Campaign]*readmodel.Rows {
	of := make(map[events.Campaign]*readmodel.Rows)
	for _, t := range Tables() {
		c := events.Campaign("only-" + t.Name)
		of[c] = only(fullRows(c), t.Name)
	}
	return of
}

// sortedCheckpoints returns the checkpoints by the names of their projections.
func sortedCheckpoints(at []readmodel.Checkpoint) []readmodel.Checkpoint {
	return slices.SortedFunc(slices.Values(at), func(a, b readmodel.Checkpoint) int {
		if a.Projection < b.Projection {
			return -1
		}
		return 1
	})
}

// rowsOf takes the campaigns, which are sorted, from what is served.
func rowsOf(s *readmodel.Served, of ...events.Campaign) *readmodel.Rows {
	rows := newRows()
	for _, c := range of {
		for _, t := range s.Tables {
			for _, row := range s.Take(t.Table, c) {
				rows.Put(t.Table, row)
			}
		}
	}
	return rows
}
