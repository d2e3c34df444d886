package dashboard_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

// TestNumbersThatOwnersDisputed shows campaigns whose numbers an owner could not defend.
func TestNumbersThatOwnersDisputed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	view := dashboard.View{Now: now, Location: loadLocations(t, "Asia/Seoul")[0]}
	given := readmodel.CampaignStats{
		Campaign: "evt-1", Known: true, StartsAt: now.AddDate(0, 0, -10), Participants: 10, NewCustomers: 5,
		PrizeCost: wonOf(1_000_000), PlatformCost: wonOf(100_000), ExpectedSalesIncrease: wonOf(3_000_000), BaselineSales: wonOf(20_000_000),
	}
	naver := readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}, DistributedAt: now, FetchedAt: now, Participants: 10}
	known := func(n int64) readmodel.Figure { return readmodel.Figure{Value: n, At: now} }

	t.Run("5 days before its start ROI is null", func(t *testing.T) {
		t.Parallel()
		c := given
		c.StartsAt = now.AddDate(0, 0, 5)
		for _, participants := range []int64{0, 10} {
			c.Participants = participants
			if d := dashboard.New(readmodeltest.CampaignRows(c), view); d.State != dashboard.Planned || d.Summary.ROIPercent != nil {
				t.Errorf("%s, %d participants: ROI %v", d.State, participants, *d.Summary.ROIPercent)
			}
		}
	})
	t.Run("without participants ROI is null", func(t *testing.T) {
		t.Parallel()
		c := given
		c.Participants, c.NewCustomers = 0, 0
		if s := dashboard.New(readmodeltest.CampaignRows(c), view).Summary; s.ROIPercent != nil || s.CostPerParticipant != nil {
			t.Errorf("ROI %v, a participant cost %v", s.ROIPercent, s.CostPerParticipant)
		}
	})
	t.Run("no prize cost: null and missing says prizeCost", func(t *testing.T) {
		t.Parallel()
		c := given
		c.PrizeCost = nil
		s := dashboard.New(readmodeltest.CampaignRows(c), view).Summary
		if s.ROIPercent != nil || s.CostPerParticipant != nil || !slices.Contains(s.Missing, dashboard.MissingPrizeCost) {
			t.Errorf("%+v", s)
		}
	})
	t.Run("exposure never falls when impressions first arrive", func(t *testing.T) {
		t.Parallel()
		row := naver
		row.Views = known(2000)
		before := dashboard.New(readmodeltest.CampaignRows(given, row), view).Summary.TotalExposure
		row.Impressions = known(10)
		if after := dashboard.New(readmodeltest.CampaignRows(given, row), view).Summary.TotalExposure; *before != 2000 || *after != 2000 {
			t.Errorf("exposure %d, and then %d", *before, *after)
		}
	})
	t.Run("exposure that no channel has reported is null", func(t *testing.T) {
		t.Parallel()
		row := naver
		row.Likes = known(3)
		d := dashboard.New(readmodeltest.CampaignRows(given, row), view)
		if d.Summary.TotalExposure != nil || !slices.Contains(d.Summary.Missing, dashboard.MissingExposure) || *d.Channels[0].ConversionOf != dashboard.OfReactions {
			t.Errorf("%+v %+v", d.Summary, d.Channels[0])
		}
	})
	t.Run("30 of a million is 0.003 and not 0 %", func(t *testing.T) {
		t.Parallel()
		row := naver
		row.Participants, row.Views = 30, known(1_000_000)
		if ch := dashboard.New(readmodeltest.CampaignRows(given, row), view).Channels[0]; *ch.ConversionPercent != 0.003 {
			t.Errorf("conversion %v", *ch.ConversionPercent)
		}
	})
	t.Run("a finished campaign's channels are final", func(t *testing.T) {
		t.Parallel()
		c := given
		c.EndsAt = now.AddDate(0, 0, -7).Add(-1)
		d := dashboard.New(readmodeltest.CampaignRows(c, naver), view)
		if *d.Channels[0].Status != dashboard.Final {
			t.Errorf("status %s", *d.Channels[0].Status)
		}
	})
	t.Run("all participants are on a row", func(t *testing.T) {
		t.Parallel()
		c := given
		c.Participants = 100
		onsite, flyer := naver, naver
		onsite.Channel, flyer.Channel = "onsite", "flyer" // flyer: a row from before channels were normalised
		sum := int64(0)
		for _, ch := range dashboard.New(readmodeltest.CampaignRows(c, naver, onsite, flyer), view).Channels {
			sum += ch.Participants
		}
		if sum != 100 {
			t.Errorf("the rows hold %d of 100", sum)
		}
	})
}

// TestOldRegistrationBreaksNoTrend: one that is dated 2000-01-01 is counted outside of the
// trend, and compares with nothing.
func TestOldRegistrationBreaksNoTrend(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	view := dashboard.View{Now: now, Location: loadLocations(t, "Asia/Seoul")[0]}
	hours := append(everyHour(t, "2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"), everyHour(t, "2026-11-26T00:00:00Z", "2026-11-28T23:00:00Z")...)
	for name, starts := range map[string]time.Time{"no start": {}, "a start": now.AddDate(0, 0, -4)} {
		c := readmodel.CampaignStats{Campaign: "evt-1", Known: true, Participants: int64(len(hours)), StartsAt: starts}
		d := dashboard.New(readmodeltest.CampaignRows(c, hours), view)
		if d.Interval != dashboard.Hourly || len(d.Trend) != 72 || d.Outside != (dashboard.Outside{Before: 1}) {
			t.Errorf("%s: interval %s, %d buckets, outside %+v", name, d.Interval, len(d.Trend), d.Outside)
		}
		if y := d.Comparison.Yesterday; y == nil || y.Participants != 24 || y.Before != nil {
			t.Errorf("%s: yesterday %+v", name, y)
		}
	}
}

// TestTwoYearsAreShort: a campaign of two years has weeks, and a longer one has months.
func TestTwoYearsAreShort(t *testing.T) {
	t.Parallel()
	now := time.Date(2028, 12, 1, 0, 0, 0, 0, time.UTC)
	for interval, years := range map[dashboard.Interval]int{dashboard.Weekly: -2, dashboard.Monthly: -5} {
		c := readmodel.CampaignStats{Campaign: "evt-1", Known: true, StartsAt: now.AddDate(years, 0, 0), PrizeCost: wonOf(1_000_000)}
		var hours []readmodel.ParticipationHour
		for h := c.StartsAt; h.Before(now); h = h.Add(time.Hour) {
			hours = append(hours, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: h}, Participants: 12})
			c.Participants += 12
		}
		var channels []readmodel.ChannelStats
		for _, ch := range events.Channels() {
			channels = append(channels, readmodel.ChannelStats{
				ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: string(ch)}, DistributedAt: now, FetchedAt: now, Participants: 1000,
				Impressions: readmodel.Figure{Value: 123_456_789, At: now},
			})
		}
		d := dashboard.New(readmodeltest.CampaignRows(c, hours, channels), dashboard.View{Now: now, Location: loadLocations(t, "Asia/Seoul")[0]})
		text, err := json.Marshal(d)
		if err != nil || len(text) > 20<<10 || d.Interval != interval {
			t.Errorf("%d years: %d bytes by the %s: %v", -years, len(text), d.Interval, err)
		}
		t.Logf("%d years: %d bytes, %d buckets", -years, len(text), len(d.Trend))
	}
}
