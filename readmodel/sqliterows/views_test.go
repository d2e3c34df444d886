package sqliterows_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/readmodeltest"
	"jangbu/readmodel/sqliterows"
)

// TestViews draws as many campaigns as JANGBU_TEST_ARITHMETIC says, 1,000 if nothing does.
func TestViews(t *testing.T) {
	t.Parallel()
	campaigns := 1_000
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_ARITHMETIC")); err == nil {
		campaigns = n
	}
	path := filepath.Join(t.TempDir(), "rows.db")
	execute(t, path, readmodeltest.ExtraOnSQLite)
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	readmodeltest.TestViews(t, readmodeltest.Adapter{
		Database: func(t testing.TB, tables []*readmodel.Table) func(...*readmodel.Table) readmodel.Store {
			return func(...*readmodel.Table) readmodel.Store { return open(t, path, tables) }
		},
	}, readmodeltest.Views{
		Campaigns: campaigns,
		Query:     func(t testing.TB, text string) []map[string]any { return query(t, path, text) },
		Dashboard: func(rows readmodel.CampaignRows, now time.Time) any {
			return dashboard.New(rows, dashboard.View{Now: now, Location: seoul})
		},
	})
}

// Analysts look up the meaning of a column of a view in its text, which the file holds.
func TestEveryColumnOfAViewHasAComment(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("views.sql")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rows.db")
	open(t, path, projections.Tables(projections.All()))
	for _, view := range []string{"campaigns", "channels", "hours", "profiles", "shops"} {
		_, columns, _ := strings.Cut(string(text), "\nCREATE VIEW "+view+" AS -- ")
		columns, _, _ = strings.Cut(columns, "\nFROM ")
		for _, c := range query(t, path, "SELECT name FROM pragma_table_info('"+view+"')") {
			if !regexp.MustCompile(`(?m)\b` + c["name"].(string) + `,? +-- \S`).MatchString(columns) {
				t.Errorf("%s.%s has no comment", view, c["name"])
			}
		}
	}
}

// A file of an earlier program gets the views, and those of another program are made anew.
func TestOpenAddsViews(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	reopen := func() {
		t.Helper()
		if err := open(t, path, projections.Tables(projections.All())).Close(); err != nil {
			t.Fatal(err)
		}
	}
	reopen()
	const definitions = `SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY name`
	want := query(t, path, definitions)
	for _, earlier := range []string{
		`DROP VIEW shops; DROP VIEW campaigns; DROP VIEW channels; DROP VIEW hours; DROP VIEW profiles; ALTER TABLE store DROP COLUMN moment`,
		`DROP VIEW hours; CREATE VIEW hours AS SELECT 1 AS hour`,
	} {
		execute(t, path, earlier)
		reopen()
		if diff := cmp.Diff(want, query(t, path, definitions)); diff != "" || len(want) != 5 {
			t.Errorf("after %s: %d views (-want +got):\n%s", earlier, len(want), diff)
		}
		query(t, path, `SELECT * FROM campaigns JOIN hours USING (eventId)`)
	}
}

// open opens the file until the test ends.
func open(t testing.TB, path string, tables []*readmodel.Table) *sqliterows.Store {
	t.Helper()
	store, err := sqliterows.Open(t.Context(), path, tables)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// query returns the rows of a query of the file, by the names of their columns.
func query(t testing.TB, path, text string) (all []map[string]any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, fields := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			fields[i] = &values[i]
		}
		if err := rows.Scan(fields...); err != nil {
			t.Fatal(err)
		}
		row := make(map[string]any)
		for i, name := range columns {
			row[name] = values[i]
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A file that a replay wrote says what was so at its moment.
func TestViewsAreAsOfTheMoment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	store := open(t, path, projections.Tables(projections.All()))
	execute(t, path, `
INSERT INTO generations (projection, generation, version, position) VALUES ('event_stats', 1, 1, 0);
INSERT INTO projections VALUES ('event_stats', 1);
INSERT INTO event_stats (generation, campaign, known, store, title, objective, starts_at, ends_at, participants, new_customers, position)
VALUES (1, 'evt-1', 1, 'store-1', 't', 'o', 4000000000000001, 5000000000000000, 2, 1, 3)`)
	const state = `SELECT state FROM campaigns`
	if got := query(t, path, state)[0]["state"]; got != "planned" {
		t.Errorf("before the year 2096 it is %s", got)
	}
	for at, want := range map[int64]string{4000000000000000: "planned", 4000000000000001: "running", 4999999999999999: "running", 5000000000000000: "ended"} {
		if err := store.SetMoment(t.Context(), time.UnixMicro(at)); err != nil {
			t.Fatal(err)
		}
		if got := query(t, path, state)[0]["state"]; got != want {
			t.Errorf("as of %d it is %s, want %s", at, got, want)
		}
	}
}
