package readmodeltest

import (
	"errors"
	"strings"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testScope(t *testing.T, a Adapter) {
	// refused reads a campaign that the scope does not allow, and returns the error
	// without the name.
	refused := func(t *testing.T, s readmodel.Store, c events.Campaign, by readmodel.Scope) string {
		t.Helper()
		got, err := s.Campaign(t.Context(), c, by)
		if !errors.Is(err, readmodel.ErrNotFound) {
			t.Errorf("Campaign(%q) in %+v = %v, %v; want ErrNotFound", c, by, got, err)
			return ""
		}
		if d := diff(readmodel.CampaignRows{}, got); d != "" {
			t.Errorf("Campaign(%q) in %+v with ErrNotFound (-want +got):\n%s", c, by, d)
		}
		return strings.ReplaceAll(err.Error(), string(c), "")
	}
	allowed := func(t *testing.T, s readmodel.Store, c events.Campaign, by readmodel.Scope) {
		t.Helper()
		want, err := s.Campaign(t.Context(), c, readmodel.Everything())
		if err != nil {
			t.Fatalf("Campaign(%q): %v", c, err)
		}
		got, err := s.Campaign(t.Context(), c, by)
		if err != nil {
			t.Fatalf("Campaign(%q) in %+v: %v", c, by, err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("Campaign(%q) in %+v (-want +got):\n%s", c, by, d)
		}
	}
	// stocked returns a bundle with a campaign of each shop, named after it, and one
	// whose creation has not been seen. Each has a row in every table.
	stocked := func(t *testing.T, shops ...events.Shop) *testBundle {
		t.Helper()
		b := setup(t, a)
		for _, shop := range shops {
			rows := fullRows("of " + events.Campaign(shop))
			rows.Campaign("of " + events.Campaign(shop)).Shop = shop
			b.commit(t, rows)
		}
		rows := fullRows("unknown")
		row := rows.Campaign("unknown")
		row.Known, row.Shop = false, ""
		b.commit(t, rows)
		return b
	}

	t.Run("an owner sees the campaigns of the own shop", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2")
		allowed(t, b.store, "of store-1", readmodel.Shops("store-1"))
		allowed(t, b.store, "of store-2", readmodel.Shops("store-2"))
	})

	t.Run("a foreign campaign, a missing one and one not yet created look the same", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2")
		owner := readmodel.Shops("store-1", "") // the shop without a name gives no access either
		missing := refused(t, b.store, "missing", owner)
		for _, c := range []events.Campaign{"of store-2", "unknown"} {
			if got := refused(t, b.store, c, owner); got != missing {
				t.Errorf("Campaign(%q) says %q, of a missing one %q", c, got, missing)
			}
		}
	})

	t.Run("the shop of a campaign is known once its creation has been seen", func(t *testing.T) {
		t.Parallel()
		shopOf := func(s readmodel.Store, c events.Campaign, want events.Shop) {
			t.Helper()
			if got, err := s.ShopOf(t.Context(), c); err != nil || got != want {
				t.Errorf("ShopOf(%q) = %q, %v; want %q", c, got, err, want)
			}
		}
		shopOf(a.Database(t, Tables())(), "of store-1", "") // nothing registered
		b := stocked(t, "store-1", "가게")
		for _, s := range []readmodel.Store{b.store, b.open()} {
			shopOf(s, "of store-1", "store-1")
			shopOf(s, "of 가게", "가게")
			for _, c := range hostileTexts() {
				shopOf(s, events.Campaign(c), "")
			}
			shopOf(s, "unknown", "")
		}
		rows := fullRows("of store-1")
		rows.Campaign("of store-1").Shop = "store-2"
		b.commit(t, rows)
		shopOf(b.store, "of store-1", "store-2")
	})

	t.Run("the creation makes a campaign visible to its owner", func(t *testing.T) {
		t.Parallel()
		b := stocked(t)
		owner := readmodel.Shops("store-1")
		refused(t, b.store, "unknown", owner)
		b.commit(t, fullRows("unknown"))
		allowed(t, b.store, "unknown", owner)
	})

	t.Run("a campaign with a shop and without its creation is not visible to the owner", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		rows.Campaign("evt-1").Known = false
		b.commit(t, rows)
		refused(t, b.store, "evt-1", readmodel.Shops("store-1"))
		allowed(t, b.store, "evt-1", readmodel.Everything())
	})

	t.Run("an analyst sees every campaign", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2")
		for _, c := range []events.Campaign{"of store-1", "of store-2", "unknown"} {
			allowed(t, b.store, c, readmodel.Everything())
		}
		refused(t, b.store, "missing", readmodel.Everything())
	})

	t.Run("the zero scope and a scope of no shops see no campaign", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "")
		for _, by := range []readmodel.Scope{{}, readmodel.Shops()} {
			for _, c := range []events.Campaign{"of store-1", "of ", "unknown", "missing"} {
				refused(t, b.store, c, by)
			}
			for _, shop := range []events.Shop{"store-1", ""} {
				if got := shopCampaigns(t, b.store, shop, by); len(got) > 0 {
					t.Errorf("ShopCampaigns(%q) in %+v = %v", shop, by, got)
				}
			}
		}
	})

	t.Run("a scope of several shops sees their campaigns", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2", "store-3")
		by := readmodel.Shops("store-3", "store-1", "store-4", "store-3")
		allowed(t, b.store, "of store-1", by)
		allowed(t, b.store, "of store-3", by)
		refused(t, b.store, "of store-2", by)
	})

	t.Run("any name of a shop gives access to that shop and no other", func(t *testing.T) {
		t.Parallel()
		var shops []events.Shop
		for _, text := range hostileTexts() {
			shops = append(shops, events.Shop(text))
		}
		b := stocked(t, shops...)
		for i, shop := range shops {
			by := readmodel.Shops(shop)
			allowed(t, b.store, "of "+events.Campaign(shop), by)
			refused(t, b.store, "of "+events.Campaign(shops[(i+1)%len(shops)]), by)
			others := readmodel.Shops(append(shops[:i:i], shops[i+1:]...)...)
			refused(t, b.store, "of "+events.Campaign(shop), others)
			if got := shopCampaigns(t, b.store, shop, others); len(got) > 0 {
				t.Errorf("ShopCampaigns(%q) for the other shops = %v", shop, got)
			}
		}
	})

	t.Run("names that no event can carry give no access and no error", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "\ufffd", "a")
		hostile := []events.Shop{"\x00", "a\x00", "a\x00b", "\xff", "\xc0\x80", "\xed\xa0\x80", "a\xff"}
		for _, c := range []events.Campaign{"of store-1", "of \ufffd", "of a"} {
			refused(t, b.store, c, readmodel.Shops(hostile...))
		}
		allowed(t, b.store, "of store-1", readmodel.Shops(append(hostile, "store-1")...))
	})
}
