package rediscache_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/rediscache"
)

func numbered(prefix string, n int) []events.Campaign {
	all := make([]events.Campaign, n)
	for i := range all {
		all[i] = events.Campaign(fmt.Sprintf("%s-%d", prefix, i))
	}
	return all
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 10, 100, 1_000} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				all := numbered("evt", 3*most)
				b.world.commit(all...)
				cache := b.open(without, func(cfg *rediscache.Config) { cfg.MaxEntries = most })
				for _, c := range all {
					b.read(cache, c)
				}
				if got := cache.Stats().Entries; got > most || got < most/2 {
					b.Errorf("%d entries, want up to %d", got, most)
				}
			})
		})
	}

	t.Run("what is in use stays", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			all := numbered("evt", 500)
			b.world.commit(append(all, "evt-x")...)
			cache := b.open(without, func(cfg *rediscache.Config) { cfg.MaxEntries = 50 })
			for _, c := range all {
				b.read(cache, "evt-x")
				b.read(cache, c)
				time.Sleep(110 * time.Millisecond)
			}
			b.wantReads("evt-x", 1)
		})
	})

	t.Run("what does not exist takes no room", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			all := numbered("evt", 50)
			b.world.commit(all...)
			cache := b.open(without, func(cfg *rediscache.Config) { cfg.MaxEntries = 50 })
			for _, c := range all {
				b.read(cache, c)
			}
			time.Sleep(time.Second)
			for _, c := range numbered("made-up", 500) {
				if _, err := cache.Campaign(b.Context(), c, readmodel.Everything()); !errors.Is(err, readmodel.ErrNotFound) {
					b.Errorf("Campaign(%q) = %v, want ErrNotFound", c, err)
				}
			}
			if got := cache.Stats().Entries; got != 50 {
				b.Errorf("%d entries, want those that exist", got)
			}
			before := cache.Stats().Misses
			for _, c := range all {
				b.read(cache, c)
			}
			if got := cache.Stats().Misses; got > before+50 {
				b.Errorf("%d misses of what exists", got-before)
			}
		})
	})

	t.Run("what nobody reads is dropped", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1", "evt-2")
			cache := b.open(without)
			b.read(cache, "evt-2")
			b.reads(cache, "evt-1", rediscache.UnusedFor+rediscache.SweepEvery+time.Second)
			if got := cache.Stats().Entries; got != 1 {
				b.Errorf("%d entries, want the one that is read", got)
			}
			time.Sleep(rediscache.UnusedFor + rediscache.SweepEvery + time.Second)
			if got := cache.Stats().Entries; got != 0 {
				b.Errorf("%d entries, want none", got)
			}
		})
	})
}

// TestManyChanges names so many campaigns that most of it is forgotten: rows from
// before that are read anew, and the new ones kept.
func TestManyChanges(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		cache := b.open(without, func(cfg *rediscache.Config) { cfg.MaxEntries = 100 })
		b.read(cache, "evt-1")
		old, err := cache.Campaign(b.Context(), "evt-1", readmodel.Everything())
		if err != nil {
			b.Fatal(err)
		}
		synctest.Wait() // the first read has begun the polls
		cache.Committed(b.world.commit("evt-1"))
		cache.Forget("evt-1")
		for range 5 {
			cache.Committed(b.world.commit(numbered("evt-0", rediscache.MaxNamed)...))
		}
		b.reads(cache, "evt-2", 0)
		time.Sleep(rediscache.DefaultBound + time.Millisecond)
		if cache.Current("evt-1", old.Revision) {
			b.Error("rows are current that were changed before what is remembered")
		}
		if got := b.read(cache, "evt-1"); got != 2 {
			b.Errorf("commit %d is served, want 2", got)
		}
	})
}
