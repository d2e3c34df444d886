package cache_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/readmodel"
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
			}
			if list, err := process.ShopCampaigns(b.Context(), shop, owner); len(list) != 1 || err != nil {
				b.Errorf("ShopCampaigns by its owner = %v, %v; want one", list, err)
			}
		}
		b.wantReads("evt-1", 1)
	})
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
