package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/sqlitelog"
	"jangbu/events/synthetic"
)

// TestReplayIsWhatTheOracleSays exports a log and compares replays as of 100 random
// positions with what a fold in SQL makes of the exported lines up to there.
func TestReplayIsWhatTheOracleSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	head := syntheticLog(t, filepath.Join(dir, "log.db"))
	export := filepath.Join(dir, "export.jsonl")
	if _, complaint, code := command(t, "events", "export", "--why", "a test", "--data-dir", dir, export); code != cli.ExitDone {
		t.Fatalf("export: exit %d: %s", code, complaint)
	}
	oracle := openOracle(t, export)
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		at := 1 + random.Int64N(int64(head))
		out, complaint, code := command(t, "replay", "--data-dir", dir, "--as-of", fmt.Sprint(at), "--tz", "UTC", "--json")
		if code != cli.ExitDone {
			t.Fatalf("replay as of %d: exit %d: %s", at, code, complaint)
		}
		if diff := cmp.Diff(oracle(at), numbersOf(t, out)); diff != "" {
			t.Fatalf("as of %d (-oracle +replay):\n%s", at, diff)
		}
	}
}

// syntheticLog fills a log with seeded traffic and returns its head.
func syntheticLog(t *testing.T, path string) events.Position {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), path, sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	drafts := syntheticDrafts(t)
	if _, err := log.Append(t.Context(), drafts); err != nil {
		t.Fatal(err)
	}
	totals, err := log.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return totals.Head
}

// syntheticDrafts is seeded traffic of all four types, those of a campaign in any
// order.
func syntheticDrafts(t *testing.T) []events.Draft {
	t.Helper()
	topics, types := make(map[events.Type]string), make(map[string]events.Type)
	for _, typ := range events.Types() {
		topics[typ], types[typ.String()] = typ.String(), typ
	}
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	g, err := synthetic.New(synthetic.Config{Seed: 5, Campaigns: 6, Start: start, Topics: topics, Interval: 7 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	records := g.Campaigns()[:3]
	for i := range 240 {
		records = append(records, g.Next())
		switch i {
		case 80:
			records = append(records, g.Distributions()...)
		case 120:
			records = append(records, g.Campaigns()[3:]...)
		case 40, 100, 160, 161:
			// One of them late: its figures are older than those of before.
			records = append(records, g.Stats(start.Add(time.Duration(1000-i%160)*time.Second+time.Duration(i)*time.Millisecond))...)
		}
	}
	var drafts []events.Draft
	for _, record := range records {
		d, err := events.Decode(types[record.Topic], record, record.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		drafts = append(drafts, d.Draft)
	}
	return drafts
}

// openOracle returns what testdata/oracle.sql makes of exported lines, as "campaign
// number" → value.
func openOracle(t *testing.T, export string) func(at int64) map[string]int64 {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // or each has its own memory
	lines, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE lines (line TEXT)`); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO lines VALUES (?)`, line); err != nil {
			t.Fatal(err)
		}
	}
	oracle, err := os.ReadFile("testdata/oracle.sql")
	if err != nil {
		t.Fatal(err)
	}
	prepare, query, _ := strings.Cut(string(oracle), ";\n")
	if _, err := db.ExecContext(t.Context(), prepare); err != nil {
		t.Fatal(err)
	}
	return func(at int64) map[string]int64 {
		t.Helper()
		rows, err := db.QueryContext(t.Context(), query, at)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		numbers := make(map[string]int64)
		for rows.Next() {
			var campaign, name string
			var value int64
			if err := rows.Scan(&campaign, &name, &value); err != nil {
				t.Fatal(err)
			}
			if value != 0 {
				numbers[campaign+" "+name] = value
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return numbers
	}
}

// numbersOf returns the same numbers of a replay; those that are 0 or null are not
// among them.
func numbersOf(t *testing.T, out string) map[string]int64 {
	t.Helper()
	var got struct {
		Campaigns []struct {
			EventID  string `json:"eventId"`
			Position int64  `json:"position"`
			Summary  struct {
				TotalParticipants int64 `json:"totalParticipants"`
			} `json:"summary"`
			Economics struct {
				PrizeCost, SalesIncrease, DistributionCost, NewCustomers int64
			} `json:"economics"`
			Channels []struct {
				Channel                                                       string
				Impressions, Views, Clicks, Likes, Comments, Shares, Exposure *int64
			} `json:"channels"`
			Trend []struct {
				From         time.Time
				Participants int64
			} `json:"trend"`
			Profile struct{ Gender, AgeGroup, Region map[string]int64 } `json:"profile"`
		} `json:"campaigns"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	numbers := make(map[string]int64)
	for _, c := range got.Campaigns {
		note := func(name string, value int64) {
			if value != 0 {
				numbers[c.EventID+" "+name] = value
			}
		}
		note("position", c.Position)
		note("participants", c.Summary.TotalParticipants)
		note("newCustomers", c.Economics.NewCustomers)
		note("prizeCost", c.Economics.PrizeCost)
		note("salesIncrease", c.Economics.SalesIncrease)
		note("distributionCost", c.Economics.DistributionCost)
		for _, ch := range c.Channels {
			for name, value := range map[string]*int64{
				"impressions": ch.Impressions, "views": ch.Views, "clicks": ch.Clicks, "likes": ch.Likes,
				"comments": ch.Comments, "shares": ch.Shares, "exposure": ch.Exposure,
			} {
				if value != nil {
					note(ch.Channel+"."+name, *value)
				}
			}
		}
		for _, bucket := range c.Trend {
			note("hour."+bucket.From.UTC().Format("2006-01-02T15"), bucket.Participants)
		}
		for dimension, counts := range map[string]map[string]int64{"gender": c.Profile.Gender, "ageGroup": c.Profile.AgeGroup, "region": c.Profile.Region} {
			for value, n := range counts {
				note(dimension+"."+value, n)
			}
		}
	}
	return numbers
}
