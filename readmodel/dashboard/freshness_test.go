package dashboard_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

// TestDashboardHoldsUntil shows random campaigns at random moments: until HoldsUntil the
// dashboard stays the same, and then it moves on.
func TestDashboardHoldsUntil(t *testing.T) {
	t.Parallel()
	locations := loadLocations(t, "Asia/Seoul", "America/New_York", "UTC", "Africa/Cairo", "Pacific/Apia")
	minutes := func(age time.Duration) time.Duration { return min(max(age/60, time.Minute), time.Hour) }
	intervals := []func(time.Duration) time.Duration{nil, minutes, func(time.Duration) time.Duration { return 7 * time.Hour }}
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawCampaign(rt)
		v := dashboard.View{
			Now:          drawMoment(rt, "now"),
			Location:     rapid.SampledFrom(locations).Draw(rt, "location"),
			PollInterval: rapid.SampledFrom(intervals).Draw(rt, "intervals"),
			PollAfterEnd: rapid.SampledFrom([]time.Duration{0, time.Hour, 24 * time.Hour}).Draw(rt, "polled after end"),
		}
		for range 5 {
			want, until := dashboard.New(rows, v), dashboard.HoldsUntil(rows, v)
			if until.IsZero() {
				until = v.Now.AddDate(5, 0, 0)
			}
			if until.Before(v.Now) {
				rt.Fatalf("at %v it holds until %v", v.Now, until)
			}
			later := v
			for _, later.Now = range []time.Time{until, v.Now.Add(time.Duration(rapid.Int64Range(0, int64(until.Sub(v.Now))).Draw(rt, "wait")))} {
				if diff := cmp.Diff(want, dashboard.New(rows, later)); diff != "" {
					rt.Fatalf("from %v it holds until %v, but at %v (-then +later):\n%s", v.Now, until, later.Now, diff)
				}
			}
			v.Now = until.Add(1)
		}
	})
}

// drawMoment draws a moment of some weeks, often on an hour.
func drawMoment(rt *rapid.T, label string) time.Time {
	t := time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 21*24).Draw(rt, label+", hour")) * time.Hour)
	return t.Add(time.Duration(rapid.SampledFrom([]int64{0, 0, 0, -1, 1, int64(37 * time.Minute)}).Draw(rt, label+", more")))
}

// drawCampaign draws a campaign around the turn of a year whose rows are of one log.
func drawCampaign(rt *rapid.T) readmodel.CampaignRows {
	optional := func(label string) (t time.Time) {
		if rapid.Bool().Draw(rt, label) {
			t = drawMoment(rt, label)
		}
		return t
	}
	c := readmodel.CampaignStats{
		Campaign: "evt-1", Known: true, StartsAt: optional("starts"), EndsAt: optional("ends"),
		PrizeCost: wonOf(100_000), PlatformCost: wonOf(50_000),
	}
	if rapid.Bool().Draw(rt, "goal") {
		c.GoalMetric, c.GoalTarget = events.GoalParticipants, rapid.Int64Range(1, 200).Draw(rt, "target")
	}
	var hours []readmodel.ParticipationHour
	for hour := drawMoment(rt, "first").Truncate(time.Hour); len(hours) < 40 && rapid.IntRange(0, 20).Draw(rt, "on") > 0; {
		n := rapid.Int64Range(1, 9).Draw(rt, "participants")
		hours = append(hours, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: hour}, Participants: n})
		c.Participants += n
		hour = hour.Add(time.Duration(rapid.Int64Range(1, 30).Draw(rt, "gap")) * time.Hour)
	}
	var channels []readmodel.ChannelStats
	for _, ch := range events.Channels()[:2] {
		row := readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: string(ch)}, DistributedAt: optional("distributed"), FetchedAt: optional("fetched")}
		if !row.FetchedAt.IsZero() {
			row.Views = readmodel.Figure{Value: 100, At: row.FetchedAt}
		}
		channels = append(channels, row)
	}
	return readmodeltest.CampaignRows(c, channels, hours)
}
