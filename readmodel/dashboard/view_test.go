package dashboard_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

func TestViewRefusesWhatCannotBeShown(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{
		"UTC":                 nil,
		"Asia/Seoul":          nil, // was at +08:30 until 1961
		"America/New_York":    nil,
		"Pacific/Apia":        nil, // skipped a day in 2011
		"Asia/Kolkata":        dashboard.ErrTimeZone,
		"Asia/Kathmandu":      dashboard.ErrTimeZone,
		"Asia/Pyongyang":      dashboard.ErrTimeZone, // was at +08:30 from 2015 to 2018
		"Australia/Lord_Howe": dashboard.ErrTimeZone, // summer time of half an hour
	} {
		view := dashboard.View{Location: loadLocations(t, name)[0]}
		if err := view.Validate(); !errors.Is(err, want) {
			t.Errorf("Validate in %s = %v, want %v", name, err, want)
		}
	}
	for interval, want := range map[dashboard.Interval]error{
		"": nil, "hour": nil, "day": nil, "week": nil, "month": nil, "year": dashboard.ErrInterval,
	} {
		if err := (dashboard.View{Interval: interval}).Validate(); !errors.Is(err, want) {
			t.Errorf("Validate with interval %q = %v, want %v", interval, err, want)
		}
	}
}

func TestViewRefusesAnEmptyRange(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		from, to time.Time
		want     error
	}{
		"no bounds":        {},
		"from alone":       {from: at},
		"to alone":         {to: at},
		"to after from":    {from: at, to: at.Add(1)},
		"to at from":       {from: at, to: at.In(time.FixedZone("KST", 9*60*60)), want: dashboard.ErrRange},
		"to before from":   {from: at, to: at.Add(-1), want: dashboard.ErrRange},
		"from before 1970": {from: time.Unix(-1, 0), to: time.Unix(0, 0)},
	} {
		if err := (dashboard.View{From: tc.from, To: tc.to}).Validate(); !errors.Is(err, tc.want) {
			t.Errorf("Validate of %s = %v, want %v", name, err, tc.want)
		}
	}
}

// TestTrendWithinBounds compares with the buckets of the whole trend that begin
// within the bounds, without the empty ones at both ends.
func TestTrendWithinBounds(t *testing.T) {
	t.Parallel()
	locations := loadLocations(t, "Asia/Seoul", "America/New_York", "UTC", "Africa/Cairo", "America/Havana")
	rapid.Check(t, func(rt *rapid.T) {
		// Around the ends of summer time in New York and Havana.
		hour := time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 48).Draw(rt, "first")) * time.Hour)
		start := hour
		var hours []readmodel.ParticipationHour
		for range rapid.IntRange(0, 6).Draw(rt, "hours") {
			hours = append(hours, readmodel.ParticipationHour{
				HourKey: readmodel.HourKey{Hour: hour}, Participants: rapid.Int64Range(1, 5).Draw(rt, "participants"),
			})
			hour = hour.Add(time.Duration(rapid.IntRange(1, 60).Draw(rt, "gap")) * time.Hour)
		}
		rows := readmodeltest.CampaignRows(hours)
		view := dashboard.View{
			Location: rapid.SampledFrom(locations).Draw(rt, "location"),
			Interval: rapid.SampledFrom([]dashboard.Interval{dashboard.Hourly, dashboard.Daily}).Draw(rt, "interval"),
		}
		whole := dashboard.New(rows, view)
		if rapid.Bool().Draw(rt, "is from") {
			view.From = start.Add(time.Duration(rapid.IntRange(-600, 12_000).Draw(rt, "from")) * time.Minute)
		}
		if rapid.Bool().Draw(rt, "is to") {
			view.To = start.Add(time.Duration(rapid.IntRange(-600, 12_000).Draw(rt, "to")) * time.Minute)
		}
		want := slices.DeleteFunc(slices.Clone(whole.Trend), func(b dashboard.Bucket) bool {
			return b.From.Before(view.From) || !view.To.IsZero() && !b.From.Before(view.To)
		})
		for len(want) > 0 && want[0].Participants == 0 {
			want = want[1:]
		}
		for len(want) > 0 && want[len(want)-1].Participants == 0 {
			want = want[:len(want)-1]
		}
		got := dashboard.New(rows, view)
		if diff := cmp.Diff(want, got.Trend); diff != "" {
			rt.Fatalf("trend from %v to %v (-want +got):\n%s", view.From, view.To, diff)
		}
		inside := int64(0)
		for _, b := range got.Trend {
			inside += b.Participants
		}
		all := int64(0)
		for _, h := range hours {
			all += h.Participants
		}
		if inside+got.Outside.Before+got.Outside.After != all {
			rt.Fatalf("%d inside and %+v outside, of %d", inside, got.Outside, all)
		}
		got.Trend, got.Outside = whole.Trend, whole.Outside
		if diff := cmp.Diff(whole, got); diff != "" {
			rt.Fatalf("what is not the trend (-without bounds +with):\n%s", diff)
		}
	})
}

// TestTrendOfEveryHour registers one participant in each of many hours, so that
// a day's count is its length.
func TestTrendOfEveryHour(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, zone  string
		first, last string // hours, UTC
		want        []string
	}{
		{
			"spring forward", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-09T03:00:00Z",
			[]string{"2026-03-08T00:00:00-05:00 23"},
		},
		{
			"fall back", "America/New_York", "2026-11-01T04:00:00Z", "2026-11-02T04:00:00Z",
			[]string{"2026-11-01T00:00:00-04:00 25"},
		},
		{
			"begun in the middle of a day", "Asia/Seoul", "2026-11-23T05:00:00Z", "2026-11-23T15:00:00Z",
			[]string{"2026-11-23T00:00:00+09:00 10", "2026-11-24T00:00:00+09:00 1"},
		},
		{
			"a midnight that does not exist", "Africa/Cairo", "2026-04-23T20:00:00Z", "2026-04-24T22:00:00Z",
			[]string{"2026-04-23T00:00:00+02:00 2", "2026-04-24T01:00:00+03:00 23", "2026-04-25T00:00:00+03:00 2"},
		},
		{
			"a midnight that comes twice", "America/Havana", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z",
			[]string{"2026-11-01T00:00:00-04:00 25", "2026-11-02T00:00:00-05:00 1"},
		},
		{
			"a day that does not exist", "Pacific/Apia", "2011-12-29T10:00:00Z", "2011-12-31T09:00:00Z",
			[]string{"2011-12-29T00:00:00-10:00 24", "2011-12-31T00:00:00+14:00 24"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			view := dashboard.View{Location: loadLocations(t, tc.zone)[0], Interval: dashboard.Daily}
			d := dashboard.New(readmodeltest.CampaignRows(everyHour(t, tc.first, tc.last)), view)
			var got []string
			for _, b := range d.Trend {
				got = append(got, fmt.Sprintf("%s %d", b.From.Format(time.RFC3339), b.Participants))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("days (-want +got):\n%s", diff)
			}
		})
	}
}

func everyHour(t *testing.T, first, last string) []readmodel.ParticipationHour {
	t.Helper()
	from, err := time.Parse(time.RFC3339, first)
	if err != nil {
		t.Fatal(err)
	}
	to, err := time.Parse(time.RFC3339, last)
	if err != nil {
		t.Fatal(err)
	}
	var hours []readmodel.ParticipationHour
	for h := from; !h.After(to); h = h.Add(time.Hour) {
		hours = append(hours, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Hour: h}, Participants: 1})
	}
	return hours
}
