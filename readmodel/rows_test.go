package readmodel_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/readmodeltest"
)

// newRows returns empty rows for every table of the suite.
func newRows() *readmodel.Rows { return readmodel.NewRows(readmodeltest.Tables()...) }

func TestRowsServeOneCampaign(t *testing.T) {
	t.Parallel()
	rows := newRows()
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	for _, channel := range []string{"한글", "naver", "Naver"} {
		rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: channel}).Participants = 1
		rows.Channel(readmodel.ChannelKey{Campaign: "evt-2", Channel: channel}).Participants = 9
	}
	for _, hour := range []time.Time{at.Add(time.Hour), at, at.Add(-time.Hour)} {
		rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: hour}).Participants = 1
		rows.Hour(readmodel.HourKey{Campaign: "evt-2", Hour: hour}).Participants = 9
	}
	rows.Profile("evt-1").Region.Add("부산", 1)
	rows.Profile("evt-2").Region.Add("부산", 9)
	rows.Profile("evt-1").Gender.Add("male", 1)
	rows.Profile("evt-1").Gender.Add("female", 1)
	channel := func(name string) readmodel.ChannelStats {
		return readmodel.ChannelStats{ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: name}, Participants: 1}
	}
	hour := func(h time.Time) readmodel.ParticipationHour {
		return readmodel.ParticipationHour{HourKey: readmodel.HourKey{Campaign: "evt-1", Hour: h}, Participants: 1}
	}
	others := []any{
		[]readmodel.ChannelStats{channel("Naver"), channel("naver"), channel("한글")},
		[]readmodel.ParticipationHour{hour(at.Add(-time.Hour)), hour(at), hour(at.Add(time.Hour))},
		readmodel.ParticipantProfile{
			Campaign: "evt-1", Region: readmodel.Counts{{Label: "부산", Participants: 1}},
			Gender: readmodel.Counts{{Label: "female", Participants: 1}, {Label: "male", Participants: 1}},
		},
	}
	got := rows.Of("evt-1")
	if row := *got.Campaign(); row != (readmodel.CampaignStats{}) {
		t.Errorf("without a campaign's row: %+v, want one without a name", row)
	}
	if diff := cmp.Diff(readmodeltest.CampaignRows(others...), got); diff != "" {
		t.Errorf("rows without a campaign's row (-want +got):\n%s", diff)
	}
	rows.Campaign("evt-1").Participants = 3
	want := readmodeltest.CampaignRows(append(others, readmodel.CampaignStats{Campaign: "evt-1", Participants: 3})...)
	got = rows.Of("evt-1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	got.Campaign().Participants, got.Channels()[0].Participants, got.Profile().Gender[0].Participants = 4, 4, 4
	if diff := cmp.Diff(want, rows.Of("evt-1")); diff != "" {
		t.Errorf("rows after what was returned has changed (-want +got):\n%s", diff)
	}
	if got := rows.Of("evt-3"); !got.Empty() || got.Campaign().Campaign != "" {
		t.Errorf("of a campaign without rows: %v", got)
	}
}

// TestRowsOfAllCampaigns compares ByCampaign with Of each campaign, in order.
func TestRowsOfAllCampaigns(t *testing.T) {
	t.Parallel()
	rows := newRows()
	hour := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	var want []readmodel.CampaignRows
	for _, c := range []events.Campaign{"evt-1", "evt-10", "evt-2", "이벤트"} {
		rows.Campaign(c).Participants = 2
		for _, channel := range []string{"naver", "kakao"} {
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: channel}).Participants = 1
		}
		for i := range 3 {
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: hour.Add(-time.Duration(i) * time.Hour)}).Participants = 1
		}
		rows.Profile(c).Gender.Add("male", 1)
		rows.Profile(c).Gender.Add("female", 1)
		one := rows.Of(c)
		if one.Campaign().Campaign != c || len(one.Channels()) != 2 || len(one.Hours()) != 3 || len(one.Profile().Gender) != 2 {
			t.Fatalf("rows of %s: %v", c, one)
		}
		want = append(want, one)
	}
	rows.Channel(readmodel.ChannelKey{Campaign: "without a campaign's row", Channel: "naver"}).Participants = 1
	if diff := cmp.Diff(want, rows.ByCampaign()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestRowsOfEachTable checks that All returns each table's rows once, sorted by key, and
// that Put adds them to other rows.
func TestRowsOfEachTable(t *testing.T) {
	t.Parallel()
	rows := newRows()
	for i := range 10 {
		for _, c := range []events.Campaign{events.Campaign(fmt.Sprint("evt-", 10-i)), "이벤트", "EVT-1"} {
			rows.Campaign(c)
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: fmt.Sprint("channel ", i%3)})
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(i*7%4-2)*3600, 0).UTC()})
			rows.Profile(c).Gender.Add(fmt.Sprint(i%2), 0)
			rows.Profile(c).AgeGroup.Add(fmt.Sprint(i%2), 0)
			readmodel.Row[readmodeltest.Extra](rows, readmodeltest.ExtraKey{Campaign: c, Number: int64(-i), Name: fmt.Sprint(i % 2)})
		}
	}
	copied, tables, n := newRows(), []string{}, 0
	for table, all := range rows.All() {
		tables, n = append(tables, table.Name), n+len(all)
		for i, row := range all {
			if i > 0 && table.Compare(all[i-1], row) >= 0 {
				t.Errorf("%s: %+v comes before %+v", table.Name, all[i-1], row)
			}
			copied.Put(table, row)
		}
	}
	var want []string
	for _, table := range readmodeltest.Tables() {
		want = append(want, table.Name)
	}
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	if want := 12 + (10 + 2*3) + (10 + 2*4) + 12 + (10 + 2*10); n != want || rows.Len() != want {
		t.Errorf("%d rows, Len = %d; want %d", n, rows.Len(), want)
	}
	if diff := readmodeltest.Diff(rows, copied); diff != "" {
		t.Errorf("put row by row (-want +got):\n%s", diff)
	}
	for range rows.All() {
		break // the loop stops after one table
	}
	for range newRows().All() {
		t.Error("a table without rows is there")
	}
	if got := newRows().Tables(); got != nil {
		t.Errorf("tables without rows: %v", got)
	}
}

// TestKeysOfEachTable checks that All returns the keys of each table that has any, once, sorted.
func TestKeysOfEachTable(t *testing.T) {
	t.Parallel()
	keys := readmodel.NewKeys(readmodeltest.Tables()...)
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	hours := []readmodel.HourKey{
		{Campaign: "EVT-1", Hour: at}, {Campaign: "evt-1", Hour: at.Add(-time.Hour)}, {Campaign: "evt-1", Hour: at}, {Campaign: "이벤트", Hour: at},
	}
	for _, i := range []int{2, 3, 0, 1, 2} {
		readmodel.Touch[readmodel.ParticipationHour](keys, hours[i])
	}
	readmodel.Touch[readmodel.CampaignStats](keys, events.Campaign("evt-1"))
	got := map[string][]any{}
	for table, all := range keys.All() {
		got[table.Name] = all
	}
	campaign := events.Campaign("evt-1")
	want := map[string][]any{
		readmodel.CampaignStatsTable().Name:       {&campaign},
		readmodel.ParticipationHourlyTable().Name: {&hours[0], &hours[1], &hours[2], &hours[3]},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if got := keys.Tables(); len(got) != 2 || !slices.ContainsFunc(got, func(t *readmodel.Table) bool { return t.Name == "participation_hourly" }) {
		t.Errorf("tables: %v", got)
	}
	for range keys.All() {
		break // the loop stops after one table
	}
	if room := keys.Room(); room.Len() != 0 || room.Profile("evt-1") == nil {
		t.Errorf("room for %d rows", room.Len())
	}
}

// TestNewRows: a row is new where a fold adds it to loaded rows, and no longer new once it is kept
// elsewhere or copied, after it is written.
func TestNewRows(t *testing.T) {
	t.Parallel()
	check := func(what string, rows *readmodel.Rows, added, others int) {
		t.Helper()
		n, o := 0, 0
		for table, some := range rows.Parted() {
			n, o = n+len(some.New), o+len(some.Others)
			for _, all := range [][]any{some.New, some.Others} {
				if !slices.IsSortedFunc(all, table.Compare) {
					t.Errorf("%s: rows of %s are not sorted", what, table.Name)
				}
			}
		}
		if n != added || o != others {
			t.Errorf("%s: %d new rows and %d others, want %d and %d", what, n, o, added, others)
		}
	}
	keys, stored, kept := readmodel.NewKeys(readmodeltest.Tables()...), newRows(), newRows()
	const hours = 1_000 // more than are kept in order
	fold := func(rows *readmodel.Rows, from int) {
		for _, c := range []events.Campaign{"evt-2", "evt-1"} {
			rows.Campaign(c).Participants++
			for i := from; i < hours; i++ {
				rows.Hour(readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(hours-i)*3600, 0).UTC()}).Participants++
			}
		}
	}
	fold(stored, hours/2)
	check("not loaded", stored, 0, 2+hours)
	rows := keys.Room()
	rows.Add(stored) // as they are loaded
	fold(rows, 0)
	check("folded", rows, hours, 2+hours)
	check("copied", rows.Copy(), 0, 2+2*hours)
	kept.Add(rows)
	check("kept", kept, 0, 2+2*hours)
	copied := rows.Copy()
	fold(copied, -1)
	check("folded onto the copy", copied, 2, 2+2*hours)
	rows.Replace(map[events.Campaign]*readmodel.Rows{"evt-1": rows.Take("evt-1")})
	check("replaced", rows, hours/2, 2+3*hours/2)
}

func TestRowsSubjectsAndLen(t *testing.T) {
	t.Parallel()
	rows := newRows()
	want := map[events.Campaign]struct{}{}
	check := func(n int) {
		t.Helper()
		if diff := cmp.Diff(want, rows.Subjects()); diff != "" {
			t.Errorf("subjects (-want +got):\n%s", diff)
		}
		if got := rows.Len(); got != n {
			t.Errorf("Len = %d, want %d", got, n)
		}
	}
	check(0)
	campaigns := []events.Campaign{"evt-1", "이벤트", "", "EVT-1"}
	for i, table := range readmodeltest.Tables() { // each has a row of another campaign
		c := campaigns[i%len(campaigns)]
		rows.Put(table, rowOf(table, c))
		want[c] = struct{}{}
		check(i + 1)
	}
	rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "kakao"})
	check(len(readmodeltest.Tables()) + 1)
}

// TestCopyIsApart changes every kind of row in a copy, of few and of many keys: the rows that it
// was made of stay as they were, and it has what was changed.
func TestCopyIsApart(t *testing.T) {
	t.Parallel()
	filled := func(n int64, keys int) *readmodel.Rows {
		rows := newRows()
		for i := range keys {
			c := events.Campaign(fmt.Sprint("evt-", i%2))
			rows.Campaign(c).Participants += n
			rows.Profile(c).Region.Add("서울", n)
			rows.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).Impressions.Value += n
			rows.Hour(readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(i)*3600, 0).UTC()}).Participants += n
		}
		return rows
	}
	for _, keys := range []int{1, 10, 2_000} {
		rows := filled(1, keys)
		rows.Replace(map[events.Campaign]*readmodel.Rows{"evt-gone": newRows()})
		copied := rows.Copy()
		if diff := readmodeltest.Diff(rows, copied); diff != "" || copied.Len() != rows.Len() || !slices.Equal(copied.Cleared(), rows.Cleared()) {
			t.Fatalf("%d keys: the copy differs, it has %d rows of %d:\n%s", keys, copied.Len(), rows.Len(), diff)
		}
		for i := range keys {
			c := events.Campaign(fmt.Sprint("evt-", i%2))
			copied.Campaign(c).Participants++
			copied.Profile(c).Region.Add("서울", 1)
			copied.Channel(readmodel.ChannelKey{Campaign: c, Channel: "naver"}).Impressions.Value++
			copied.Hour(readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(i)*3600, 0).UTC()}).Participants++
		}
		copied.Campaign("evt-new")
		for name, got := range map[string]*readmodel.Rows{"the rows": rows, "the copy": copied} {
			want := filled(1, keys)
			if got == copied {
				want = filled(2, keys)
				want.Campaign("evt-new")
			}
			if diff := readmodeltest.Diff(want, got); diff != "" {
				t.Errorf("%d keys: %s (-want +got):\n%s", keys, name, diff)
			}
		}
	}
}

// TestBytes compares what rows say of their size with what they occupy: of many campaigns with
// few rows each, and of few with many. It runs alone, since it measures the process.
func TestBytes(t *testing.T) { //nolint:paralleltest // see above
	for _, c := range []struct{ campaigns, channels, hours, labels int }{{20_000, 1, 1, 1}, {10_000, 3, 8, 3}, {200, 7, 1_000, 12}} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		rows := newRows()
		for i := range c.campaigns {
			id := events.Campaign(fmt.Sprint("evt-", i))
			rows.Campaign(id).Title = "title"
			for n := range c.channels {
				rows.Channel(readmodel.ChannelKey{Campaign: id, Channel: string(events.Channels()[n%5]) + strings.Repeat("x", n/5)})
			}
			for n := range c.hours {
				rows.Hour(readmodel.HourKey{Campaign: id, Hour: time.Unix(int64(n)*3600, 0)})
			}
			for n := range c.labels {
				p, label := rows.Profile(id), fmt.Sprint(n)
				for _, counts := range []*readmodel.Counts{&p.Gender, &p.AgeGroup, &p.Region, &p.Customer} {
					counts.Add(label, 1)
				}
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		occupied, said := int(after.HeapAlloc-before.HeapAlloc), rows.Bytes()
		t.Logf("%+v: %d bytes, said to be %d", c, occupied, said)
		if said < occupied/2 || said > 2*occupied {
			t.Errorf("%+v: the rows occupy %d bytes, and say %d", c, occupied, said)
		}
		runtime.KeepAlive(rows)
	}
}

// TestNoted: what is noted of a campaign needs no row, stays in a copy, and goes with the campaign.
func TestNoted(t *testing.T) {
	t.Parallel()
	rows := newRows()
	rows.Note("evt-1", 7)
	rows.Campaign("evt-2").Participants = 1
	rows.Note("evt-2", 8)
	copied := rows.Copy()
	rows.Take("evt-2")
	if one, two, three := rows.Noted("evt-1"), rows.Noted("evt-2"), rows.Noted("evt-3"); one != 7 || two != 0 || three != 0 || rows.Len() != 0 {
		t.Errorf("noted %d, %d, %d, with %d rows; want 7, 0, 0, without", one, two, three, rows.Len())
	}
	if one, two := copied.Noted("evt-1"), copied.Noted("evt-2"); one != 7 || two != 8 {
		t.Errorf("noted %d, %d in a copy; want 7, 8", one, two)
	}
}
