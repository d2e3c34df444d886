package dashboard_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

// TestDashboardIsBounded shows rows that no bound held when they were made: hours of all
// times, labels of all kinds, a title of a megabyte (I14).
func TestDashboardIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	var hours []readmodel.ParticipationHour
	all := int64(0)
	add := func(hour time.Time) {
		hours = append(hours, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Hour: hour}, Participants: 3})
		all += 3
	}
	add(time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC))
	add(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	for h := now.AddDate(-3, 0, 0); h.Before(now); h = h.Add(time.Hour) {
		add(h)
	}
	add(time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC))
	add(time.Date(58879, 7, 1, 0, 0, 0, 0, time.UTC))
	add(time.Date(290000, 7, 1, 0, 0, 0, 0, time.UTC))
	profile, labelled := readmodel.ParticipantProfile{}, int64(0)
	for n := range int64(3000) {
		for _, counts := range []*readmodel.Counts{&profile.Gender, &profile.AgeGroup, &profile.Region} {
			counts.Add(fmt.Sprintf("%d-%s", n, strings.Repeat("가", 60)), n+1)
		}
		labelled += n + 1
	}
	for name, period := range map[string]struct{ starts, ends time.Time }{
		"no period":         {},
		"a month":           {now.AddDate(0, -1, 0), now.AddDate(0, -1, 7)},
		"all times":         {time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9998, 12, 31, 0, 0, 0, 0, time.UTC)},
		"no end":            {starts: now.AddDate(-3, 0, 0)},
		"no start":          {ends: now},
		"end before start":  {now, now.AddDate(-2, 0, 0)},
		"not yet begun":     {now.AddDate(1, 0, 0), now.AddDate(2, 0, 0)},
		"long ago":          {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a millennium away": {time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(4000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		campaign := readmodel.CampaignStats{Known: true, Title: strings.Repeat("제목", 1<<16), Objective: strings.Repeat("\"", 1<<18), StartsAt: period.starts, EndsAt: period.ends}
		rows := readmodeltest.CampaignRows([]readmodel.CampaignStats{campaign}, hours, profile)
		for _, view := range []dashboard.View{
			{Now: now},
			{Now: now, Interval: dashboard.Daily},
			{},
			{Now: now, From: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)},
			{Now: now, From: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
			{Now: now, To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		} {
			view.Location = loadLocations(t, "Asia/Seoul")[0]
			began := time.Now()
			d := dashboard.New(rows, view)
			answer, err := json.Marshal(d)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if most := 256 << 10; len(answer) > most || len(d.Trend) > dashboard.MaxBuckets || len(d.Profile.Region) > dashboard.MaxLabels+1 {
				t.Errorf("%s: %d bytes of %d, %d buckets, %d labels", name, len(answer), most, len(d.Trend), len(d.Profile.Region))
			}
			got, labels := d.Outside.Before+d.Outside.After, int64(0)
			for _, b := range d.Trend {
				got += b.Participants
			}
			for _, n := range d.Profile.Region {
				labels += n
			}
			if got != all || labels != labelled {
				t.Errorf("%s: %d participants in trend and outside of %d, %d by region of %d", name, got, all, labels, labelled)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s: took %v", name, took)
			}
		}
	}
}

// TestTrendIsOfTheCampaignsPeriod: from a day before the start to a week after the end, in
// the shortest interval that fits.
func TestTrendIsOfTheCampaignsPeriod(t *testing.T) {
	t.Parallel()
	starts := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // a Sunday
	for _, tc := range []struct {
		name        string
		days        int
		interval    dashboard.Interval
		first, last string
		outside     dashboard.Outside
	}{
		{"days", 7, dashboard.Daily, "2026-10-31T00:00:00Z", "2026-11-14T00:00:00Z", dashboard.Outside{Before: 24, After: 24}},
		{"weeks", 100, dashboard.Weekly, "2026-10-26T00:00:00Z", "2027-02-15T00:00:00Z", dashboard.Outside{Before: 24, After: 24}},
		{"months", 2000, dashboard.Monthly, "2026-10-01T00:00:00Z", "2032-04-01T00:00:00Z", dashboard.Outside{Before: 24, After: 24}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ends := starts.AddDate(0, 0, tc.days)
			first, last := starts.AddDate(0, 0, -2), ends.AddDate(0, 0, 8).Add(-time.Hour)
			hours := everyHour(t, first.Format(time.RFC3339), last.Format(time.RFC3339))
			rows := readmodeltest.CampaignRows([]readmodel.CampaignStats{{StartsAt: starts, EndsAt: ends}}, hours)
			d := dashboard.New(rows, dashboard.View{Now: ends.AddDate(1, 0, 0)})
			if d.Interval != tc.interval || d.Outside != tc.outside || len(d.Trend) == 0 {
				t.Fatalf("interval %s, outside %+v, %d buckets", d.Interval, d.Outside, len(d.Trend))
			}
			got := []string{d.Trend[0].From.Format(time.RFC3339), d.Trend[len(d.Trend)-1].From.Format(time.RFC3339)}
			if diff := cmp.Diff([]string{tc.first, tc.last}, got); diff != "" {
				t.Errorf("first and last bucket (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProfileKeepsTheMostFrequentLabels(t *testing.T) {
	t.Parallel()
	var row readmodel.ParticipantProfile
	row.Region.Add(dashboard.OtherLabel, 5)
	for n := range int64(52) {
		row.Region.Add(fmt.Sprintf("label-%02d", n), 100+n)
	}
	got := dashboard.New(readmodeltest.CampaignRows(row), dashboard.View{}).Profile.Region
	if _, kept := got["label-01"]; len(got) != 51 || kept || got["label-02"] != 102 || got[dashboard.OtherLabel] != 5+100+101 {
		t.Errorf("profile %v", got)
	}
}
