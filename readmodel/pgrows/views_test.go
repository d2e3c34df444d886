package pgrows_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events/eventstest/services"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
)

// TestViews draws as many campaigns as JANGBU_TEST_ARITHMETIC says, 1,000 if nothing does.
func TestViews(t *testing.T) {
	t.Parallel()
	campaigns := 1_000
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_ARITHMETIC")); err == nil {
		campaigns = n
	}
	url := services.Database(t)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), readmodeltest.ExtraOnPostgres+`; SET search_path = jangbu_rows`); err != nil {
		t.Fatal(err)
	}
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	readmodeltest.TestViews(t, readmodeltest.Adapter{
		Database: func(t testing.TB, tables []*readmodel.Table) func(...*readmodel.Table) readmodel.Store {
			return func(...*readmodel.Table) readmodel.Store {
				store, err := pgrows.Open(t.Context(), url, tables, pgrows.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(store.Close)
				return store
			}
		},
	}, readmodeltest.Views{
		Campaigns: campaigns,
		Query: func(t testing.TB, text string) []map[string]any {
			rows, err := conn.Query(t.Context(), text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			all, err := pgx.CollectRows(rows, pgx.RowToMap)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			return all
		},
		Dashboard: func(rows readmodel.CampaignRows, now time.Time) any {
			return dashboard.New(rows, dashboard.View{Now: now, Location: seoul})
		},
	})
}

// A database of an earlier program gets the views. Those of another version are replaced in place,
// so that rights on them stay, unless it is a newer one.
func TestOpenAddsViews(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	reopen(t, url)
	conn := connect(t, url)
	const earlier = `
DROP VIEW jangbu_rows.shops, jangbu_rows.campaigns, jangbu_rows.channels, jangbu_rows.hours, jangbu_rows.profiles;
DROP FUNCTION jangbu_rows.percent;
ALTER TABLE jangbu_rows.schema_version DROP COLUMN views`
	ours := func() (ours, readable bool) {
		t.Helper()
		const asked = `
SELECT count(*) = 29, has_table_privilege('pg_monitor', 'jangbu_rows.campaigns', 'SELECT')
FROM pg_attribute
WHERE attrelid = 'jangbu_rows.campaigns'::regclass AND obj_description(attrelid) LIKE 'One row per campaign%'`
		if err := conn.QueryRow(t.Context(), asked).Scan(&ours, &readable); err != nil {
			t.Fatal(err)
		}
		return ours, readable
	}
	for _, step := range []struct {
		before         string
		ours, readable bool
	}{
		{earlier, true, false},
		{`GRANT SELECT ON jangbu_rows.campaigns TO pg_monitor; COMMENT ON VIEW jangbu_rows.campaigns IS NULL; UPDATE jangbu_rows.schema_version SET views = 0`, true, true},
		{`COMMENT ON VIEW jangbu_rows.campaigns IS NULL; UPDATE jangbu_rows.schema_version SET views = 1000`, false, true},
	} {
		if _, err := conn.Exec(t.Context(), step.before); err != nil {
			t.Fatal(err)
		}
		reopen(t, url)
		if ours, readable := ours(); ours != step.ours || readable != step.readable {
			t.Errorf("after %s: they are ours: %t, and readable: %t", step.before, ours, readable)
		}
	}
}
