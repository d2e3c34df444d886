package main

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/readmodel/dashboard"
)

// command runs a command line and returns what it printed and its exit code.
func command(t *testing.T, args ...string) (out, complaint string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Run(t.Context(), &commands{}, args, cli.Terminal{Out: &o, Err: &e})
	return o.String(), e.String(), code
}

// given returns pairs of a flag and its value, without those whose value is empty.
func given(pairs ...string) (flags []string) {
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			flags = append(flags, pair...)
		}
	}
	return flags
}

// filled is a data directory in which a service has folded two campaigns of two
// stores, and their dashboards as they were served.
func filled(t *testing.T) (dir string, served map[string]json.RawMessage) {
	t.Helper()
	dir = t.TempDir()
	p := runProgram(t, dir)
	records := []events.Record{
		record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"개업 이벤트","objective":"o","prizeCost":1000000,"platformCost":0,"newCustomerLtv":30000}`),
		record("event-created", "evt-2", `{"eventId":"evt-2","storeId":"store-2","title":"t","objective":"o","prizeCost":1000000}`),
	}
	for i := range 10 {
		id := fmt.Sprintf("evt-%d", 1+i%2)
		records = append(records, record("participant-registered", id,
			fmt.Sprintf(`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d","newCustomer":true}`, i, id, i)))
	}
	p.produce(t, records...)
	p.settled(t, events.Totals{Head: 12}, 10*time.Second)
	served = make(map[string]json.RawMessage)
	for _, id := range []string{"evt-1", "evt-2"} {
		served[id] = p.get(t, p.api+"/api/events/"+id+"/analytics")
	}
	return dir, served
}

func TestReplay(t *testing.T) {
	t.Parallel()
	dir, served := filled(t)

	t.Run("what is replayed is what is served", func(t *testing.T) {
		out, complaint, code := command(t, "replay", "--data-dir", dir, "--json")
		var got struct {
			Events    int64             `json:"events"`
			Campaigns []json.RawMessage `json:"campaigns"`
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != cli.ExitDone || got.Events != 12 {
			t.Fatalf("exit %d, %d events: %v: %s", code, got.Events, err, complaint)
		}
		for i, id := range []string{"evt-1", "evt-2"} {
			if diff := cmp.Diff(lasting(served[id]), lasting(got.Campaigns[i])); diff != "" {
				t.Errorf("%s (-served +replayed):\n%s", id, diff)
			}
		}
	})

	t.Run("what was served earlier is what is replayed, in a process that only serves", func(t *testing.T) {
		alone := runProgram(t, dir, "JANGBU_ROLE=api")
		if alone.broker != "" {
			t.Errorf("it has a broker, at %s", alone.broker)
		}
		seoul, err := time.LoadLocation("Asia/Seoul")
		if err != nil {
			t.Fatal(err)
		}
		today := time.Now().In(seoul)
		for _, asOf := range []string{"1", "4", "9", "12", "13", "2100-01-01T00:00:00Z", today.AddDate(0, 0, 1).Format(time.DateOnly), today.AddDate(0, 0, -1).Format(time.DateOnly)} {
			out, complaint, code := command(t, "replay", "--data-dir", dir, "--campaign", "evt-1", "--as-of", asOf, "--json")
			status, body := alone.ask(t, alone.api+"/api/events/evt-1/analytics?asOf="+asOf)
			const future = "that has not happened yet"
			if strings.Contains(complaint, future) {
				if status != http.StatusBadRequest || !strings.Contains(string(body), future) {
					t.Errorf("as of %s: %s, but status %d: %s", asOf, complaint, status, body)
				}
				continue
			}
			if code == cli.ExitNothing && asOf != "12" {
				if status != http.StatusNotFound {
					t.Errorf("as of %s, when it was not known: status %d", asOf, status)
				}
				continue
			}
			var want struct{ Campaigns []json.RawMessage }
			if err := json.Unmarshal([]byte(out), &want); err != nil || code != cli.ExitDone || len(want.Campaigns) != 1 {
				t.Fatalf("as of %s: exit %d: %v: %s", asOf, code, err, complaint)
			}
			if diff := cmp.Diff(string(want.Campaigns[0]), string(bytes.TrimSpace(body))); diff != "" || status != http.StatusOK {
				t.Errorf("as of %s: status %d (-replayed +served):\n%s", asOf, status, diff)
			}
		}
		for _, card := range dashboard.Numbers() {
			out, complaint, code := command(t, "why", "--data-dir", dir, "--campaign", "evt-1", "--card", string(card), "--limit", "3", "--json")
			status, body := alone.ask(t, alone.api+"/api/events/evt-1/analytics/evidence?limit=3&card="+string(card))
			if diff := cmp.Diff(out, string(body)); diff != "" || code != cli.ExitDone || status != http.StatusOK || !strings.Contains(out, `"topic":"event-created"`) && !strings.Contains(out, `"topic":"participant-registered"`) && card != dashboard.TotalExposure {
				t.Errorf("why %s: exit %d: %s, status %d (-why +served):\n%s", card, code, complaint, status, diff)
			}
		}
	})

	t.Run("an owner's campaign, with another prize", func(t *testing.T) {
		out, complaint, code := command(t, "replay", "--data-dir", dir, "--shop", "store-1", "--set", "prizeCost=100000", "--set", "newCustomerLtv=40000", "--out", "csv")
		got, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		// Five new customers: (150,000 − 1,000,000) / 1,000,000, and (200,000 − 100,000) / 100,000.
		// Of evt-2 nothing is expected, and so it has no ROI.
		want := [][]string{
			{"eventId", "title", "totalParticipants", "totalExposure", "roiPercent", "salesGrowthPercent", "whatIfRoiPercent", "whatIfSalesGrowthPercent"},
			{"evt-1", "개업 이벤트", "5", "", "-85", "", "100", ""},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || code != cli.ExitDone {
			t.Errorf("exit %d: %v: %s (-want +got):\n%s", code, err, complaint, diff)
		}
	})

	t.Run("a table for other programs", func(t *testing.T) {
		out, complaint, code := command(t, "replay", "--data-dir", dir, "--set", "prizeCost=500000", "--out", "parquet")
		if code != cli.ExitDone {
			t.Fatalf("exit %d: %s", code, complaint)
		}
		type row struct {
			Campaign     string   `parquet:"eventId"`
			Title        string   `parquet:"title,optional"`
			Participants int64    `parquet:"totalParticipants"`
			Exposure     *int64   `parquet:"totalExposure"`
			ROI          *float64 `parquet:"roiPercent"`
			Growth       *float64 `parquet:"salesGrowthPercent"`
			ROIIf        *float64 `parquet:"whatIfRoiPercent"`
			GrowthIf     *float64 `parquet:"whatIfSalesGrowthPercent"`
		}
		got, err := parquet.Read[row](strings.NewReader(out), int64(len(out)))
		if err != nil {
			t.Fatal(err)
		}
		percent := func(f float64) *float64 { return &f }
		want := []row{
			{Campaign: "evt-1", Title: "개업 이벤트", Participants: 5, ROI: percent(-85), ROIIf: percent(-70)},
			{Campaign: "evt-2", Title: "t", Participants: 5},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("a view is what the API shows, with its types", func(t *testing.T) {
		out, complaint, code := command(t, "replay", "--data-dir", dir, "--table", "campaigns", "--set", "prizeCost=3000000", "--out", "parquet")
		if code != cli.ExitDone {
			t.Fatalf("exit %d: %s", code, complaint)
		}
		type row struct {
			Campaign     string     `parquet:"eventId"`
			State        string     `parquet:"state,optional"`
			StartsAt     *time.Time `parquet:"startsAt,timestamp(microsecond)"`
			UpdatedAt    *time.Time `parquet:"updatedAt,timestamp(microsecond)"`
			Participants int64      `parquet:"totalParticipants,optional"`
			ROI          *float64   `parquet:"roiPercent"`
			Missing      string     `parquet:"missing,optional"`
		}
		got, err := parquet.Read[row](strings.NewReader(out), int64(len(out)))
		if err != nil {
			t.Fatal(err)
		}
		roi := -95.0
		want := []row{
			{Campaign: "evt-1", State: "running", Participants: 5, ROI: &roi, Missing: "baselineSales,expectedSalesIncrease,exposure"},
			{Campaign: "evt-2", State: "running", Participants: 5, Missing: "baselineSales,expectedSalesIncrease,exposure,newCustomerLtv,platformCost"},
		}
		for i := range got {
			if at := got[i].UpdatedAt; at == nil || time.Since(*at) > time.Hour || time.Since(*at) < 0 {
				t.Errorf("%s was updated at %v", got[i].Campaign, at)
			}
			got[i].UpdatedAt = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})

	t.Run("a table for people", func(t *testing.T) {
		out, complaint, code := command(t, "replay", "--data-dir", dir)
		if code != cli.ExitDone || !strings.Contains(out, "evt-1") || !strings.Contains(out, "개업 이벤트") {
			t.Errorf("exit %d, printed %q: %s", code, out, complaint)
		}
	})

	t.Run("rows for SQL", func(t *testing.T) {
		into := filepath.Join(t.TempDir(), "rows.db")
		if _, complaint, code := command(t, "replay", "--data-dir", dir, "--as-of", "12", "--into", into); code != cli.ExitDone {
			t.Fatalf("exit %d: %s", code, complaint)
		}
		db, err := sql.Open("sqlite", into)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		var participants, position int64
		var link, folded []byte
		if err := db.QueryRowContext(t.Context(), `SELECT (SELECT sum(participants) FROM event_stats), position, link FROM generations`).Scan(&participants, &position, &link); err != nil {
			t.Fatal(err)
		}
		served, err := sql.Open("sqlite", filepath.Join(dir, "rows.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = served.Close() }()
		if err := served.QueryRowContext(t.Context(), `SELECT link FROM generations WHERE position = 12`).Scan(&folded); err != nil {
			t.Fatal(err)
		}
		if participants != 10 || position != 12 || !bytes.Equal(link, folded) { // I13
			t.Errorf("%d participants at position %d with link %x, want 10 at 12 with %x", participants, position, link, folded)
		}
		if _, complaint, code := command(t, "replay", "--data-dir", dir, "--into", into); code != cli.ExitUsage || !strings.Contains(complaint, "is there already") {
			t.Errorf("over a file: exit %d: %s", code, complaint)
		}
	})

	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown campaign":   {[]string{"--campaign", "nope"}, cli.ExitNothing, "no campaign"},
		"beyond the head":    {[]string{"--as-of", "13"}, cli.ExitNothing, "position 13: that has not happened yet: the log ends at position 12"},
		"from beyond it":     {[]string{"--from", "13"}, cli.ExitNothing, "the log ends at position 12"},
		"unknown shop":       {[]string{"--shop", "nope"}, cli.ExitNothing, "no campaign"},
		"no store here":      {[]string{"--data-dir", filepath.Join(dir, "nope")}, cli.ExitNothing, "no store at"},
		"no such amount":     {[]string{"--set", "prize=1"}, cli.ExitUsage, "prizeCost"},
		"no number":          {[]string{"--set", "prizeCost=many"}, cli.ExitUsage, "--set: prizeCost: cannot be assumed"},
		"no moment":          {[]string{"--as-of", "Tuesday"}, cli.ExitUsage, "expected a position of the log"},
		"both ends":          {[]string{"--as-of", "3", "--to", "4"}, cli.ExitUsage, "--as-of: is given more than once"},
		"the wrong way":      {[]string{"--from", "9", "--to", "3"}, cli.ExitUsage, "is before --from"},
		"a part into a file": {[]string{"--into", "x.db", "--campaign", "evt-1"}, cli.ExitUsage, "goes with none of"},
		"no zone":            {[]string{"--tz", "Mars/Olympus"}, cli.ExitUsage, "IANA time zone"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"replay"}, tc.args...)
			if !slices.Contains(args, "--data-dir") {
				args = append(args, "--data-dir", dir)
			}
			out, complaint, code := command(t, args...)
			if code != tc.code || !strings.Contains(complaint, tc.says) || out != "" {
				t.Errorf("exit %d, want %d: %s%s", code, tc.code, out, complaint)
			}
		})
	}
}
