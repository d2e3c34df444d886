package cache_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/cache/redis"
)

func TestReadsAreShared(t *testing.T) {
	t.Parallel()
	t.Run("an entry is kept for as long as nothing changes", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open(without)
			b.reads(process, "evt-1", 10*time.Second)
			b.wantReads("evt-1", 1)
			want, err := b.world.Campaign(b.Context(), "evt-1", readmodel.Everything())
			if err != nil {
				b.Fatal(err)
			}
			got, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything())
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				b.Errorf("Campaign: %v (-want +got):\n%s", err, diff)
			}
		})
	})

	t.Run("commits to others do not matter", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open(without)
			for range 50 {
				b.reads(process, "evt-1", 100*time.Millisecond)
				process.Committed(b.world.commit("evt-2"))
			}
			b.wantReads("evt-1", 1)
		})
	})

	t.Run("another process finds it in Redis", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1", "evt-2")
			first, second := b.open(), b.open()
			b.read(first, "evt-1")
			b.read(second, "evt-2") // so that it polls
			synctest.Wait()
			b.reads(second, "evt-1", time.Second)
			b.wantReads("evt-1", 1)
			if s := second.Stats(); s.SharedHits != 1 || s.Misses != 1 {
				b.Errorf("stats are %+v, want one hit in Redis and one miss", s)
			}
			ttl := b.redis.TTL(key)
			if least, most := valueTTL*9/10, valueTTL*11/10; ttl < least-time.Second || ttl > most {
				b.Errorf("TTL = %v, want %v to %v", ttl, least, most)
			}
		})
	})

	t.Run("calls at the same moment share one read", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			b.world.delay = func() (before, after time.Duration) { return 100 * time.Millisecond, 0 }
			process := b.open()
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					time.Sleep(time.Millisecond)
					b.read(process, "evt-1")
				})
			}
			all.Wait()
			b.wantReads("evt-1", 1)
		})
	})

	t.Run("a read that began too early is not waited for", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			b.world.delay = func() (before, after time.Duration) { return 0, 3 * time.Second }
			process := b.open(without)
			var all sync.WaitGroup
			for range 3 {
				all.Go(func() { b.read(process, "evt-1") })
				time.Sleep(cache.DefaultBound / 2)
			}
			b.wantReads("evt-1", 1)
			time.Sleep(10 * time.Millisecond)
			b.world.commit("evt-1")
			all.Go(func() {
				if got := b.read(process, "evt-1"); got != 2 {
					b.Errorf("commit %d was read, want 2", got)
				}
			})
			all.Wait()
			b.wantReads("evt-1", 2)
		})
	})

	t.Run("a call that is cancelled does not end the read", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			b.world.delay = func() (before, after time.Duration) { return time.Second / 2, 0 }
			process := b.open(without)
			ctx, cancel := context.WithTimeout(b.Context(), 100*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_, err := process.Campaign(ctx, "evt-1", readmodel.Everything())
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 100*time.Millisecond {
				b.Errorf("Campaign = %v after %v, want a deadline exceeded after 100ms", err, time.Since(begun))
			}
			b.read(process, "evt-1")
			b.wantReads("evt-1", 1)
		})
	})

	t.Run("an error is returned to all calls, and not kept", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open()
			broken := errors.New("broken")
			b.world.failing(broken)
			if _, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything()); !errors.Is(err, broken) {
				b.Errorf("Campaign = %v, want the store's error", err)
			}
			if _, err := process.ShopCampaigns(b.Context(), shop, readmodel.Everything()); !errors.Is(err, broken) {
				b.Errorf("ShopCampaigns = %v, want the store's error", err)
			}
			b.world.failing(nil)
			b.read(process, "evt-1")
		})
	})

	t.Run("a read is given up after a while", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.delay = func() (before, after time.Duration) { return time.Hour, 0 }
			process := b.open()
			begun := time.Now()
			_, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything())
			if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > cache.LoadTimeout+50*time.Millisecond {
				b.Errorf("Campaign = %v after %v", err, took)
			}
		})
	})

	t.Run("the campaigns of a shop are kept until the next commit", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(b *testBundle) {
			b.world.commit("evt-1")
			process := b.open(without)
			b.read(process, "evt-1")
			synctest.Wait() // a poll has told the revision
			list := func() []readmodel.ShopCampaign {
				got, err := process.ShopCampaigns(b.Context(), shop, readmodel.Everything())
				if err != nil {
					b.Fatal(err)
				}
				return got
			}
			first := list()
			for range 100 {
				time.Sleep(50 * time.Millisecond)
				list()
			}
			if s := process.Stats(); len(first) != 1 || s.Misses != 2 || s.Hits != 100 {
				b.Errorf("%d campaigns listed, stats are %+v", len(first), s)
			}
			b.world.commit("evt-2")
			time.Sleep(cache.DefaultBound + time.Millisecond)
			if got := list(); len(got) != 2 {
				b.Errorf("%d campaigns listed, want 2", len(got))
			}
		})
	})
}

// TestPagesAreKept: each page of a shop is kept until the next commit, apart from the others.
func TestPagesAreKept(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1", "evt-2", "evt-3")
		process := b.open(without)
		b.read(process, "evt-1")
		synctest.Wait() // a poll has told the revision
		ask := func() (all []events.Campaign) {
			for _, page := range []readmodel.ShopPage{
				{Limit: 2},
				{Limit: 2, Descending: true},
				{Limit: 1},
				{After: "evt-1", Limit: 1},
				{Order: readmodel.ByParticipants, Descending: true, After: "evt-1", Value: 1 << 60, Limit: 1},
				{Order: readmodel.ByParticipants, Descending: true, After: "evt-1", Value: -1, Limit: 1},
				{Order: readmodel.ByUpdate, Limit: 2},
			} {
				got, err := process.ShopPage(b.Context(), shop, page, readmodel.Shops(shop))
				if err != nil {
					b.Fatal(err)
				}
				for _, c := range got {
					all = append(all, c.Campaign.Campaign)
				}
			}
			return all
		}
		want := []events.Campaign{"evt-1", "evt-2", "evt-3", "evt-2", "evt-1", "evt-2", "evt-1", "evt-1", "evt-2"}
		for range 10 {
			if got := ask(); !slices.Equal(got, want) {
				b.Fatalf("pages of %v, want %v", got, want)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if s := process.Stats(); s.Misses != 1+7 || s.Hits != 9*7 {
			b.Errorf("stats are %+v", s)
		}
		b.world.commit("evt-0")
		time.Sleep(cache.DefaultBound + time.Millisecond)
		if got := ask(); got[0] != "evt-0" {
			b.Errorf("pages of %v after a commit", got)
		}
	})
}

// TestHitRateUnderConstantChange reads a campaign that every commit changes.
func TestHitRateUnderConstantChange(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.delay = func() (before, after time.Duration) { return 5 * time.Millisecond, 5 * time.Millisecond }
		b.world.commit("evt-1")
		committer, other := b.open(), b.open()
		const during = 20 * time.Second
		var all sync.WaitGroup
		all.Go(func() {
			for until := time.Now().Add(during); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
				committer.Committed(b.world.commit("evt-1"))
			}
		})
		for _, process := range []*cache.Cache{committer, other} {
			all.Go(func() { b.reads(process, "evt-1", during) })
		}
		all.Wait()
		for _, process := range []*cache.Cache{committer, other} {
			s := process.Stats()
			if all := s.Hits + s.SharedHits + s.Misses; s.Hits*100 < 95*all {
				b.Errorf("%d hits of %d, want 95 %%", s.Hits, all)
			}
		}
		// Each process refreshes at most four times a second.
		if reads, most := b.world.readsOf("evt-1"), 2+int(2*during/cache.RefreshPause); reads > most {
			b.Errorf("%d reads of rows, want at most %d", reads, most)
		}
	})
}

// TestOneReadRefreshesAll: what the committing process puts into Redis, the others
// need not read.
func TestOneReadRefreshesAll(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		committer := b.open()
		var others []*cache.Cache
		for range 5 {
			others = append(others, b.open())
		}
		for _, process := range others {
			b.read(process, "evt-1")
			synctest.Wait()
		}
		before := b.world.readsOf("evt-1")
		committer.Committed(b.world.commit("evt-1"))
		time.Sleep(200 * time.Millisecond)
		for i, process := range others {
			if got := b.read(process, "evt-1"); got != 2 {
				b.Errorf("process %d serves commit %d, want 2", i, got)
			}
		}
		b.wantReads("evt-1", before+1)
	})
}

// TestWithoutNotices has only polls to go by: another process commits, and there is
// no Redis.
func TestWithoutNotices(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open(without)
		b.reads(process, "evt-1", 5*time.Second)
		b.wantReads("evt-1", 1)
		for range 10 {
			want := b.world.version("evt-1", func(commit) bool { return true }) + 1
			b.world.commit("evt-1")
			b.reads(process, "evt-1", cache.DefaultBound+10*time.Millisecond)
			if got := b.read(process, "evt-1"); got < want {
				b.Errorf("commit %d is served, want %d", got, want)
			}
		}
		if s := process.Stats(); s.Misses > 1 {
			b.Errorf("%d reads were waited for, want all but the first in the background", s.Misses)
		}
	})
}

func TestPollingPausesWithoutReads(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open(without)
		time.Sleep(time.Minute)
		if got := b.world.pollCount(); got != 0 {
			b.Errorf("%d polls before the first read", got)
		}
		b.reads(process, "evt-1", 10*time.Second)
		if got := b.world.pollCount(); got < 49 || got > 51 {
			b.Errorf("%d polls in 10s, want 50", got)
		}
		time.Sleep(cache.Quiet + time.Second)
		before := b.world.pollCount()
		time.Sleep(time.Hour)
		if got := b.world.pollCount(); got != before {
			b.Errorf("%d polls without reads", got-before)
		}
		b.world.commit("evt-1")
		if got := b.read(process, "evt-1"); got != 2 {
			b.Errorf("commit %d is served after a pause, want 2", got)
		}
		b.reads(process, "evt-1", time.Second)
		if got := b.world.pollCount(); got < before+5 {
			b.Errorf("%d polls in the second after a pause", got-before)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		b.world.delay = func() (before, after time.Duration) { return time.Second, 0 }
		process := b.open()
		failed := make(chan error)
		go func() {
			_, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything())
			failed <- err
		}()
		synctest.Wait()
		go process.Close()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			b.Errorf("Campaign = %v when the cache is closed", err)
		}
		process.Close()
		if _, err := process.Campaign(b.Context(), "evt-1", readmodel.Everything()); !errors.Is(err, cache.ErrClosed) {
			b.Errorf("Campaign = %v after Close, want ErrClosed", err)
		}
		process.Committed(b.world.commit(events.Campaign("evt-1")))
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*cache.Config){
		"no inner reader":     func(cfg *cache.Config) { cfg.Inner = nil },
		"no logger":           func(cfg *cache.Config) { cfg.Logger = nil },
		"a bound of a second": func(cfg *cache.Config) { cfg.Bound = time.Second },
		"a negative bound":    func(cfg *cache.Config) { cfg.Bound = -1 },
		"negative entries":    func(cfg *cache.Config) { cfg.MaxEntries = -1 },
	} {
		cfg := cache.Config{Inner: newWorld(), Logger: quietLog()}
		change(&cfg)
		if process, err := cache.Open(t.Context(), cfg); err == nil {
			process.Close()
			t.Errorf("Open with %s succeeded", name)
		}
	}
	if _, err := redis.Options("http://localhost"); err == nil {
		t.Error("Options of a URL that is not of Redis succeeded")
	}
}
