package readmodeltest

import (
	"errors"
	"strings"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

func testScope(t *testing.T, a Adapter) {
	// refused reads a campaign that the scope does not allow, and returns what the
	// reader is told, without the name.
	refused := func(t *testing.T, s Store, c events.Campaign, by readmodel.Scope) string {
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
	allowed := func(t *testing.T, s Store, c events.Campaign, by readmodel.Scope) {
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
	// stocked has a campaign of every table's rows in each of these stores, named
	// after it, and one whose creation has not been seen.
	stocked := func(t *testing.T, stores ...events.Store) *testBundle {
		t.Helper()
		b := setup(t, a)
		for _, store := range stores {
			rows := fullRows("of " + events.Campaign(store))
			rows.Event("of " + events.Campaign(store)).Store = store
			b.commit(t, rows)
		}
		rows := fullRows("unknown")
		row := rows.Event("unknown")
		row.Known, row.Store = false, ""
		b.commit(t, rows)
		return b
	}

	t.Run("an owner sees what is of the own store", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2")
		allowed(t, b.store, "of store-1", readmodel.Stores("store-1"))
		allowed(t, b.store, "of store-2", readmodel.Stores("store-2"))
	})

	t.Run("a foreign campaign, one that is missing and one not yet created look the same", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2")
		owner := readmodel.Stores("store-1", "") // nor is a store without a name everybody's
		missing := refused(t, b.store, "missing", owner)
		for _, c := range []events.Campaign{"of store-2", "unknown"} {
			if got := refused(t, b.store, c, owner); got != missing {
				t.Errorf("Campaign(%q) says %q, of a missing one %q", c, got, missing)
			}
		}
	})

	t.Run("the creation makes a campaign its owner's", func(t *testing.T) {
		t.Parallel()
		b := stocked(t)
		owner := readmodel.Stores("store-1")
		refused(t, b.store, "unknown", owner)
		b.commit(t, fullRows("unknown"))
		allowed(t, b.store, "unknown", owner)
	})

	t.Run("a store that is merely noted is not yet the owner's", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		rows.Event("evt-1").Known = false
		b.commit(t, rows)
		refused(t, b.store, "evt-1", readmodel.Stores("store-1"))
		allowed(t, b.store, "evt-1", readmodel.Everything())
	})

	t.Run("an analyst sees all", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2")
		for _, c := range []events.Campaign{"of store-1", "of store-2", "unknown"} {
			allowed(t, b.store, c, readmodel.Everything())
		}
		refused(t, b.store, "missing", readmodel.Everything())
	})

	t.Run("no scope and a scope of no stores see none", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "")
		for _, by := range []readmodel.Scope{{}, readmodel.Stores()} {
			for _, c := range []events.Campaign{"of store-1", "of ", "unknown", "missing"} {
				refused(t, b.store, c, by)
			}
			for _, store := range []events.Store{"store-1", ""} {
				if got := storeCampaigns(t, b.store, store, by); len(got) > 0 {
					t.Errorf("StoreCampaigns(%q) in %+v = %v", store, by, got)
				}
			}
		}
	})

	t.Run("a scope of several stores sees those", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "store-2", "store-3")
		by := readmodel.Stores("store-3", "store-1", "store-4", "store-3")
		allowed(t, b.store, "of store-1", by)
		allowed(t, b.store, "of store-3", by)
		refused(t, b.store, "of store-2", by)
	})

	t.Run("any name of a store is that store's and no other's", func(t *testing.T) {
		t.Parallel()
		var stores []events.Store
		for _, text := range hostileTexts() {
			stores = append(stores, events.Store(text))
		}
		b := stocked(t, stores...)
		for i, store := range stores {
			by := readmodel.Stores(store)
			allowed(t, b.store, "of "+events.Campaign(store), by)
			refused(t, b.store, "of "+events.Campaign(stores[(i+1)%len(stores)]), by)
			others := readmodel.Stores(append(stores[:i:i], stores[i+1:]...)...)
			refused(t, b.store, "of "+events.Campaign(store), others)
			if got := storeCampaigns(t, b.store, store, others); len(got) > 0 {
				t.Errorf("StoreCampaigns(%q) for the other stores = %v", store, got)
			}
		}
	})

	t.Run("names that no event can carry see none and break nothing", func(t *testing.T) {
		t.Parallel()
		b := stocked(t, "store-1", "\ufffd", "a")
		hostile := []events.Store{"\x00", "a\x00", "a\x00b", "\xff", "\xc0\x80", "\xed\xa0\x80", "a\xff"}
		for _, c := range []events.Campaign{"of store-1", "of \ufffd", "of a"} {
			refused(t, b.store, c, readmodel.Stores(hostile...))
		}
		allowed(t, b.store, "of store-1", readmodel.Stores(append(hostile, "store-1")...))
	})
}
