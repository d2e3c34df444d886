package cache_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
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
				process := b.open(without, func(cfg *cache.Config) { cfg.MaxEntries = most })
				for _, c := range all {
					b.read(process, c)
				}
				if got := process.Stats().Entries; got > most || got < most/2 {
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
			process := b.open(without, func(cfg *cache.Config) { cfg.MaxEntries = 50 })
			for _, c := range all {
				b.read(process, "evt-x")
				b.read(process, c)
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
			process := b.open(without, func(cfg *cache.Config) { cfg.MaxEntries = 50 })
			for _, c := range all {
				b.read(process, c)
			}
			time.Sleep(time.Second)
			for _, c := range numbered("made-up", 500) {
				if _, err := process.Campaign(b.Context(), c, readmodel.Everything()); !errors.Is(err, readmodel.ErrNotFound) {
					b.Errorf("Campaign(%q) = %v, want ErrNotFound", c, err)
				}
			}
			if got := process.Stats().Entries; got != 50 {
				b.Errorf("%d entries, want those that exist", got)
			}
			before := process.Stats().Misses
			for _, c := range all {
				b.read(process, c)
			}
			if got := process.Stats().Misses; got > before+50 {
				b.Errorf("%d misses of what exists", got-before)
			}
		})
	})

	t.Run("what is not read is dropped", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1", "evt-2")
			process := b.open(without)
			b.read(process, "evt-2")
			b.reads(process, "evt-1", cache.UnreadFor+cache.SweepEvery+time.Second)
			if got := process.Stats().Entries; got != 1 {
				b.Errorf("%d entries, want the one that is read", got)
			}
			time.Sleep(cache.UnreadFor + cache.SweepEvery + time.Second)
			if got := process.Stats().Entries; got != 0 {
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
		process := b.open(without, func(cfg *cache.Config) { cfg.MaxEntries = 100 })
		b.read(process, "evt-1")
		old, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything())
		if err != nil {
			b.Fatal(err)
		}
		synctest.Wait() // the first read has begun the polls
		process.Committed(b.world.commit("evt-1"))
		process.Forget("evt-1")
		for range 5 {
			process.Committed(b.world.commit(numbered("evt-0", cache.MaxNamed)...))
		}
		b.reads(process, "evt-2", 0)
		time.Sleep(cache.DefaultBound + time.Millisecond)
		if process.Current("evt-1", old.Revision) {
			b.Error("rows are current that were changed before what is remembered")
		}
		if got := b.read(process, "evt-1"); got != 2 {
			b.Errorf("commit %d is served, want 2", got)
		}
	})
}
