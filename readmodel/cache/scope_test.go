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

func TestScope(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open()
		owner, stranger := readmodel.Shops("store-9", shop), readmodel.Shops("store-9")
		for range 2 { // read, then kept
			if _, err := process.Campaign(b.Context(), "evt-1", owner); err != nil {
				b.Errorf("Campaign by its owner: %v", err)
			}
			for name, by := range map[string]readmodel.Scope{"a stranger": stranger, "an empty scope": {}} {
				got, err := process.Campaign(b.Context(), "evt-1", by)
				if !errors.Is(err, readmodel.ErrNotFound) || got.Campaign().Campaign != "" {
					b.Errorf("Campaign by %s = %v, %v; want ErrNotFound", name, got, err)
					continue
				}
				_, missing := process.Campaign(b.Context(), "evt-0", by)
				if want := fmt.Sprintf("read campaign %q: %v", "evt-0", readmodel.ErrNotFound); missing == nil || missing.Error() != want {
					b.Errorf("a missing campaign is %v, want %s", missing, want)
				}
				if want := fmt.Sprintf("read campaign %q: %v", "evt-1", readmodel.ErrNotFound); err.Error() != want {
					b.Errorf("a foreign campaign is %v, want %s", err, want)
				}
				if list, err := process.ShopCampaigns(b.Context(), shop, by); len(list) != 0 || err != nil {
					b.Errorf("ShopCampaigns by %s = %v, %v; want none", name, list, err)
				}
				if list, err := process.ShopPage(b.Context(), shop, readmodel.ShopPage{Limit: 2}, by); len(list) != 0 || err != nil {
					b.Errorf("ShopPage by %s = %v, %v; want none", name, list, err)
				}
			}
			if list, err := process.ShopCampaigns(b.Context(), shop, owner); len(list) != 1 || err != nil {
				b.Errorf("ShopCampaigns by its owner = %v, %v; want one", list, err)
			}
			if list, err := process.ShopPage(b.Context(), shop, readmodel.ShopPage{Limit: 2}, owner); len(list) != 1 || err != nil {
				b.Errorf("ShopPage by its owner = %v, %v; want one", list, err)
			}
		}
		b.wantReads("evt-1", 1)
	})
}

// TestForeignAndMissingTakeTheSameSteps: to a caller of another shop a campaign that exists is
// read as one that does not, for as long, at whatever pace, whatever is known of it and however
// often it changes (I12).
func TestForeignAndMissingTakeTheSameSteps(t *testing.T) {
	t.Parallel()
	for name, around := range map[string]func(*testBundle, *cache.Cache){
		"that is unread": func(*testBundle, *cache.Cache) {},
		"that its owner reads": func(b *testBundle, process *cache.Cache) {
			if _, err := process.Campaign(b.Context(), "evt-1", readmodel.Shops(shop)); err != nil {
				b.Error(err)
			}
		},
		"that changes": func(b *testBundle, process *cache.Cache) { process.Committed(b.world.commit("evt-1")) },
		"that changes and is read": func(b *testBundle, process *cache.Cache) {
			process.Committed(b.world.commit("evt-1"))
			b.read(process, "evt-1")
		},
		"that another process has shared": func(b *testBundle, _ *cache.Cache) { b.read(b.open(), "evt-1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, pace := range []time.Duration{time.Millisecond, 100 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second} {
				inBubble(t, func(b *testBundle) {
					b.world.commit("evt-1", "evt-9")
					process := b.open()
					around(b, process)
					b.world.mu.Lock() // a process polls already
					b.world.delay = func() (before, after time.Duration) { return time.Millisecond, time.Millisecond }
					b.world.mu.Unlock()
					stranger := readmodel.Shops("store-9")
					took := func(c events.Campaign) time.Duration {
						begun := time.Now()
						if _, err := process.Campaign(b.Context(), c, stranger); !errors.Is(err, readmodel.ErrNotFound) {
							b.Errorf("Campaign(%q) = %v", c, err)
						}
						return time.Since(begun)
					}
					reads, looked := b.world.readsOf("evt-1"), b.world.looked["evt-1"]
					for i := range 20 {
						missing := took("evt-0")
						foreign := took("evt-1")
						if foreign != missing {
							b.Errorf("every %v, time %d: of a foreign campaign %v, of a missing one %v", pace, i, foreign, missing)
						}
						time.Sleep(pace)
						if name != "that is unread" && i%3 == 0 {
							around(b, process)
						}
					}
					if b.world.looked["evt-1"]-looked != b.world.looked["evt-0"] {
						b.Errorf("every %v: the shop was looked up %v times", pace, b.world.looked)
					}
					if got := b.world.readsOf("evt-1"); name == "that is unread" && got != reads {
						b.Errorf("the rows of a foreign campaign were read %d times", got-reads)
					}
				})
			}
		})
	}
}

func TestMissingCampaigns(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open()
		b.read(process, "evt-1")
		synctest.Wait()
		missing := func() bool {
			_, err := process.Campaign(b.Context(), "evt-2", readmodel.Everything())
			if err != nil && !errors.Is(err, readmodel.ErrNotFound) {
				b.Errorf("Campaign: %v", err)
			}
			return err != nil
		}
		for range 50 {
			if !missing() {
				b.Error("evt-2 exists")
			}
			time.Sleep(100 * time.Millisecond)
			process.Committed(b.world.commit("evt-1"))
		}
		b.wantReads("evt-2", 1)
		if b.redis.Exists("analytics:dashboard:evt-2") {
			b.Error("Redis holds what does not exist")
		}
		process.Committed(b.world.commit("evt-2"))
		time.Sleep(100 * time.Millisecond)
		if missing() {
			b.Error("evt-2 is missing after its notice")
		}
	})
}
