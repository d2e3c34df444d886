package dashboard

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// digestCase is a campaign at 10:30 on Sunday, November 29, 2026, in Seoul.
type digestCase struct {
	name         string
	starts, ends string // as 2006-01-02 15:04
	days         string // participants of the days before today, latest first, at noon; and of today, at nine
	costless     bool
	change       func(c *readmodel.CampaignStats, ch *readmodel.ChannelStats)
}

func digestCases() []digestCase {
	goal := func(metric events.GoalMetric, target int64) func(*readmodel.CampaignStats, *readmodel.ChannelStats) {
		return func(c *readmodel.CampaignStats, _ *readmodel.ChannelStats) {
			c.GoalMetric, c.GoalTarget = metric, target
		}
	}
	late := func(_ *readmodel.CampaignStats, ch *readmodel.ChannelStats) {
		ch.FetchedAt = time.Date(2026, 11, 28, 19, 37, 0, 0, time.UTC)
	}
	return []digestCase{
		{name: "plannedToday", starts: "2026-11-29 18:00"},
		{name: "plannedTomorrow", starts: "2026-11-30 00:00"},
		{name: "planned", starts: "2026-12-04 09:00"},
		{name: "planned", starts: "2027-01-03 09:00"},
		{name: "endedEmpty", starts: "2026-11-01 00:00", ends: "2026-11-20 00:00"},
		{name: "ended", starts: "2026-11-01 00:00", ends: "2026-11-27 00:00", days: "0 0 0 12 300 45"},
		{name: "ended", starts: "2025-12-01 00:00", ends: "2025-12-31 00:00", days: strings.Repeat("0 ", 340) + "1"},
		{name: "endedWithoutCost", starts: "2026-11-01 00:00", ends: "2026-11-27 00:00", days: "0 0 0 12 300 45", costless: true},
		{name: "endedTotal", starts: "2026-11-25 00:00", ends: "2026-11-27 00:00", days: strings.Repeat("0 ", 10) + "4"},
		{name: "firstDayEmpty", starts: "2026-11-29 09:00"},
		{name: "lastDayEmpty", starts: "2026-11-25 09:00", ends: "2026-11-30 00:00"},
		{name: "emptySinceStart", starts: "2026-11-27 09:00"},
		{name: "empty"},
		{name: "lastDay", starts: "2026-11-01 00:00", ends: "2026-11-29 23:59", days: "0 12"},
		{name: "lastDayWithoutCost", starts: "2026-11-01 00:00", ends: "2026-11-29 23:59", days: "1", costless: true},
		{name: "firstDay", starts: "2026-11-29 08:00", days: "7"},
		{name: "firstDay", starts: "2026-11-29 08:00", days: "1"},
		{name: "exposureDelayed", starts: "2026-11-01 00:00", days: "0 10", change: late},
		{name: "exposureDelayed", starts: "2026-11-01 00:00", days: "0 10", change: func(_ *readmodel.CampaignStats, ch *readmodel.ChannelStats) {
			ch.FetchedAt = time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC)
		}},
		{name: "goalReached", starts: "2026-11-01 00:00", ends: "2026-12-05 00:00", days: "1 40 40 40", change: goal(events.GoalParticipants, 100)},
		{name: "goalInReach", starts: "2026-11-01 00:00", ends: "2026-12-05 00:00", days: "1 40 41 39 40 40 38 42 41", change: goal(events.GoalParticipants, 400)},
		{name: "goalInReach", starts: "2026-11-01 00:00", ends: "2026-12-05 00:00", days: "1 40 41 39 40 40 38 42 41", change: goal(events.GoalNewCustomers, 220)},
		{name: "goalBehind", starts: "2026-11-01 00:00", ends: "2026-12-05 00:00", days: "1 40 41 39 40", change: goal(events.GoalParticipants, 1500)},
		{name: "similar", starts: "2026-11-01 00:00", days: "0 23 0 0 0 0 0 0 24"},
		{name: "similarWithoutCost", starts: "2026-11-01 00:00", days: "0 22 0 0 0 0 0 0 20", costless: true},
		{name: "more", starts: "2026-11-01 00:00", days: "0 12345 0 0 0 0 0 0 24"},
		{name: "moreWithoutCost", starts: "2026-11-01 00:00", days: "0 45 0 0 0 0 0 0 40", costless: true},
		{name: "fewer", starts: "2026-11-01 00:00", days: "0 1 0 0 0 0 0 0 2"},
		{name: "fewerWithoutCost", starts: "2026-11-01 00:00", days: "0 17 0 0 0 0 0 0 19", costless: true},
		{name: "yesterday", starts: "2026-11-25 00:00", days: "2 23 22"},
		{name: "yesterdayWithoutCost", starts: "2026-11-25 00:00", days: "2 1", costless: true},
		{name: "yesterdayEmpty", starts: "2026-11-25 00:00", days: "2 0 22"},
		{name: "total", days: "5"},
	}
}

// TestDigestTemplates fills every template and compares both texts with
// testdata/digest.golden.
func TestDigestTemplates(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	unused := map[string]bool{}
	for _, template := range templates() {
		unused[template.name] = true
	}
	for _, tc := range digestCases() {
		d := New(tc.rows(t)).Digest
		if d.Template != tc.name {
			t.Errorf("%+v: template %s", tc, d.Template)
		}
		delete(unused, d.Template)
		fmt.Fprintf(&got, "%s\n  %s\n  %s\n", d.Template, d.Ko, d.En)
		for _, why := range d.Reasons {
			fmt.Fprintf(&got, "    %s\n    %s\n", why.Ko, why.En)
		}
		if strings.ContainsAny(d.Ko+d.En, "{}") {
			t.Errorf("%s has an empty slot: %s %s", tc.name, d.Ko, d.En)
		}
		for name, s := range d.Slots {
			if s == "" {
				t.Errorf("%s: slot %s is empty", tc.name, name)
			}
		}
	}
	if len(unused) > 0 {
		t.Errorf("no case for %v", unused)
	}
	const file = "testdata/digest.golden"
	if slices.Contains(os.Args, "-update") {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
}

// rows returns the rows of the case, and the view that it is shown in.
func (tc digestCase) rows(t *testing.T) (readmodel.CampaignRows, View) {
	t.Helper()
	seoul := time.FixedZone("KST", 9*60*60)
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", text, seoul)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	now := at("2026-11-29 10:30")
	c := readmodel.CampaignStats{Campaign: "evt-1", Known: true, StartsAt: at(tc.starts), EndsAt: at(tc.ends)}
	if !tc.costless {
		c.PrizeCost, c.PlatformCost = new(events.Won(100_000)), new(events.Won(50_000))
	}
	var hours []readmodel.ParticipationHour
	for i, text := range strings.Fields(tc.days) {
		var n int64
		if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
		hour := at("2026-11-29 09:00")
		if i > 0 {
			hour = at("2026-11-29 12:00").AddDate(0, 0, -i)
		}
		if n > 0 {
			hours = append(hours, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: hour.UTC()}, Participants: n})
		}
		c.Participants += n
		c.NewCustomers = c.Participants / 2
	}
	slices.Reverse(hours)
	ch := readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}, DistributedAt: now, FetchedAt: now}
	if tc.change != nil {
		tc.change(&c, &ch)
	}
	ch.Views = readmodel.Figure{Value: 100, At: ch.FetchedAt}
	return readmodeltest.CampaignRows(c, ch, hours), View{Now: now, Location: seoul}
}

func TestKoreanNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 999: "999", 10_009: "10,009", 99_999: "99,999", 100_000: "10만", 123_456: "12만 3,456", 99_999_999: "9,999만 9,999",
		100_000_000: "1억", 123_456_789: "1억 2,345만", 1_000_000_000_000: "1조", 9_007_199_254_740_992: "9,007조 1,992억",
	} {
		if got := koreanNumber(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
