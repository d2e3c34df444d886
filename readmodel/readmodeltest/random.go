package readmodeltest

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
)

// testRandomBatches commits random rows in random batches, over few keys, so that most
// replace a row, and compares what is stored with a map.
func testRandomBatches(t *testing.T, a Adapter) {
	b := setup(t, a)
	model := newRows() // it lasts from check to check, like the store
	rapid.Check(t, func(rt *rapid.T) {
		batch := drawRows(rt)
		b.commit(t, batch)
		add(model, batch)
		if d := diff(batch, b.load(t, batch)); d != "" {
			rt.Fatalf("Load (-want +got):\n%s", d)
		}
	})
	b.unchanged(t, model, model)
	sameDistributed(t, b.store, model, time.Time{})
	for c, event := range model.Campaigns() {
		sameCampaign(t, b.store, model, c)
		sameDistributed(t, b.store, model, event.EndsAt)
		sameShopCampaigns(t, b.store, model, event.Shop)
	}
}

func drawRows(t *rapid.T) *readmodel.Rows {
	var (
		campaigns = rapid.SampledFrom([]events.Campaign{"evt-1", "evt-2", "이벤트"})
		names     = rapid.SampledFrom([]string{"", "a", "A", "서울", "'"})
		texts     = rapid.OneOf(rapid.SampledFrom(hostileTexts()), rapid.StringOfN(rapid.RuneFrom([]rune("ab가나 \n'\"\\{}[],%🎉")), 0, 50, -1))
		numbers   = rapid.Int64()
		known     = rapid.Custom(func(t *rapid.T) time.Time {
			return instant(rapid.Int64Range(-62_135_596_800_000_000+1, 253_402_300_799_999_999).Draw(t, "micros"))
		})
		times   = rapid.OneOf(rapid.Just(time.Time{}), known)
		figures = rapid.OneOf(rapid.Just(readmodel.Figure{}), rapid.Custom(func(t *rapid.T) readmodel.Figure {
			return readmodel.Figure{Value: numbers.Draw(t, "value"), At: known.Draw(t, "at")}
		}))
		amounts = rapid.Ptr(rapid.Map(rapid.Int64Range(0, math.MaxInt64), func(n int64) events.Won { return events.Won(n) }), true)
	)
	rows := newRows()
	for range rapid.IntRange(0, 2).Draw(t, "events") {
		c := campaigns.Draw(t, "campaign")
		*rows.Campaign(c) = readmodel.CampaignStats{
			Campaign: c, Known: rapid.Bool().Draw(t, "known"),
			Shop: events.Shop(texts.Draw(t, "store")), Title: texts.Draw(t, "title"), Objective: texts.Draw(t, "objective"),
			StartsAt: times.Draw(t, "startsAt"), EndsAt: times.Draw(t, "endsAt"),
			PrizeCost: amounts.Draw(t, "prize"), PlatformCost: amounts.Draw(t, "platform"),
			ExpectedSalesIncrease: amounts.Draw(t, "increase"), BaselineSales: amounts.Draw(t, "baseline"), NewCustomerLTV: amounts.Draw(t, "ltv"),
			GoalMetric: events.GoalMetric(texts.Draw(t, "goal metric")), GoalTarget: numbers.Draw(t, "goal target"),
			Participants: numbers.Draw(t, "participants"), NewCustomers: numbers.Draw(t, "newCustomers"),
			Position: events.Position(numbers.Draw(t, "position")), UpdatedAt: times.Draw(t, "updatedAt"),
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "channels") {
		k := readmodel.ChannelKey{Campaign: campaigns.Draw(t, "campaign"), Channel: names.Draw(t, "channel")}
		*rows.Channel(k) = readmodel.ChannelStats{
			ChannelKey: k, DistributedAt: times.Draw(t, "distributedAt"), Cost: amounts.Draw(t, "cost"), Participants: numbers.Draw(t, "participants"),
			Impressions: figures.Draw(t, "impressions"), Views: figures.Draw(t, "views"), Clicks: figures.Draw(t, "clicks"),
			Likes: figures.Draw(t, "likes"), Comments: figures.Draw(t, "comments"), Shares: figures.Draw(t, "shares"),
			FetchedAt: times.Draw(t, "fetchedAt"),
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "hours") {
		hour := instant(noon + rapid.Int64Range(-3, 3).Draw(t, "hour")*3_600_000_000)
		k := readmodel.HourKey{Campaign: campaigns.Draw(t, "campaign"), Hour: hour}
		rows.Hour(k).Participants = numbers.Draw(t, "participants")
	}
	for range rapid.IntRange(0, 3).Draw(t, "profiles") {
		row := rows.Profile(campaigns.Draw(t, "campaign"))
		counts := []*readmodel.Counts{&row.Gender, &row.AgeGroup, &row.Region, &row.Customer}[rapid.IntRange(0, 3).Draw(t, "dimension")]
		counts.Add(names.Draw(t, "label"), numbers.Draw(t, "participants"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "extras") {
		k := ExtraKey{
			Campaign: campaigns.Draw(t, "campaign"), Number: rapid.Int64Range(-1, 1).Draw(t, "number"),
			Day: instant(noon + rapid.Int64Range(0, 1).Draw(t, "day")), Name: names.Draw(t, "name"),
		}
		*readmodel.Row[Extra](rows, k) = Extra{
			ExtraKey: k, Flag: rapid.Bool().Draw(t, "flag"), Note: texts.Draw(t, "note"), Count: numbers.Draw(t, "count"),
			Seen: times.Draw(t, "seen"), Amount: amounts.Draw(t, "amount"), Figure: figures.Draw(t, "figure"),
			Labels: labels(t, names, numbers),
		}
	}
	return rows
}

func labels(t *rapid.T, names *rapid.Generator[string], numbers *rapid.Generator[int64]) (c readmodel.Counts) {
	for range rapid.IntRange(0, 3).Draw(t, "labels") {
		c.Add(names.Draw(t, "label"), numbers.Draw(t, "participants"))
	}
	return c
}
