package readmodeltest

import (
	"fmt"
	"testing"

	"jangbu/events"
	"jangbu/readmodel"
)

// Benchmark measures what a runner and a dashboard do, on tables of 1,000 campaigns:
// 17,000 rows, which all exist. It also measures the list of a shop of 2,000 campaigns and
// a poller, on 20,000 campaigns that were distributed to three channels each.
func Benchmark(b *testing.B, a Adapter) {
	served := Tables()[:len(Tables())-1] // without the suite's own
	rows := benchRows(1_000, 3, 3, 10)
	part := benchRows(1_000, 1, 1, 5) // 8,000 rows: what one batch touches

	b.Run("Commit", func(b *testing.B) {
		s := setupWith(b, a, served)
		s.commit(b, rows)
		for b.Loop() {
			s.commit(b, rows)
		}
	})
	b.Run("Load", func(b *testing.B) {
		s := setupWith(b, a, served)
		s.commit(b, rows)
		for b.Loop() {
			s.load(b, rows)
		}
	})
	b.Run("LoadAndCommit", func(b *testing.B) {
		s := setupWith(b, a, served)
		s.commit(b, rows)
		for b.Loop() {
			s.commit(b, s.load(b, part))
		}
	})
	b.Run("CommitOne", func(b *testing.B) {
		s := setupWith(b, a, served)
		s.commit(b, rows)
		one := without(fullRows("evt-500"), "evt-500", ExtraTable().Name)
		for b.Loop() {
			s.commit(b, one)
		}
	})
	b.Run("Campaign", func(b *testing.B) {
		s := setupWith(b, a, served)
		s.commit(b, rows)
		for b.Loop() {
			if _, err := s.store.Campaign(b.Context(), "evt-500", readmodel.Shops("store-1")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Revision", func(b *testing.B) {
		s := setupWith(b, a, served)
		s.commit(b, rows)
		for b.Loop() {
			revision(b, s.store)
		}
	})
	b.Run("ShopCampaigns", func(b *testing.B) {
		const campaigns, stores, channels = 20_000, 10, 3
		s := setupWith(b, a, served)
		rows := benchRows(campaigns, channels, 0, 0)
		for c, row := range rows.Campaigns() {
			row.Shop = events.Shop(fmt.Sprintf("store-%c", c[len(c)-1])) // by the last digit
		}
		s.commit(b, rows)
		for b.Loop() {
			if got := shopCampaigns(b, s.store, "store-1", readmodel.Shops("store-1")); len(got) != campaigns/stores {
				b.Fatalf("read %d campaigns", len(got))
			}
		}
	})
	b.Run("Distributed", func(b *testing.B) {
		const campaigns, channels = 20_000, 3
		s := setupWith(b, a, served)
		s.commit(b, benchRows(campaigns, channels, 0, 0))
		for b.Loop() {
			if got := distributed(b, s.store, instant(noon)); len(got) != campaigns*channels {
				b.Fatalf("read %d rows", len(got))
			}
		}
	})
}

// benchRows returns the rows of so many campaigns, with so many of each table.
func benchRows(campaigns, channels, hours, profiles int) *readmodel.Rows {
	rows := newRows()
	for i := range campaigns {
		c := events.Campaign(fmt.Sprintf("evt-%d", i))
		full := fullRows(c)
		*rows.Campaign(c) = *full.Campaign(c)
		for j := range channels {
			for _, row := range full.Channels() {
				row := *row
				row.Channel = string(events.Channels()[j])
				*rows.Channel(row.ChannelKey) = row
			}
		}
		for j := range hours {
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: instant(noon + int64(j)*3_600_000_000)}).Participants = int64(i)
		}
		for j := range profiles {
			rows.Profile(c).Region.Add(fmt.Sprintf("시·군·구 %d", j), int64(i))
		}
	}
	return rows
}
