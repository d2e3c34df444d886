package readmodeltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testActivation(t *testing.T, a Adapter) {
	t.Run("the named generations become active at once, and those active before become standbys", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		first, second := fullRows("evt-1"), fullRows("evt-2")
		second.Campaigns()["evt-2"].Shop = "store-2"
		b.commit(t, first)
		old := append([]readmodel.Checkpoint(nil), b.at...)
		built := b.build(t, 5, second)
		b.serves(t, first)

		activeAndStandby := func(active, standby readmodel.Generation) {
			t.Helper()
			for _, g := range b.list(t) {
				if g.Active != (g.Generation == active) || g.Standby != (g.Generation == standby) {
					t.Errorf("%+v, want generation %d served and %d standing by", g, active, standby)
				}
			}
		}
		activeAndStandby(1, 0)
		b.activate(t, built...)
		activeAndStandby(2, 1)
		b.serves(t, second)
		other := *b
		other.store = b.open()
		other.serves(t, second)
		b.activate(t, old...) // they swap
		activeAndStandby(1, 2)
		b.serves(t, first)
		b.activate(t, built...)
		activeAndStandby(2, 1)
		third := b.build(t, 6, first)
		activeAndStandby(2, 1)
		b.activate(t, third...)
		activeAndStandby(3, 2) // and the first is neither
		b.serves(t, first)
		b.commit(t, second) // folding goes on in it
		b.unchanged(t, second, second)
	})

	t.Run("projections change generations one by one, and readers see their combination", func(t *testing.T) {
		t.Parallel()
		combineGenerations(t, a)
	})

	t.Run("an activation that does not find its arguments is fenced and changes nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		old := append([]readmodel.Checkpoint(nil), b.at...)
		b.activate(t, b.build(t, 4, fullRows("evt-1"))...)
		built := b.build(t, 5, fullRows("evt-2"))
		ended := b.ask(t, readmodel.Rollback, "")
		ended.State = readmodel.Failed
		b.note(t, ended)
		open := b.ask(t, readmodel.Rebuild, "").ID
		all := fullRows("evt-1")
		before := b.contents(t, all)
		fenced := func(name string, op int64, generations []readmodel.Checkpoint) {
			t.Helper()
			got, err := b.store.Activate(t.Context(), b.lease, op, generations)
			if !errors.Is(err, readmodel.ErrFenced) || got != (readmodel.Revision{}) {
				t.Errorf("Activate, %s = %+v, %v; want ErrFenced", name, got, err)
			}
			if d := diff(before, b.contents(t, all)); d != "" {
				t.Fatalf("after Activate, %s (-before +now):\n%s", name, d)
			}
		}
		for name, change := range map[string]func(*readmodel.Checkpoint){
			"a checkpoint behind":           func(c *readmodel.Checkpoint) { c.Position-- },
			"a checkpoint ahead":            func(c *readmodel.Checkpoint) { c.Position++ },
			"another version":               func(c *readmodel.Checkpoint) { c.Version++ },
			"a generation that never began": func(c *readmodel.Checkpoint) { c.Generation++ },
			"a projection not stored":       func(c *readmodel.Checkpoint) { c.Projection += "?" },
			"served already":                func(c *readmodel.Checkpoint) { *c = b.at[2] },
			"the standby, not as given":     func(c *readmodel.Checkpoint) { *c = old[2]; c.Position-- },
		} {
			generations := append([]readmodel.Checkpoint(nil), built...)
			change(&generations[2]) // the others are good
			fenced(name, open, generations)
		}
		fenced("an operation that failed", ended.ID, built)
		fenced("an operation that is done", b.ops(t)[2].ID, built)
		fenced("an operation that there is not", open+1_000, built)
		b.serves(t, fullRows("evt-1"))
		if got, err := b.store.Activate(t.Context(), b.lease, open, built); err != nil {
			t.Errorf("Activate as it should be = %+v, %v", got, err)
		}
		before = b.contents(t, all)
		fenced("what has been done", open, built)
	})

	t.Run("of concurrent activations exactly one carries the operation out", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		b.commit(t, fullRows("evt-1"))
		built := b.build(t, 5, fullRows("evt-2"))
		op := b.ask(t, readmodel.Rebuild, "")
		stores := []readmodel.Store{b.store, b.open()}
		var (
			all sync.WaitGroup
			won atomic.Int32
		)
		for i := range 6 {
			all.Go(func() {
				_, err := stores[i%2].Activate(t.Context(), b.lease, op.ID, built)
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, readmodel.ErrFenced):
					t.Errorf("Activate = %v, want ErrFenced", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d carried it out, want 1", won.Load())
		}
		b.ended(t, op.ID)
		if got := revision(t, b.store); got.Edits != 1 {
			t.Errorf("Revision = %+v, want one edit", got)
		}
	})

	t.Run("a reader sees one generation whole", func(t *testing.T) {
		t.Parallel()
		flipUnderReaders(t, a)
	})
}

// combineGenerations activates generations one by one. Rows of a generation that is not
// active are not read and do not say to which shop a campaign belongs; its checkpoint is
// not part of the revision.
func combineGenerations(t *testing.T, a Adapter) {
	store := a.Database(t, Tables())()
	b := &testBundle{store: store, at: register(t, store, tables()[:2]...), lease: acquire(t, store, leaseName, owner, longTTL)}
	naver := readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}
	owned := func(by events.Shop) *readmodel.Rows {
		rows := newRows()
		event := rows.Campaign("evt-1")
		event.Known, event.Shop = true, by
		return rows
	}
	rows := owned("store-1")
	rows.Channel(naver).DistributedAt = instant(noon)
	advances := []readmodel.Advance{{Checkpoint: b.at[0], To: 10}, {Checkpoint: b.at[1], To: 7}}
	made, err := store.Commit(t.Context(), b.lease, advances, rows)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	b.moved(advances)
	var second []readmodel.Checkpoint
	for _, step := range []struct {
		name     string
		do       func()
		shop     events.Shop // "": none
		channels int
		edits    int64
		position events.Position
	}{
		{"nothing", func() {}, "store-1", 1, 0, 17},
		{"two begin", func() { second = b.begin(t, tables()[:2]...) }, "store-1", 1, 0, 17},
		{"they are committed to", func() {
			advances := []readmodel.Advance{{Checkpoint: second[0], To: 110}, {Checkpoint: second[1], To: 107}}
			if _, err := store.Commit(t.Context(), b.lease, advances, owned("store-2")); err != nil {
				t.Fatalf("Commit: %v", err)
			}
			second[0].Position, second[1].Position = 110, 107
		}, "store-1", 1, 0, 17},
		{"the campaigns' is served", func() { b.activate(t, second[0]) }, "store-2", 1, 1, 117},
		{"the channels' is served", func() { b.activate(t, second[1]) }, "store-2", 0, 2, 217},
		{"the channels' is rolled back", func() {
			b.activate(t, readmodel.Checkpoint{Projection: readmodel.ChannelStatsTable().Name, Version: version, Generation: 1, Position: 7})
		}, "store-2", 1, 3, 117},
		{"both are emptied", func() {
			op := b.ask(t, readmodel.Reset, "evt-1").ID
			if _, err := store.Replace(t.Context(), b.lease, op, b.at, "evt-1", newRows()); err != nil {
				t.Fatalf("Replace: %v", err)
			}
		}, "", 0, 4, 117},
	} {
		step.do()
		want := readmodel.Revision{Incarnation: made.Incarnation, Edits: step.edits, Position: step.position}
		if got := revision(t, store); got != want {
			t.Errorf("after %s: Revision = %+v, want %+v", step.name, got, want)
		}
		if got := distributed(t, store, instant(noon)); len(got) != step.channels {
			t.Errorf("after %s: Distributed = %+v, want %d channels", step.name, got, step.channels)
		}
		for _, by := range []events.Shop{"store-1", "store-2"} {
			campaign, err := store.Campaign(t.Context(), "evt-1", readmodel.Shops(by))
			list := shopCampaigns(t, store, by, readmodel.Shops(by))
			switch {
			case by != step.shop:
				if !errors.Is(err, readmodel.ErrNotFound) || len(list) > 0 {
					t.Errorf("after %s: %s is given %+v, %v and the list %+v; want ErrNotFound and none", step.name, by, campaign, err, list)
				}
			case err != nil || len(campaign.Channels()) != step.channels || campaign.Revision != want:
				t.Errorf("after %s: Campaign = %+v, %v; want %d channels at %+v", step.name, campaign, err, step.channels, want)
			case len(list) != 1 || len(list[0].Channels) != step.channels:
				t.Errorf("after %s: ShopCampaigns = %+v; want one with %d channels", step.name, list, step.channels)
			}
		}
	}
	got, checkpoints, err := store.Snapshot(t.Context(), "evt-1")
	if !errors.Is(err, readmodel.ErrNotFound) {
		t.Errorf("Snapshot = %+v, %v; want ErrNotFound", got, err)
	}
	if d := diff(sortedCheckpoints(b.at), checkpoints); d != "" {
		t.Errorf("checkpoints of the snapshot (-want +got):\n%s", d)
	}
	if got, err := store.Campaigns(t.Context(), "", 10); err != nil || len(got) > 0 {
		t.Errorf("Campaigns = %q, %v; want none", got, err)
	}
}

// flipUnderReaders activates two generations in turn. Every row, and the end of the
// campaign, says to which of them it belongs.
func flipUnderReaders(t *testing.T, a Adapter) {
	const flips, looks = 20, 20
	b := setup(t, a)
	numbered := func(n int64) *readmodel.Rows {
		rows := counted(n)
		rows.Campaign("evt-1").EndsAt = instant(noon + n)
		return rows
	}
	b.commit(t, numbered(1))
	states := [2][]readmodel.Checkpoint{append([]readmodel.Checkpoint(nil), b.at...), b.build(t, 1, numbered(2))}
	b.activate(t, states[1]...)
	b.activate(t, states[0]...) // from now on one is active and the other is its standby
	same := func(numbers ...int64) error {
		for _, n := range numbers {
			if n != numbers[0] {
				return fmt.Errorf("rows of generations %v at once", numbers)
			}
		}
		return nil
	}
	reads := map[string]func(context.Context, readmodel.Store) error{
		"Campaign": func(ctx context.Context, s readmodel.Store) error {
			rows, err := s.Campaign(ctx, "evt-1", readmodel.Everything())
			if err != nil {
				return err
			}
			// The first generation is served after an even number of edits.
			return errors.Join(oneCommit(rows), same(rows.Campaign().Participants, rows.Revision.Edits%2+1))
		},
		"ShopCampaigns": func(ctx context.Context, s readmodel.Store) error {
			list, err := s.ShopCampaigns(ctx, "store-1", readmodel.Everything())
			if err != nil || len(list) != 1 || len(list[0].Channels) != 1 {
				return fmt.Errorf("%+v, %w", list, err)
			}
			return same(list[0].Campaign.Participants, list[0].Channels[0].Participants)
		},
		"Distributed": func(ctx context.Context, s readmodel.Store) error {
			list, err := s.Distributed(ctx, instant(noon))
			if err != nil || len(list) != 1 {
				return fmt.Errorf("%+v, %w", list, err)
			}
			return same(list[0].Participants, list[0].EndsAt.UnixMicro()-noon)
		},
		"Snapshot": func(ctx context.Context, s readmodel.Store) error {
			rows, at, err := s.Snapshot(ctx, "evt-1")
			if err != nil || len(at) != len(states[0]) {
				return fmt.Errorf("%+v, %+v, %w", rows, at, err)
			}
			numbers := []int64{rows.Campaign().Participants, rows.Revision.Edits%2 + 1}
			for _, c := range at {
				numbers = append(numbers, int64(c.Generation))
			}
			return errors.Join(oneCommit(rows), same(numbers...))
		},
		"Campaigns": func(ctx context.Context, s readmodel.Store) error {
			found, err := s.Campaigns(ctx, "", 10)
			if err != nil || len(found) != 1 {
				return fmt.Errorf("%q, %w", found, err)
			}
			return nil
		},
		"List": func(ctx context.Context, s readmodel.Store) error {
			all, err := s.List(ctx)
			if err != nil {
				return err
			}
			var active []int64
			for _, g := range all {
				if g.Active == g.Standby {
					return fmt.Errorf("%+v, want it either served or standing by", g)
				}
				if g.Active {
					active = append(active, int64(g.Generation))
				}
			}
			return same(active...)
		},
	}
	var (
		left    atomic.Int64 // readers that have not looked often enough
		done    = make(chan struct{})
		readers sync.WaitGroup
		second  = b.open()
		store   = b.store
	)
	left.Store(int64(len(reads)))
	for name, read := range reads {
		readers.Go(func() {
			for n := 1; ; n++ {
				if err := read(t.Context(), []readmodel.Store{store, second}[n%2]); err != nil {
					t.Errorf("%s: %v", name, err)
					left.Add(-1)
					return
				}
				if n == looks {
					left.Add(-1)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	defer readers.Wait()
	defer close(done)
	for n := 1; n <= flips || left.Load() > 0; n++ {
		b.activate(t, states[n%2]...)
	}
}
