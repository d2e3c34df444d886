package sqliterows

import (
	"path/filepath"
	"strings"
	"testing"

	"jangbu/projections"
	"jangbu/readmodel"
)

// With any statistics of the tables, SQLite finds a campaign by its key and a shop's
// campaigns by their index.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"), projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const byKey, byStore = "event_stats USING PRIMARY KEY (generation=? AND campaign=?)", "event_stats USING INDEX event_stats_by_store (generation=? AND store=?)"
	for _, fill := range []string{
		`SELECT 1`,
		`INSERT INTO event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		SELECT 1, 'evt-' || i, 1, 'store-' || (i % 500), '', '', 0, 0, 0 FROM n`,
		`ANALYZE`,
	} {
		if _, err := s.writer.ExecContext(t.Context(), fill); err != nil {
			t.Fatalf("%s: %v", fill, err)
		}
		for _, tc := range []struct {
			query      string
			parameters int
			want       []string
		}{
			{s.queries.campaign, 4, []string{byKey}},
			{readShopOf, 1, []string{byKey}},
			{s.campaigns.load, 2, []string{byKey}},
			{s.queries.shopCampaigns, 4, []string{byStore}},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: false, First: false}].campaigns, 6, []string{byStore[:len(byStore)-1] + " AND campaign>?)"}},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: true, First: false}].campaigns, 6, []string{byStore[:len(byStore)-1] + " AND campaign<?)"}},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: true, First: true}].channels, 6, []string{byStore, "channel_stats USING PRIMARY KEY (generation=? AND campaign=?)"}},
			{s.queries.shopPages[readmodel.ShopPageKind{Order: readmodel.ByParticipants, Descending: true}].campaigns, 7, []string{byStore}},
			{s.queries.shopPages[readmodel.ShopPageKind{Order: readmodel.ByUpdate, First: true}].channels, 7, []string{byStore, "channel_stats USING PRIMARY KEY (generation=? AND campaign=?)"}},
			{s.queries.campaigns, 2, []string{
				"event_stats USING PRIMARY KEY (generation=? AND campaign>?)", "channel_stats USING PRIMARY KEY (generation=? AND campaign>?)",
				"participation_hourly USING PRIMARY KEY (generation=? AND campaign>?)", "participant_profile USING PRIMARY KEY (generation=? AND campaign>?)",
			}},
			// The first rows by key are those up to one that the key finds.
			{s.campaigns.prune, 2, []string{"event_stats USING PRIMARY KEY (generation=? AND campaign<?)", "PRIMARY KEY (generation=?)\n"}},
			{s.channels.prune, 2, []string{"channel_stats USING PRIMARY KEY (generation=? AND campaign<?)", "PRIMARY KEY (generation=?)\n"}},
			{s.named("participation_hourly").prune, 2, []string{"participation_hourly USING PRIMARY KEY (generation=? AND campaign<?)", "PRIMARY KEY (generation=?)\n"}},
			{s.named("participant_profile").prune, 2, []string{
				"participant_profile USING PRIMARY KEY (generation=? AND campaign<?)", "PRIMARY KEY (generation=?)\n",
			}},
			{s.queries.earlierByPosition, 2, []string{"SEARCH m USING PRIMARY KEY (projection=? AND generation=? AND campaign=? AND position<?)\n", "SEARCH s USING PRIMARY KEY (projection=? AND generation=? AND campaign=? AND position=?)\n"}},
			{s.queries.earlierByTime, 2, []string{"SEARCH m USING INDEX snapshots_by_time (projection=? AND generation=? AND campaign=? AND recorded_at<?)\n", "SEARCH s USING PRIMARY KEY (projection=? AND generation=? AND campaign=? AND position=?)\n"}},
			{nextOperation, 0, []string{"SCAN acts USING INDEX acts_open\n"}}, // the index holds none that ended
			{countHeals, 0, []string{
				"SEARCH heals USING INDEX acts_by_kind (kind=?)\n", "SEARCH later USING INDEX acts_by_kind (kind=? AND campaign=? AND id>?)\n",
			}},
			{s.queries.shopChannels, 4, []string{byStore, "channel_stats USING PRIMARY KEY (generation=? AND campaign=?)"}},
		} {
			plan := explain(t, s, tc.query, tc.parameters)
			for _, step := range tc.want {
				if !strings.Contains(plan, step) {
					t.Errorf("after %s, the plan of %s is\n%s\nwant in it %s", fill, tc.query, plan, step)
				}
			}
		}
	}
}

// explain returns the steps of the query's plan, which do not depend on the values
// of its parameters.
func explain(t *testing.T, s *Store, query string, parameters int) string {
	t.Helper()
	rows, err := s.writer.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, parameters)...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(step + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
