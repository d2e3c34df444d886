package readmodeltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
)

// Views asks the views of a store.
type Views struct {
	// Campaigns is how many are drawn.
	Campaigns int
	// Query returns the rows of a query, by the names of their columns.
	Query func(t testing.TB, text string) []map[string]any
	// Dashboard returns what the API shows of a campaign.
	Dashboard func(rows readmodel.CampaignRows, now time.Time) any
}

// TestViews compares every column of every view with what the API shows of random campaigns, of
// which anything may be unknown or beyond what fits.
func TestViews(t *testing.T, a Adapter, v Views) {
	b := setup(t, a)
	now := time.Now().UTC()
	d := drawing{rand.New(rand.NewPCG(20, 1)), now.Truncate(time.Hour)}
	rows, others := newRows(), newRows()
	want := expected{now: now, shown: v.Dashboard, rows: make(map[string][]map[string]any)}
	for id := range v.Campaigns {
		want.add(t, d.campaign(rows, id))
		if id%10 == 0 {
			d.campaign(others, id)
		}
	}
	want.addShops(t)
	b.commit(t, rows)
	b.build(t, 9, others) // is not served
	for view, key := range map[string][]string{
		"campaigns": {"eventid"}, "channels": {"eventid", "channel"}, "hours": {"eventid", "start"},
		"profiles": {"eventid", "dimension", "label"}, "shops": {"storeid"},
	} {
		got, want := byKey(v.Query(t, "SELECT * FROM "+view), key), byKey(want.rows[view], key)
		compared, wrong := 0, 0
		for k, row := range want {
			compared += len(row)
			if diff := cmp.Diff(row, got[k]); diff != "" && wrong < 5 {
				wrong++
				t.Errorf("%s, %s (-shown +view):\n%s", view, k, diff)
			}
			delete(got, k)
		}
		for k := range got {
			if wrong++; wrong <= 5 {
				t.Errorf("%s has %s, which is not shown", view, k)
			}
		}
		t.Logf("%s: %d values of %d rows", view, compared, len(want))
	}
}

// byKey returns rows by their keys, with each value as text by the name of its column in lower case.
func byKey(rows []map[string]any, key []string) map[string]map[string]string {
	all := make(map[string]map[string]string)
	for _, row := range rows {
		texts := make(map[string]string)
		for name, value := range row {
			name = strings.ToLower(name)
			texts[name] = textOf(name, value)
		}
		of := make([]string, len(key))
		for i, name := range key {
			of[i] = texts[name]
		}
		all[strings.Join(of, " ")] = texts
	}
	return all
}

// textOf returns a value as text: equal ones of a column of that name have the same.
func textOf(name string, value any) string {
	percent, instant := strings.HasSuffix(name, "percent"), strings.HasSuffix(name, "at") || name == "start"
	switch v := value.(type) {
	case nil:
		return "unknown"
	case string:
		if at, err := time.Parse(time.RFC3339, v); instant && err == nil {
			return at.UTC().String()
		}
		return strconv.Quote(v)
	case time.Time:
		if name == "day" {
			return strconv.Quote(v.Format(time.DateOnly))
		}
		return v.UTC().String()
	case float64:
		if percent {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case json.Number:
		if percent {
			f, _ := v.Float64() // a number of JSON
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return v.String()
	case int64:
		if !percent {
			return strconv.FormatInt(v, 10)
		}
	}
	return fmt.Sprintf("%T %v", value, value)
}

// expected is the rows of the views as the API shows them.
type expected struct {
	now   time.Time
	shown func(readmodel.CampaignRows, time.Time) any
	rows  map[string][]map[string]any
}

// show returns the members of the campaign's dashboard.
func (e *expected) show(t *testing.T, rows readmodel.CampaignRows) (d map[string]any) {
	t.Helper()
	text, err := json.Marshal(e.shown(rows, e.now))
	if err != nil {
		t.Fatal(err)
	}
	numbers := json.NewDecoder(strings.NewReader(string(text)))
	numbers.UseNumber()
	if err := numbers.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

func (e *expected) has(view string, row map[string]any) { e.rows[view] = append(e.rows[view], row) }

// add adds what is shown of a campaign.
func (e *expected) add(t *testing.T, rows readmodel.CampaignRows) {
	t.Helper()
	if !rows.Campaign().Known {
		return
	}
	d := e.show(t, rows)
	id := d["eventId"]
	campaign := map[string]any{"goalMetric": nil, "goalTarget": nil, "goalReached": nil, "goalPercent": nil}
	for _, name := range []string{"eventId", "storeId", "title", "objective", "state", "startsAt", "endsAt", "position", "updatedAt"} {
		campaign[name] = d[name]
	}
	maps.Copy(campaign, d["summary"].(map[string]any))
	maps.Copy(campaign, d["economics"].(map[string]any))
	var missing []string
	for _, input := range campaign["missing"].([]any) {
		missing = append(missing, input.(string))
	}
	campaign["missing"] = strings.Join(missing, ",")
	if goal, ok := d["goal"].(map[string]any); ok {
		for _, name := range []string{"metric", "target", "reached", "percent"} {
			campaign["goal"+strings.ToUpper(name[:1])+name[1:]] = goal[name]
		}
	}
	e.has("campaigns", campaign)
	for _, ch := range d["channels"].([]any) {
		channel := ch.(map[string]any)
		delete(channel, "status") // it depends on how often the service polls
		channel["eventId"] = id
		e.has("channels", channel)
	}
	for dimension, labels := range d["profile"].(map[string]any) {
		for label, participants := range labels.(map[string]any) {
			e.has("profiles", map[string]any{"eventId": id, "dimension": dimension, "label": label, "participants": participants})
		}
	}
	seoul := time.FixedZone("KST", 9*60*60)
	for _, h := range rows.Hours() {
		at := h.Hour.In(seoul)
		e.has("hours", map[string]any{
			"eventId": id, "start": at, "day": at.Format(time.DateOnly), "weekday": int64(at.Weekday()+6) % 7,
			"hourOfDay": int64(at.Hour()), "participants": h.Participants,
		})
	}
}

// addShops adds the sums of the campaigns that were added.
func (e *expected) addShops(t *testing.T) {
	t.Helper()
	byShop := make(map[string][]map[string]any)
	for _, c := range e.rows["campaigns"] {
		shop := c["storeId"].(string)
		byShop[shop] = append(byShop[shop], c)
	}
	limit := big.NewInt(math.MaxInt64)
	for shop, campaigns := range byShop {
		sum := func(name string, counts func(c map[string]any) bool) (fits *int64, missing int64) {
			total, n := new(big.Int), int64(0)
			for _, c := range campaigns {
				if value, ok := c[name].(json.Number); ok && counts(c) {
					one, _ := value.Int64() // it is one
					total.Add(total, big.NewInt(one))
					n++
				}
			}
			if n > 0 && total.Cmp(limit) < 0 {
				fits = new(total.Int64())
			}
			return fits, int64(len(campaigns)) - n
		}
		every := func(map[string]any) bool { return true }
		counts := func(c map[string]any) bool {
			return c["state"] != "planned" && c["totalParticipants"] != json.Number("0") && c["totalCost"] != nil && c["expectedRevenue"] != nil
		}
		row := map[string]any{"storeId": shop, "campaigns": int64(len(campaigns)), "roiPercent": nil}
		for name, missing := range map[string]string{
			"totalParticipants": "", "newCustomers": "", "totalExposure": "missingExposure", "totalCost": "missingCost", "expectedRevenue": "missingRevenue",
		} {
			total, n := sum(name, every)
			if row[name] = nil; total != nil {
				row[name] = *total
			}
			if missing != "" {
				row[missing] = n
			}
		}
		spent, n := sum("totalCost", counts)
		gained, _ := sum("expectedRevenue", counts)
		row["missingRoi"] = n
		if spent != nil && gained != nil {
			// One campaign that costs and promises as much.
			row["roiPercent"] = e.show(t, CampaignRows(readmodel.CampaignStats{
				Campaign: "all", Known: true, Participants: 1, PrizeCost: won(*spent), PlatformCost: won(0), ExpectedSalesIncrease: won(*gained),
			}))["summary"].(map[string]any)["roiPercent"]
		}
		e.has("shops", row)
	}
}

// drawing draws campaigns around an hour.
type drawing struct {
	*rand.Rand
	hour time.Time
}

// campaign draws a campaign, and adds its rows.
func (d drawing) campaign(all *readmodel.Rows, id int) readmodel.CampaignRows {
	name := events.Campaign(fmt.Sprint("evt-", id))
	c := all.Campaign(name)
	*c = readmodel.CampaignStats{Campaign: name, Position: events.Position(d.Int64N(1e12)), UpdatedAt: d.near()}
	if d.IntN(20) > 0 {
		c.Known, c.Shop, c.Objective = true, events.Shop(fmt.Sprint("store-", d.IntN(1+id/9))), "o"
		c.Title = []string{"", "가을 경품 이벤트", `"'\%`, strings.Repeat("가", events.MaxTextRunes)}[d.IntN(4)]
		c.PrizeCost, c.PlatformCost, c.ExpectedSalesIncrease, c.BaselineSales, c.NewCustomerLTV = d.won(), d.won(), d.won(), d.won(), d.won()
		c.StartsAt, c.EndsAt = d.time(), d.time()
		if d.IntN(3) == 0 {
			c.GoalMetric, c.GoalTarget = []events.GoalMetric{events.GoalParticipants, events.GoalNewCustomers}[d.IntN(2)], 1+d.upTo(1e12)
		}
	}
	if c.Known && d.IntN(4) == 0 {
		var n int64
		n, c.GoalTarget = d.nearHalf(1e12)
		c.GoalMetric, c.Participants = events.GoalParticipants, n
		all.Hour(readmodel.HourKey{Campaign: name, Hour: d.hour}).Participants = n
		part, whole := d.nearHalf(int64(events.MaxWon) / 20_000)
		c.ExpectedSalesIncrease, c.BaselineSales = won(part), won(whole)
	}
	for range d.IntN(4) * d.IntN(4) {
		n := 1 + d.Int64N(4)
		if d.IntN(8) == 0 {
			n = d.upTo(1e14)
		}
		c.Participants += n
		all.Hour(readmodel.HourKey{Campaign: name, Hour: d.near().Truncate(time.Hour)}).Participants += n
	}
	c.NewCustomers = d.Int64N(c.Participants + 1)
	left := c.Participants
	for _, channel := range append(events.Channels(), "onsite", "flyer", "other", "unknown") {
		if d.IntN(4) == 0 {
			continue
		}
		row := all.Channel(readmodel.ChannelKey{Campaign: name, Channel: string(channel)})
		if d.IntN(2) == 0 {
			row.Participants = d.Int64N(left + 1)
		}
		left -= row.Participants
		if channel.Known() && d.IntN(3) > 0 {
			row.DistributedAt, row.Cost = d.near(), d.won()
			if d.IntN(50) == 0 {
				row.Cost = won(int64(readmodel.WonOverflow))
			}
		}
		if channel.Known() && d.IntN(3) > 0 {
			row.FetchedAt = d.near()
			for _, figure := range []*readmodel.Figure{&row.Impressions, &row.Views, &row.Clicks, &row.Likes, &row.Comments, &row.Shares} {
				if d.IntN(2) == 0 {
					*figure = readmodel.Figure{Value: d.upTo(events.MaxFigure), At: row.FetchedAt}
				}
			}
		}
	}
	if d.IntN(4) > 0 {
		d.profile(all.Profile(name))
	}
	return all.Of(name)
}

// profile draws the labels of a campaign, in one dimension more than are kept.
func (d drawing) profile(p *readmodel.ParticipantProfile) {
	for _, label := range []string{"female", "male", "other", "unknown"}[d.IntN(4):] {
		p.Gender.Add(label, d.Int64N(9))
	}
	for i := range d.IntN(8) * d.IntN(10) {
		p.Region.Add(fmt.Sprint(`"\가`, i), d.Int64N(3))
	}
	if d.IntN(2) == 0 {
		p.Region.Add("other", d.Int64N(3))
	}
	for _, label := range []string{"20s", "30s"}[d.IntN(2):] {
		p.AgeGroup.Add(label, d.Int64N(9))
	}
	for _, label := range []string{readmodel.NewCustomer, readmodel.UnknownValue, readmodel.ReturningCustomer}[d.IntN(4):] {
		p.Customer.Add(label, d.upTo(1e15))
	}
}

// near draws a microsecond that is not within an hour of now.
func (d drawing) near() time.Time {
	away := 2*time.Hour + time.Duration(d.Int64N(int64(480*time.Hour))).Truncate(time.Microsecond)
	if d.IntN(2) == 0 {
		away = -away
	}
	return d.hour.Add(away)
}

// time draws a time of a campaign, or none.
func (d drawing) time() time.Time {
	switch d.IntN(9) {
	case 0, 1:
		return time.Time{}
	case 2:
		return time.Date(1900+d.IntN(8099), 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	default:
		return d.near()
	}
}

// won draws an amount, none, or 0.
func (d drawing) won() *events.Won {
	switch d.IntN(6) {
	case 0:
		return nil
	case 1:
		return won(0)
	default:
		return won(d.upTo(int64(events.MaxWon)))
	}
}

// nearHalf draws numbers of which one is some hundredths and a half percent of the other, or one less
// or more than that.
func (d drawing) nearHalf(most int64) (part, whole int64) {
	n := 1 + d.upTo(most-1)
	return max(0, n*(2*d.Int64N(10_000)+1)+d.Int64N(3)-1), 20_000 * n
}

// upTo draws a number of any size up to most, and that often.
func (d drawing) upTo(most int64) int64 {
	n := int64(math.Pow(float64(most), d.Float64()))
	return min(most, n+d.Int64N(2)<<(53*d.IntN(2)))
}
