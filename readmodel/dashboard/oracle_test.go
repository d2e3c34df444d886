package dashboard_test

import (
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the oracle is written in SQL

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
)

//go:embed testdata/oracle.sql
var oracleSQL string

// oracleTables are the inputs of the oracle, each filled from a list of lists.
const oracleTables = `
CREATE TABLE campaign (id INTEGER PRIMARY KEY, now, starts, ends, prize, platform, increase, baseline, ltv, participants, new_customers, goal_metric, goal_target);
CREATE TABLE channel (campaign INTEGER, name, distributed, fetched, cost, participants, impressions, views, clicks, likes, comments, shares);
CREATE TABLE hour (campaign INTEGER, at INTEGER, participants INTEGER);
CREATE INDEX hours ON hour (campaign, at, participants);`

// TestArithmeticIsWhatTheOracleSays compares the numbers of random campaigns, of which anything
// may be unknown, with what testdata/oracle.sql makes of the same rows. JANGBU_TEST_ARITHMETIC
// says how many there are, 2,000 if nothing does.
func TestArithmeticIsWhatTheOracleSays(t *testing.T) {
	t.Parallel()
	campaigns := 2_000
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_ARITHMETIC")); err == nil {
		campaigns = n
	}
	seoul := loadLocations(t, "Asia/Seoul")[0]
	d := drawn{rand: rand.New(rand.NewPCG(7, 16))}
	shown := make([]map[string]any, campaigns)
	for id := range shown {
		rows, now := d.campaign(id)
		shown[id] = numbersOf(dashboard.New(rows, dashboard.View{Now: now, Location: seoul}))
	}
	wrong, compared := 0, 0
	for id, want := range d.ask(t, campaigns) {
		for name := range shown[id] {
			if _, ok := want[name]; !ok {
				want[name] = nil
			}
		}
		for name, want := range want {
			compared++
			if got := shown[id][name]; !agree(want, got) && wrong < 20 {
				wrong++
				t.Errorf("campaign %d: %s is %v, and the oracle says %v: %v", id, name, got, want, d.campaigns[id])
			}
		}
	}
	t.Logf("%d numbers of %d campaigns", compared, campaigns)
	if compared < 20*campaigns {
		t.Errorf("only %d numbers were compared", compared)
	}
}

// agree reports whether a number is what the oracle says: the same, or a percentage that is
// rounded from it.
func agree(want, got any) bool {
	exact, ok := want.(float64)
	if !ok {
		return want == got
	}
	rounded, ok := got.(float64)
	unit := 0.01
	if size := math.Abs(exact); size > 0 && size < 0.01 {
		unit = math.Pow(10, math.Floor(math.Log10(size))-1)
	}
	return ok && math.Abs(rounded-exact) <= unit*(0.5+1e-6)
}

// drawn is random campaigns, and the same for the oracle.
type drawn struct {
	rand                       *rand.Rand
	campaigns, channels, hours [][]any
}

// ask returns the oracle's numbers of each campaign.
func (d *drawn) ask(t *testing.T, campaigns int) []map[string]any {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	if _, err := db.ExecContext(t.Context(), oracleTables); err != nil {
		t.Fatal(err)
	}
	for table, lines := range map[string][][]any{"campaign": d.campaigns, "channel": d.channels, "hour": d.hours} {
		text, err := json.Marshal(lines)
		if err != nil {
			t.Fatal(err)
		}
		columns := "value ->> 0"
		for i := range lines[0][1:] {
			columns += fmt.Sprintf(", value ->> %d", i+1)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO "+table+" SELECT "+columns+" FROM json_each(?)", string(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), oracleSQL); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), "SELECT id, name, value FROM number")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	numbers := make([]map[string]any, campaigns)
	for i := range numbers {
		numbers[i] = map[string]any{}
	}
	for rows.Next() {
		var id int
		var name string
		var value any
		if err := rows.Scan(&id, &name, &value); err != nil {
			t.Fatal(err)
		}
		numbers[id][name] = value
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return numbers
}

// campaign draws a campaign and a moment around its time.
func (d *drawn) campaign(id int) (readmodel.CampaignRows, time.Time) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC).Add(time.Duration(d.rand.IntN(30*86400)) * time.Second)
	near := func(days int) time.Time { // an hour up to so many days before or after now
		return now.Truncate(time.Hour).Add(time.Duration(d.rand.IntN(2*24*days)-24*days) * time.Hour)
	}
	c := readmodel.CampaignStats{
		Campaign: events.Campaign(fmt.Sprint("evt-", id)), Known: true,
		PrizeCost: d.won(), PlatformCost: d.won(), ExpectedSalesIncrease: d.won(), BaselineSales: d.won(), NewCustomerLTV: d.won(),
	}
	if d.rand.IntN(4) > 0 {
		c.StartsAt = near(20)
	}
	if d.rand.IntN(3) > 0 {
		c.EndsAt = near(20)
	}
	if d.rand.IntN(3) == 0 {
		c.GoalMetric, c.GoalTarget = []events.GoalMetric{events.GoalParticipants, events.GoalNewCustomers}[d.rand.IntN(2)], 1+d.rand.Int64N(500)
	}
	counts := map[time.Time]int64{}
	for range d.rand.IntN(4) * d.rand.IntN(8) {
		hour := near(20)
		if d.rand.IntN(30) == 0 {
			hour = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(d.rand.IntN(25*8766)) * time.Hour)
		}
		counts[hour] += 1 + d.rand.Int64N(4)
	}
	var hours []readmodel.ParticipationHour
	for _, hour := range slices.SortedFunc(maps.Keys(counts), time.Time.Compare) {
		n := counts[hour]
		c.Participants += n
		hours = append(hours, readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: c.Campaign, Hour: hour}, Participants: n})
		d.hours = append(d.hours, []any{id, hour.Unix(), n})
	}
	c.NewCustomers = d.rand.Int64N(c.Participants + 1)
	channels := d.channelsOf(id, c)
	d.campaigns = append(d.campaigns, []any{
		id, now.Unix(), seconds(c.StartsAt), seconds(c.EndsAt), c.PrizeCost, c.PlatformCost, c.ExpectedSalesIncrease, c.BaselineSales,
		c.NewCustomerLTV, c.Participants, c.NewCustomers, null(c.GoalMetric), null(c.GoalTarget),
	})
	return readmodeltest.CampaignRows(c, channels, hours), now
}

// channelsOf draws the campaign's channels, through which all its participants came.
func (d *drawn) channelsOf(id int, c readmodel.CampaignStats) []readmodel.ChannelStats {
	left := c.Participants
	var channels []readmodel.ChannelStats
	for _, name := range append(events.Channels(), "onsite", "other", "unknown") {
		row := readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: c.Campaign, Channel: string(name)}}
		if left > 0 && d.rand.IntN(2) == 0 {
			row.Participants = d.rand.Int64N(left + 1)
		}
		if name == "unknown" {
			row.Participants = left
		}
		left -= row.Participants
		at := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
		if name.Known() && d.rand.IntN(3) > 0 {
			row.DistributedAt, row.Cost = at, d.won()
		}
		if name.Known() && d.rand.IntN(3) > 0 {
			row.FetchedAt = at
			for _, figure := range []*readmodel.Figure{&row.Impressions, &row.Views, &row.Clicks, &row.Likes, &row.Comments, &row.Shares} {
				if d.rand.IntN(2) == 0 {
					*figure = readmodel.Figure{Value: int64(math.Pow(10, 8*d.rand.Float64())) - 1, At: at}
				}
			}
		}
		channels = append(channels, row)
		figure := func(f readmodel.Figure) any {
			if !f.Known() {
				return nil
			}
			return f.Value
		}
		d.channels = append(d.channels, []any{
			id, name, seconds(row.DistributedAt), seconds(row.FetchedAt), row.Cost, row.Participants,
			figure(row.Impressions), figure(row.Views), figure(row.Clicks), figure(row.Likes), figure(row.Comments), figure(row.Shares),
		})
	}
	return channels
}

// won draws an amount, none, or 0.
func (d *drawn) won() *events.Won {
	switch d.rand.IntN(6) {
	case 0, 1:
		return nil
	case 2:
		return new(events.Won)
	default:
		return wonOf(int64(math.Pow(10, 7*d.rand.Float64())))
	}
}

func seconds(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

func null[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}
