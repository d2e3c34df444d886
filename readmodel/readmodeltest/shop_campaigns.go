package readmodeltest

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

func testShopCampaigns(t *testing.T, a Adapter) {
	t.Run("a shop without campaigns has none", func(t *testing.T) {
		t.Parallel()
		if got := shopCampaigns(t, a.Database(t, Tables())(), "store-1", readmodel.Everything()); len(got) > 0 { // nothing registered
			t.Errorf("ShopCampaigns = %v, want none", got)
		}
		b := setup(t, a)
		rows := lacking(fullRows("evt-1"), readmodel.CampaignStatsTable().Name)
		b.commit(t, rows)
		b.commit(t, fullRows("evt-2"))
		sameShopCampaigns(t, b.store, rows, "store-2")
		sameShopCampaigns(t, b.store, rows, "")
	})

	t.Run("it returns every campaign of the shop and none of another", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		shops := []events.Shop{"store-1", "store-10", "STORE-1", "store-1 ", "store-", "가게", "'", "%"}
		for i := range 5 * len(shops) {
			c := events.Campaign(fmt.Sprintf("evt-%d", i))
			full := fullRows(c)
			*rows.Campaign(c) = *full.Campaign(c)
			rows.Campaigns()[c].Shop = shops[i%len(shops)]
			rows.Campaigns()[c].Participants = int64(i)
			if i%3 > 0 { // the others have no channels
				for _, row := range full.Channels() {
					row.Participants = int64(i)
					*rows.Channel(row.ChannelKey) = *row
				}
			}
		}
		b.commit(t, rows)
		for _, shop := range append(shops, "store", "store-2", "_") {
			sameShopCampaigns(t, b.store, rows, shop)
		}
	})

	t.Run("campaigns and channels are sorted by bytes", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		for i, c := range hostileTexts() {
			row := rows.Campaign(events.Campaign(c))
			row.Known, row.Shop = true, "store-1"
			for j, channel := range hostileTexts() {
				if (i+j)%7 < 2 {
					rows.Channel(readmodel.ChannelKey{Campaign: events.Campaign(c), Channel: channel}).Participants = int64(i)
				}
			}
		}
		b.commit(t, rows)
		sameShopCampaigns(t, b.store, rows, "store-1")
	})

	t.Run("a page is sorted by what a column holds, then by id, the unknown last", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		for n := range 12 {
			row := rows.Campaign(events.Campaign(fmt.Sprint("evt-", n*7%12)))
			row.Shop, row.Known, row.Participants = "store-1", true, int64(n%3)
			if n%4 > 0 { // two in the same second, one of them before 1970
				row.UpdatedAt = time.UnixMicro(int64(n%4-2)*1_500_000 + 400_000*int64(n/8) - 1).UTC()
			}
			rows.Channel(readmodel.ChannelKey{Campaign: row.Campaign, Channel: "naver"}).Participants = int64(n)
			rows.Channel(readmodel.ChannelKey{Campaign: row.Campaign, Channel: "kakao"}).Participants = int64(n)
		}
		b.commit(t, rows)
		sameShopCampaigns(t, b.store, rows, "store-1")
	})

	t.Run("an owner reads the campaigns of the own shops only", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := fullRows("evt-1")
		b.commit(t, rows)
		for _, by := range []readmodel.Scope{{}, readmodel.Shops("store-2"), readmodel.Shops("store-"), readmodel.Shops("%")} {
			if got := shopCampaigns(t, b.store, "store-1", by); len(got) > 0 {
				t.Errorf("ShopCampaigns in %+v = %v, want none", by, got)
			}
		}
		sameShopCampaigns(t, b.store, rows, "store-1")
	})

	t.Run("a campaign not yet created is in no owner's list", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		rows := newRows()
		for c, shop := range map[events.Campaign]events.Shop{"evt-1": "", "evt-2": "store-1"} {
			full := fullRows(c)
			*rows.Campaign(c) = *full.Campaign(c)
			rows.Campaigns()[c].Known, rows.Campaigns()[c].Shop = false, shop
			add(rows, only(full, readmodel.ChannelStatsTable().Name))
		}
		b.commit(t, rows)
		for _, shop := range []events.Shop{"", "store-1"} {
			if got := shopCampaigns(t, b.store, shop, readmodel.Shops("", "store-1")); len(got) > 0 {
				t.Errorf("ShopCampaigns(%q) = %v, want none", shop, got)
			}
			sameShopCampaigns(t, b.store, rows, shop)
		}
		rows.Campaign("evt-1").Known, rows.Campaign("evt-1").Shop = true, "store-1"
		b.commit(t, rows)
		sameShopCampaigns(t, b.store, rows, "store-1")
		sameShopCampaigns(t, b.store, rows, "")
	})

	t.Run("without the projection of channels no channels are known", func(t *testing.T) {
		t.Parallel()
		store := a.Database(t, Tables())()
		at := register(t, store, tables()[0])
		rows := only(fullRows("evt-1"), readmodel.CampaignStatsTable().Name)
		lease := acquire(t, store, leaseName, owner, longTTL)
		if _, err := store.Commit(t.Context(), lease, []readmodel.Advance{{Checkpoint: at[0], To: 1}}, rows); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		sameShopCampaigns(t, store, rows, "store-1")
	})

	t.Run("rows of two commits are never mixed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, a)
		numbered := func(n int64) *readmodel.Rows {
			rows := newRows()
			for i := range 20 {
				full := fullRows(events.Campaign(fmt.Sprintf("evt-%d", i)))
				for c, row := range full.Campaigns() {
					*rows.Campaign(c) = *row
					rows.Campaign(c).Participants = n
				}
				for k, row := range full.Channels() {
					*rows.Channel(k) = *row
					rows.Channel(k).Participants = n
				}
			}
			return rows
		}
		b.commit(t, numbered(0))
		var (
			done    = make(chan struct{})
			readers sync.WaitGroup
		)
		for _, store := range []readmodel.Store{b.store, b.open()} {
			readers.Go(func() {
				for {
					got, err := store.ShopCampaigns(t.Context(), "store-1", readmodel.Shops("store-1"))
					if err != nil || len(got) != 20 {
						t.Errorf("ShopCampaigns = %d campaigns, %v; want 20", len(got), err)
						return
					}
					n := got[0].Campaign.Participants
					for _, c := range got {
						if c.Campaign.Participants != n || len(c.Channels) != 1 || c.Channels[0].Participants != n {
							t.Errorf("%s is of another commit than %s: %+v, %+v", c.Campaign.Campaign, got[0].Campaign.Campaign, c, got[0])
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
			b.commit(t, numbered(n+1))
		}
		close(done)
		readers.Wait()
	})
}

func shopCampaigns(t testing.TB, s readmodel.Store, shop events.Shop, by readmodel.Scope) []readmodel.ShopCampaign {
	t.Helper()
	got, err := s.ShopCampaigns(t.Context(), shop, by)
	if err != nil {
		t.Fatalf("ShopCampaigns(%q): %v", shop, err)
	}
	return got
}

// sameShopCampaigns compares what is read with the same rows in memory, for an analyst, for
// the owner of the shop and for the owner of another one.
func sameShopCampaigns(t testing.TB, s readmodel.Store, rows *readmodel.Rows, shop events.Shop) {
	t.Helper()
	for _, by := range []readmodel.Scope{
		readmodel.Everything(), readmodel.Shops(shop), readmodel.Shops("another", shop), readmodel.Shops("another"),
	} {
		var want []readmodel.ShopCampaign
		for _, row := range rows.Campaigns() {
			if row.Shop != shop || !by.Allows(*row) {
				continue
			}
			all := rows.Of(row.Campaign)
			want = append(want, readmodel.ShopCampaign{Campaign: *all.Campaign(), Channels: all.Channels()})
		}
		slices.SortFunc(want, func(a, b readmodel.ShopCampaign) int {
			return cmp.Compare(a.Campaign.Campaign, b.Campaign.Campaign)
		})
		got := shopCampaigns(t, s, shop, by)
		if len(want) == 0 && len(got) == 0 {
			continue
		}
		if d := diff(want, got); d != "" {
			t.Errorf("ShopCampaigns(%q) in %+v (-want +got):\n%s", shop, by, d)
		}
		for _, page := range pages(want) {
			got, err := s.ShopPage(t.Context(), shop, page, by)
			if err != nil {
				t.Fatalf("ShopPage(%q, %+v): %v", shop, page, err)
			}
			if want := Page(want, page); len(want)+len(got) > 0 {
				if d := diff(want, got); d != "" {
					t.Errorf("ShopPage(%q, %+v) in %+v (-want +got):\n%s", shop, page, by, d)
				}
			}
		}
	}
}

// pages returns pages of a shop with such campaigns: in each order and direction the first, and
// those after some campaigns, one that there is not among them.
func pages(of []readmodel.ShopCampaign) []readmodel.ShopPage {
	all := []readmodel.ShopPage{{After: "\U0010ffff", Limit: 2}}
	for _, order := range []readmodel.ShopOrder{readmodel.ByCampaign, readmodel.ByParticipants, readmodel.ByUpdate} {
		for _, descending := range []bool{false, true} {
			page := readmodel.ShopPage{Order: order, Descending: descending, Limit: 3}
			all = append(all, page)
			page.After, page.Value = "evt-2", 1
			all = append(all, page)
			for _, c := range of[:min(len(of), 3)] {
				page.After, page.Limit = c.Campaign.Campaign, len(of)
				if page.Value, _ = order.Value(c.Campaign); order == readmodel.ByUpdate && c.Campaign.UpdatedAt.IsZero() {
					continue
				}
				all = append(all, page)
			}
		}
	}
	return all
}

// Page returns those of a shop's campaigns that are on a page.
func Page(all []readmodel.ShopCampaign, page readmodel.ShopPage) []readmodel.ShopCampaign {
	direction := 1
	if page.Descending {
		direction = -1
	}
	// The campaigns that have a value come first, and the page begins after one that has.
	compare := func(a readmodel.ShopCampaign, value int64, ok bool, c events.Campaign) int {
		if page.Order == readmodel.ByCampaign {
			return direction * cmp.Compare(a.Campaign.Campaign, c)
		}
		own, known := page.Order.Value(a.Campaign)
		if known != ok {
			if ok {
				return 1
			}
			return -1
		}
		return cmp.Or(direction*cmp.Compare(own, value), cmp.Compare(a.Campaign.Campaign, c))
	}
	on := slices.Clone(all)
	slices.SortFunc(on, func(a, b readmodel.ShopCampaign) int {
		value, ok := page.Order.Value(b.Campaign)
		return compare(a, value, ok, b.Campaign.Campaign)
	})
	if page.After != "" {
		on = slices.DeleteFunc(on, func(a readmodel.ShopCampaign) bool { return compare(a, page.Value, true, page.After) <= 0 })
	}
	return on[:min(len(on), page.Limit)]
}
