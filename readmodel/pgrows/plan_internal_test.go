package pgrows

import (
	"fmt"
	"strings"
	"testing"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
)

// PostgreSQL keeps a plan. With any statistics of the tables, the plan finds a campaign by
// its key and a shop's campaigns by their index.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), services.Database(t), projections.Tables(projections.All()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const byKey, byStore = "using event_stats_pkey ", "using event_stats_of_store "
	const fromCampaign = "Index Cond: ((generation = $1) AND (campaign >= $2))"
	channels := []string{"using channel_stats_pkey ", "(campaign = "}
	sorted := []string{"AND (campaign "} // in the index's own order
	everyKey := []string{
		"Index Only Scan using event_stats_pkey ", "Index Only Scan using channel_stats_pkey ",
		"Index Only Scan using participation_hourly_pkey ", "Index Only Scan using participant_profile_pkey ", "(campaign > ",
	}
	for _, fill := range []string{
		`SELECT`,
		`INSERT INTO jangbu_rows.event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
		SELECT 1, 'evt-' || i, true, 'store-' || (i % 500), '', '', 0, 0, 0 FROM generate_series(1, 5000) AS i`,
		`INSERT INTO jangbu_rows.channel_stats (generation, campaign, channel, cost_won, participants)
		SELECT 1, 'evt-' || i, 'naver', 0, 0 FROM generate_series(1, 5000) AS i`,
		`INSERT INTO jangbu_rows.snapshots (projection, generation, campaign, position, recorded_at, overwritten, description, rows)
		SELECT 'event_stats', 1, 'evt-' || (i % 9), i, now(), 0, 1, '' FROM generate_series(1, 5000) AS i`,
		`ANALYZE`,
	} {
		if _, err := s.pool.Exec(t.Context(), fill); err != nil {
			t.Fatalf("%s: %v", fill, err)
		}
		for _, tc := range []struct {
			query, arguments string
			want             []string
			never            string
		}{
			{s.queries.campaign, `'evt-7', false, '{store-7}'`, []string{byKey}, byStore},
			{readShopOf, `'evt-7'`, []string{byKey}, byStore},
			{s.channels.read, `'evt-7', false, '{store-7}'`, append(channels, byKey), byStore},
			{s.campaigns.load, `1, '{evt-7}'`, []string{byKey}, byStore},
			{s.queries.shopCampaigns, `'store-7', false, '{store-7}'`, []string{byStore}, byKey},
			{s.queries.shopChannels, `'store-7', false, '{store-7}'`, append(channels, byStore), byKey},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: false, First: false}].campaigns, `'store-7', false, '{store-7}', 'evt-7', 3`, append(sorted, byStore), " Sort"},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: true, First: false}].campaigns, `'store-7', false, '{store-7}', 'evt-7', 3`, append(sorted, "Backward", byStore), " Sort"},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: false, First: true}].campaigns, `'store-7', false, '{store-7}', '', 3`, []string{byStore}, " Sort"},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: true, First: true}].campaigns, `'store-7', false, '{store-7}', '', 3`, []string{"Backward", byStore}, " Sort"},
			{s.queries.shopPages[readmodel.ShopPageKind{Descending: true, First: false}].channels, `'store-7', false, '{store-7}', 'evt-7', 3`, append(channels, "Backward", byStore), byKey},
			{s.queries.shopPages[readmodel.ShopPageKind{Order: readmodel.ByParticipants, Descending: true}].campaigns, `'store-7', false, '{store-7}', 'evt-7', 3, 7`, []string{byStore}, byKey},
			{s.queries.shopPages[readmodel.ShopPageKind{Order: readmodel.ByUpdate, First: true}].campaigns, `'store-7', false, '{store-7}', '', 3, 0`, []string{byStore}, byKey},
			{s.queries.shopPages[readmodel.ShopPageKind{Order: readmodel.ByParticipants}].channels, `'store-7', false, '{store-7}', 'evt-7', 3, 7`, append(channels, byStore), byKey},
			{s.queries.campaigns, `'evt-7', 10`, everyKey, byStore},
			{s.campaigns.prune, `1, 'evt-7', 2000`, []string{"Tid Scan on event_stats", byKey, fromCampaign}, " Sort"},
			{s.channels.prune, `1, 'evt-7', 2000`, []string{"Tid Scan on channel_stats", "using channel_stats_pkey ", fromCampaign}, " Sort"},
			{s.named("participation_hourly").prune, `1, 'evt-7', 2000`, []string{"Tid Scan on participation_hourly", "using participation_hourly_pkey ", fromCampaign}, " Sort"},
			{s.named("participant_profile").prune, `1, 'evt-7', 2000`, []string{"Tid Scan on participant_profile", "using participant_profile_pkey ", fromCampaign}, " Sort"},
			{s.queries.earlierByPosition, `'evt-7', 7, '{1}'`, []string{"Index Scan Backward using snapshots_pkey on snapshots m"}, "using snapshots_by_time on snapshots m"},
			{s.queries.earlierByTime, `'evt-7', now(), '{1}'`, []string{"Index Scan Backward using snapshots_by_time on snapshots m"}, "using snapshots_pkey on snapshots m"},
			{s.campaigns.clear, `1, 'evt-7'`, []string{byKey}, byStore},
			{s.channels.clear, `1, 'evt-7'`, append(channels, "using channel_stats_pkey "), byStore},
		} {
			plan := explain(t, s, tc.query, tc.arguments)
			for _, step := range tc.want {
				if !strings.Contains(plan, step) {
					t.Errorf("after %s, the plan of %s is\n%s\nwant in it %s", fill, tc.query, plan, step)
				}
			}
			for _, step := range []string{tc.never, "Seq Scan", "Bitmap", "Hash Cond"} {
				if strings.Contains(plan, step) {
					t.Errorf("after %s, the plan of %s is\n%s\nwant nowhere in it %s", fill, tc.query, plan, step)
				}
			}
		}
	}
}

// Operations that have not ended are found by an index that holds no others, and heals
// without a look at all operations.
func TestPlansOfOperations(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), services.Database(t), projections.Tables(projections.All()), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, fill := range []string{
		`SELECT`,
		`INSERT INTO jangbu_rows.acts (kind, projections, campaign, who, why, state, ended_at)
		SELECT 'rebuild', '{a}', '', '', '', 'done', now() FROM generate_series(1, 5000)`,
		`ANALYZE`,
	} {
		if _, err := s.pool.Exec(t.Context(), fill); err != nil {
			t.Fatalf("%s: %v", fill, err)
		}
		if plan := explain(t, s, nextOperation, ""); !strings.Contains(plan, " acts_open ") || strings.Contains(plan, "acts_pkey") {
			t.Errorf("after %s, the plan of %s is\n%s\nwant in it acts_open", fill, nextOperation, plan)
		}
		// Which index finds later rebuilds depends on how many there are.
		plan := explain(t, s, countHeals, "")
		for _, step := range []string{"Index Cond: (kind = 'heal'::text)", "((kind = 'heal'::text) AND (campaign = ", "((kind = 'reset'::text) AND (campaign = "} {
			if !strings.Contains(plan, step) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("after %s, the plan of %s is\n%s\nwant in it %s", fill, countHeals, plan, step)
			}
		}
	}
}

// explain returns the query's plan as the store's connections make it.
func explain(t *testing.T, s *Store, query, arguments string) string {
	t.Helper()
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	var plan strings.Builder
	if arguments != "" {
		arguments = "(" + arguments + ")"
	}
	statements := fmt.Sprintf(`PREPARE explained AS %s; EXPLAIN EXECUTE explained%s; DEALLOCATE explained`, query, arguments)
	results, err := conn.Conn().PgConn().Exec(t.Context(), statements).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	for _, row := range results[1].Rows {
		plan.Write(row[0])
		plan.WriteByte('\n')
	}
	return plan.String()
}
