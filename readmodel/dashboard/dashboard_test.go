package dashboard_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

var update = flag.Bool("update", false, "rewrite the golden dashboards")

// TestDashboardGolden shows the rows of each case in testdata/dashboard in its
// view and compares the JSON.
func TestDashboardGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/dashboard/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string][]byte{}
			for _, f := range archive.Files {
				sections[f.Name] = f.Data
			}
			rows := parseRows(t, sections["rows.json"])
			view := parseView(t, string(sections["view"]))
			if err := view.Validate(); err != nil {
				t.Fatalf("view: %v", err)
			}
			got := marshalIndent(t, dashboard.New(rows, view))
			if *update {
				archive.Files[len(archive.Files)-1] = txtar.File{Name: "dashboard.json", Data: got}
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(sections["dashboard.json"]), string(got)); diff != "" {
				t.Errorf("dashboard (-want +got):\n%s", diff)
			}
		})
	}
}

// parseRows reads a row of the campaign and lists of the others, with Go's names.
func parseRows(t *testing.T, text []byte) readmodel.CampaignRows {
	t.Helper()
	var rows struct {
		Campaign readmodel.CampaignStats
		Channels []readmodel.ChannelStats
		Hours    []readmodel.ParticipationHour
		Profile  readmodel.ParticipantProfile
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatalf("rows.json: %v", err)
	}
	return readmodeltest.CampaignRows(rows.Campaign, rows.Channels, rows.Hours, rows.Profile)
}

// parseView reads lines of "name value".
func parseView(t *testing.T, text string) dashboard.View {
	t.Helper()
	var view dashboard.View
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch name {
		case "now":
			view.Now, err = time.Parse(time.RFC3339, value)
		case "tz":
			view.Location, err = time.LoadLocation(value)
		case "interval":
			view.Interval = dashboard.Interval(value)
		case "from":
			view.From, err = time.Parse(time.RFC3339, value)
		case "to":
			view.To, err = time.Parse(time.RFC3339, value)
		case "poll-interval":
			view.PollInterval, err = parsePollInterval(value)
		default:
			t.Fatalf("view: unknown line %q", line)
		}
		if err != nil {
			t.Fatalf("view: %v", err)
		}
	}
	return view
}

// parsePollInterval reads an interval that is always the same, or age/60: that,
// but no less than a minute and no more than an hour.
func parsePollInterval(text string) (func(age time.Duration) time.Duration, error) {
	if text == "age/60" {
		return func(age time.Duration) time.Duration { return min(max(age/60, time.Minute), time.Hour) }, nil
	}
	interval, err := time.ParseDuration(text)
	return func(time.Duration) time.Duration { return interval }, err
}

func marshalIndent(t *testing.T, d dashboard.Dashboard) []byte {
	t.Helper()
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	// The numbers of a list on one line.
	b = regexp.MustCompile(`\[\s+[0-9,\s]+]`).ReplaceAllFunc(b, func(list []byte) []byte {
		return bytes.Join(bytes.Fields(list), nil)
	})
	return append(b, '\n')
}

func TestDashboardMembersAreFixed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	rows := readmodeltest.CampaignRows(
		readmodel.CampaignStats{Campaign: "evt-1"},
		readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}, DistributedAt: at},
		readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: at}, Participants: 1},
	)
	got, err := json.Marshal(dashboard.New(rows, dashboard.View{Now: at}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"eventId":"evt-1","storeId":null,"title":null,"objective":null,"startsAt":null,"endsAt":null,"state":"running",` +
		`"position":0,"updatedAt":null,` +
		`"summary":{"totalParticipants":0,"totalExposure":null,"roiPercent":null,"salesGrowthPercent":null,"costPerParticipant":null,"totalCost":null,` +
		`"missing":["baselineSales","distributionCost","expectedSalesIncrease","exposure","newCustomerLtv","platformCost","prizeCost"]},` +
		`"economics":{"prizeCost":null,"platformCost":null,"distributionCost":null,"totalCost":null,"salesIncrease":null,"baselineSales":null,` +
		`"newCustomers":0,"newCustomerLtv":null,"expectedRevenue":null,"breakEvenNewCustomers":null},` +
		`"channels":[{"channel":"naver","distributedAt":"2026-11-23T01:00:00Z","cost":null,"impressions":null,"views":null,` +
		`"clicks":null,"likes":null,"comments":null,"shares":null,"exposure":null,"participants":0,"costPerParticipant":null,` +
		`"conversionPercent":null,"conversionOf":null,"status":"unavailable","fetchedAt":null}],` +
		`"trend":[{"from":"2026-11-23T01:00:00Z","participants":1}],` +
		`"interval":"hour","outside":{"before":0,"after":0},"heat":[[0,1,0`
	const then = `"best":{"day":{"from":"2026-11-23T00:00:00Z","participants":1},"hourOfDay":{"hour":1,"participants":1},"channel":null},` +
		`"comparison":{"today":{"from":"2026-11-23T00:00:00Z","to":"2026-11-23T01:00:00Z","participants":0,"before":null,"running":true,"soFar":1},` +
		`"yesterday":null,"lastSevenDays":null},"goal":null,` +
		`"profile":{"gender":{},"ageGroup":{},"region":{},"customer":{"new":0,"returning":0,"unknown":0}},"digest":{"template":"`
	if !strings.HasPrefix(string(got), want) || !strings.Contains(string(got), "]],"+then) {
		t.Errorf("JSON\n%s\nwant a beginning of\n%s\nand then\n%s", got, want, then)
	}
}

func TestPercentages(t *testing.T) {
	t.Parallel()
	won := func(w events.Won) *events.Won { return &w }
	pct := func(p float64) *float64 { return &p }
	for name, tc := range map[string]struct {
		increase, baseline *events.Won
		want               *float64
	}{
		"plain":                      {won(25), won(200), pct(12.5)},
		"half is rounded up":         {won(1), won(800), pct(0.13)}, // 0.125
		"two digits of little":       {won(30), won(1_000_000), pct(0.003)},
		"of very little":             {won(4_557), won(1e14), pct(0.0000000046)},
		"rounded to the limit":       {won(9_996), won(1e8), pct(0.01)},
		"thirds":                     {won(2), won(3), pct(66.67)},
		"nothing sold":               {won(0), won(3), pct(0)},
		"baseline of zero":           {won(5), won(0), nil},
		"baseline unknown":           {won(5), nil, nil},
		"increase unknown":           {nil, won(5), nil},
		"large, nothing lost":        {won(1<<53 - 1), won(1 << 53), pct(100)},
		"large, to the second digit": {won(9_007_199_254_740_991), won(3), pct(300239975158033033.33)},
		"beyond any amount":          {won(math.MaxInt64), won(1), pct(922337203685477580700)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := readmodeltest.CampaignRows(readmodel.CampaignStats{
				Known: true, ExpectedSalesIncrease: tc.increase, BaselineSales: tc.baseline,
			})
			got := dashboard.New(rows, dashboard.View{}).Summary.SalesGrowthPercent
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("growth (-want +got):\n%s", diff)
			}
		})
	}
}

func TestROIRoundsHalvesAwayFromZero(t *testing.T) {
	t.Parallel()
	cost, revenue := events.Won(800), events.Won(799) // -0.125 %
	rows := readmodeltest.CampaignRows(readmodel.CampaignStats{
		Known: true, Participants: 1, PrizeCost: &cost, PlatformCost: new(events.Won), ExpectedSalesIncrease: &revenue,
	})
	got := dashboard.New(rows, dashboard.View{}).Summary.ROIPercent
	if got == nil || *got != -0.13 {
		t.Errorf("ROI of %d won from %d won = %v, want -0.13", revenue, cost, got)
	}
}

// TestDashboardIsAlwaysValid shows random rows in random views: nothing is Inf
// or NaN, the JSON is valid, and it is the same every time (I6, I11).
func TestDashboardIsAlwaysValid(t *testing.T) {
	t.Parallel()
	locations := loadLocations(t, "Asia/Seoul", "America/New_York", "UTC", "Africa/Cairo")
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawRows(rt)
		view := dashboard.View{
			Now:      drawTime(rt, "now"),
			Location: rapid.SampledFrom(locations).Draw(rt, "location"),
			Interval: rapid.SampledFrom([]dashboard.Interval{"", dashboard.Hourly, dashboard.Daily}).Draw(rt, "interval"),
		}
		if interval := time.Duration(rapid.Int64Min(0).Draw(rt, "pollInterval")); interval > 0 {
			view.PollInterval = func(age time.Duration) time.Duration {
				if age < 0 {
					rt.Fatalf("distributed %v from now", -age)
				}
				return interval
			}
		}
		d := dashboard.New(rows, view)
		first, err := json.Marshal(d)
		if err != nil {
			rt.Fatalf("marshal: %v", err) // also what Inf and NaN come to
		}
		second, err := json.Marshal(dashboard.New(rows, view))
		if err != nil || string(first) != string(second) {
			rt.Fatalf("shown again: %v\n%s\n%s", err, first, second)
		}
		sum, want := d.Outside.Before+d.Outside.After, int64(0)
		for _, b := range d.Trend {
			sum += b.Participants
		}
		for _, h := range rows.Hours() {
			want += h.Participants
		}
		if sum != want {
			rt.Fatalf("trend and outside hold %d participants, the hours %d", sum, want)
		}
		for _, amount := range []*events.Won{
			d.Economics.DistributionCost, d.Economics.TotalCost, d.Economics.ExpectedRevenue,
		} {
			if amount != nil && (*amount < 0 || *amount == readmodel.WonOverflow) {
				rt.Fatalf("an amount of %d won is shown", *amount)
			}
		}
		if (d.Economics.TotalCost == nil || d.Economics.ExpectedRevenue == nil) && d.Summary.ROIPercent != nil {
			rt.Fatalf("ROI of %v from amounts that do not fit", *d.Summary.ROIPercent)
		}
	})
}

func drawRows(rt *rapid.T) readmodel.CampaignRows {
	amount := rapid.Ptr(rapid.Map(rapid.Int64Range(0, int64(events.MaxWon)), func(n int64) events.Won { return events.Won(n) }), true)
	figure := rapid.Custom(func(rt *rapid.T) readmodel.Figure {
		if rapid.Bool().Draw(rt, "unknown") {
			return readmodel.Figure{}
		}
		return readmodel.Figure{Value: rapid.Int64Range(0, events.MaxFigure).Draw(rt, "value"), At: drawTime(rt, "at")}
	})
	count := rapid.Int64Range(0, 1<<40)
	campaign := readmodel.CampaignStats{
		Campaign: "evt-1", Known: rapid.Bool().Draw(rt, "known"), Title: rapid.String().Draw(rt, "title"),
		PrizeCost: amount.Draw(rt, "prize"), PlatformCost: amount.Draw(rt, "platform"),
		ExpectedSalesIncrease: amount.Draw(rt, "increase"), BaselineSales: amount.Draw(rt, "baseline"),
		NewCustomerLTV: amount.Draw(rt, "ltv"), NewCustomers: count.Draw(rt, "newCustomers"),
		Participants: count.Draw(rt, "participants"), StartsAt: drawTime(rt, "starts"),
	}
	var channels []readmodel.ChannelStats
	for _, ch := range append(events.Channels(), "flyer") {
		if rapid.Bool().Draw(rt, "has "+string(ch)) {
			channels = append(channels, readmodel.ChannelStats{
				ChannelKey:    readmodel.ChannelKey{Campaign: "evt-1", Channel: string(ch)},
				DistributedAt: drawTime(rt, "distributed"),
				Cost:          rapid.Ptr(rapid.SampledFrom([]events.Won{0, 1, events.MaxWon, readmodel.WonOverflow - 1, readmodel.WonOverflow}), true).Draw(rt, "cost"),
				Participants:  count.Draw(rt, "came"),
				Impressions:   figure.Draw(rt, "impressions"),
				Views:         figure.Draw(rt, "views"),
				FetchedAt:     drawTime(rt, "fetched"),
			})
		}
	}
	var hours []readmodel.ParticipationHour
	hour := drawTime(rt, "hour").Truncate(time.Hour)
	for range rapid.IntRange(0, 5).Draw(rt, "hours") {
		hours = append(hours, readmodel.ParticipationHour{
			HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: hour}, Participants: count.Draw(rt, "inHour"),
		})
		hour = hour.Add(time.Duration(rapid.IntRange(1, 500).Draw(rt, "gap")) * time.Hour)
	}
	return readmodeltest.CampaignRows(campaign, channels, hours)
}

// drawTime draws a time within the bounds of the events' contract, or none.
func drawTime(rt *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(rt, label+" is zero") {
		return time.Time{}
	}
	first, last := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9998, 12, 31, 23, 0, 0, 0, time.UTC)
	return time.UnixMicro(rapid.Int64Range(first.UnixMicro(), last.UnixMicro()).Draw(rt, label)).UTC()
}

func loadLocations(t testing.TB, names ...string) []*time.Location {
	t.Helper()
	locations := make([]*time.Location, len(names))
	for i, name := range names {
		var err error
		if locations[i], err = time.LoadLocation(name); err != nil {
			t.Fatal(err)
		}
	}
	return locations
}
