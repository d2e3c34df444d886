package dashboard_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

// TestCompareByDay: day 1 is the first day of each campaign in the view's zone, what came before
// counts in it, and a day that has not come has no number.
func TestCompareByDay(t *testing.T) {
	t.Parallel()
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, seoul) }
	rows := func(id events.Campaign, start time.Time, hours ...time.Time) readmodel.CampaignRows {
		all := []any{readmodel.CampaignStats{Campaign: id, Known: true, Shop: "store-1", Title: string(id), StartsAt: start, Participants: int64(len(hours))}}
		for _, h := range hours {
			all = append(all, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: id, Hour: h.UTC()}, Participants: 1})
		}
		return readmodeltest.CampaignRows(all...)
	}
	york, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	long := time.Date(2026, 11, 1, 0, 0, 0, 0, york) // a day of 25 hours
	for name, tc := range map[string]struct {
		of   []readmodel.CampaignRows
		now  time.Time
		zone *time.Location
		want string // the first days, and of each day what each campaign has
	}{
		"one began before the other": {
			[]readmodel.CampaignRows{rows("a", at(10, 0), at(9, 20), at(10, 0), at(10, 23), at(12, 9)), rows("b", at(20, 12), at(20, 9), at(21, 0))},
			at(21, 10), seoul, "2026-11-10 2026-11-20 | 3 1 | 3 2 | 4 -",
		},
		"in UTC a day begins at nine": {
			[]readmodel.CampaignRows{rows("a", at(10, 0), at(9, 20), at(10, 0), at(10, 23), at(12, 9))},
			at(21, 10), time.UTC, "2026-11-09 | 2 | 3 | 3 | 4",
		},
		"a day has 25 hours": {
			[]readmodel.CampaignRows{rows("a", long, long, long.Add(24*time.Hour), long.Add(25*time.Hour))},
			at(21, 10), york, "2026-11-01 | 2 | 3",
		},
		"no start is known":     {[]readmodel.CampaignRows{rows("a", time.Time{}, at(10, 1), at(11, 1))}, at(30, 0), seoul, "2026-11-10 | 1 | 2"},
		"none has registered":   {[]readmodel.CampaignRows{rows("a", at(10, 0)), rows("b", time.Time{})}, at(30, 0), seoul, "2026-11-10 -"},
		"one has not begun":     {[]readmodel.CampaignRows{rows("a", at(10, 0), at(10, 1)), rows("b", at(29, 0), at(28, 1))}, at(28, 2), seoul, "2026-11-10 2026-11-29 | 1 -"},
		"one is dated tomorrow": {[]readmodel.CampaignRows{rows("a", at(10, 0), at(10, 1), at(11, 1))}, at(10, 2), seoul, "2026-11-10 | 1 | 2"},
	} {
		c := dashboard.Compare(tc.of, dashboard.View{Now: tc.now, Location: tc.zone})
		got := ""
		for i, one := range c.Campaigns {
			if got += " -"; one.FirstDay != nil {
				got = got[:len(got)-1] + *one.FirstDay
			}
			if (i == 0) != (one.Difference == nil) {
				t.Errorf("%s: campaign %d has the difference %v", name, i, one.Difference)
			}
		}
		for i, d := range c.Days {
			if got += " |"; d.Day != i+1 {
				t.Errorf("%s: day %d is called %d", name, i+1, d.Day)
			}
			for _, n := range d.TotalParticipants {
				if got += " -"; n != nil {
					got = got[:len(got)-1] + fmt.Sprint(*n)
				}
			}
		}
		if got[1:] != tc.want {
			t.Errorf("%s: %s, want %s", name, got[1:], tc.want)
		}
	}

	old := rows("a", time.Date(2001, 1, 1, 0, 0, 0, 0, seoul), at(10, 1))
	c := dashboard.Compare([]readmodel.CampaignRows{old, old}, dashboard.View{Now: at(11, 0), Location: seoul})
	if len(c.Days) != dashboard.MaxBuckets {
		t.Errorf("of 26 years there are %d days", len(c.Days))
	}
}

// TestDifferencesAddUp: from one moment to a second and on to a third is from the first to the
// third, in the numbers, in the events, and in what the events are checked against.
func TestDifferencesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		won := rapid.Ptr(rapid.Map(rapid.Int64Range(0, int64(events.MaxWon)), func(n int64) events.Won { return events.Won(n) }), true)
		percent := rapid.Ptr(rapid.Map(rapid.Int64Range(-1_000_000_000, 1_000_000_000), func(n int64) float64 { return float64(n) / 100 }), true)
		var sums [3]dashboard.Summary
		for i := range sums {
			sums[i] = dashboard.Summary{
				TotalParticipants: rapid.Int64Range(0, 1<<53).Draw(rt, "participants"), TotalExposure: rapid.Ptr(rapid.Int64Range(0, 1<<53), true).Draw(rt, "exposure"),
				ROIPercent: percent.Draw(rt, "roi"), SalesGrowthPercent: percent.Draw(rt, "growth"), CostPerParticipant: won.Draw(rt, "each"), TotalCost: won.Draw(rt, "cost"),
			}
		}
		first, second, both := sums[1].Minus(sums[0]), sums[2].Minus(sums[1]), sums[2].Minus(sums[0])
		if first.TotalParticipants+second.TotalParticipants != both.TotalParticipants {
			rt.Error("participants")
		}
		adds := func(name string, a, b, c *int64) {
			if a != nil && b != nil && (c == nil || *a+*b != *c) {
				rt.Errorf("%s: %v + %v, not %v", name, *a, *b, c)
			}
		}
		adds("exposure", first.TotalExposure, second.TotalExposure, both.TotalExposure)
		adds("each", (*int64)(first.CostPerParticipant), (*int64)(second.CostPerParticipant), (*int64)(both.CostPerParticipant))
		adds("cost", (*int64)(first.TotalCost), (*int64)(second.TotalCost), (*int64)(both.TotalCost))
		adds("roi", hundredths(first.ROIPercent), hundredths(second.ROIPercent), hundredths(both.ROIPercent))
		adds("growth", hundredths(first.SalesGrowthPercent), hundredths(second.SalesGrowthPercent), hundredths(both.SalesGrowthPercent))

		// Events that count, or do not, at each of three moments.
		var counts [3][]events.Event
		var changes [3]dashboard.Changes // from 0 to 1, 1 to 2, 0 to 2
		for range rapid.IntRange(0, 30).Draw(rt, "events") {
			e := rapid.SampledFrom([]events.Event{
				&events.ParticipantRegistered{Campaign: "evt-1", Channel: "naver"}, &events.ParticipantRegistered{Campaign: "evt-1"},
				&events.ParticipantRegistered{Campaign: "evt-1", Channel: "전단지"}, &events.EventCreated{Campaign: "evt-1"},
				&events.ChannelStatsFetched{Campaign: "evt-1", Channel: events.Naver}, &events.DistributionCompleted{Campaign: "evt-1"},
			}).Draw(rt, "event")
			in := rapid.SliceOfN(rapid.Bool(), 3, 3).Draw(rt, "counts")
			for i := range counts {
				if in[i] {
					counts[i] = append(counts[i], e)
				}
			}
			for i, between := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
				if before, after := in[between[0]], in[between[1]]; before != after {
					changes[i].Count(e, after)
				}
			}
		}
		for i, between := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
			if err := changes[i].Check(registered(counts[between[0]]), registered(counts[between[1]]), dashboard.View{}); err != nil {
				rt.Error(err)
			}
		}
		one := &events.ParticipantRegistered{Campaign: "evt-1", Channel: "kakao"}
		if changes[0].Count(one, true); !errors.Is(changes[0].Check(registered(counts[0]), registered(counts[1]), dashboard.View{}), dashboard.ErrEvidence) {
			rt.Error("a registration too many was not found")
		}
		changes[0].Count(one, false)
		net := func(of ...dashboard.Changes) map[string]int64 {
			sum := make(map[string]int64)
			for _, c := range slices.Concat(of...) {
				if key := fmt.Sprint(c.Type, named(c.Channel)); c.Added != c.Removed {
					if sum[key] += c.Added - c.Removed; sum[key] == 0 {
						delete(sum, key)
					}
				}
			}
			return sum
		}
		if diff := cmp.Diff(net(changes[2]), net(changes[0], changes[1])); diff != "" {
			rt.Errorf("(-at once +one after the other):\n%s", diff)
		}
	})
}

func named(c *events.Channel) events.Channel {
	if c == nil {
		return ""
	}
	return *c
}

// hundredths returns a percentage of two decimals as a whole number; it panics for any other.
func hundredths(f *float64) *int64 {
	if f == nil {
		return nil
	}
	n := math.Round(*f * 100)
	if n/100 != *f {
		panic(*f)
	}
	return new(int64(n))
}

// registered returns the rows of the registrations among the events.
func registered(of []events.Event) readmodel.CampaignRows {
	stats, channels := readmodel.CampaignStats{Campaign: "evt-1"}, make(map[events.Channel]int64)
	for _, e := range of {
		if fact, ok := e.(*events.ParticipantRegistered); ok {
			stats.Participants++
			channels[events.ChannelNamed(fact.Channel)]++
		}
	}
	all := []any{stats}
	for c, n := range channels {
		all = append(all, readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: string(c)}, Participants: n})
	}
	return readmodeltest.CampaignRows(all...)
}
