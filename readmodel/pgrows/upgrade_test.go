package pgrows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// reopen opens the rows as a program does that starts.
func reopen(t *testing.T, url string) *pgrows.Store {
	t.Helper()
	store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// Rows of an earlier program stay, and a goal and an unknown cost have a place.
func TestOpenAddsWhatRowsLack(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	reopen(t, url)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), `
DROP VIEW jangbu_rows.shops, jangbu_rows.campaigns, jangbu_rows.channels, jangbu_rows.hours, jangbu_rows.profiles;
ALTER TABLE jangbu_rows.event_stats DROP COLUMN goal_metric, DROP COLUMN goal_target;
ALTER TABLE jangbu_rows.channel_stats ALTER COLUMN cost_won SET NOT NULL;
DROP INDEX jangbu_rows.event_stats_of_store;
CREATE INDEX event_stats_by_store ON jangbu_rows.event_stats (generation, store, campaign);
INSERT INTO jangbu_rows.event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
VALUES (1, 'evt-1', true, 'store-1', 't', 'o', 2, 1, 3);
INSERT INTO jangbu_rows.channel_stats (generation, campaign, channel, cost_won, participants) VALUES (1, 'evt-1', 'naver', 7, 2)`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		reopen(t, url)
		var goal, index bool
		var cost int64
		const earlier = `
SELECT goal_metric IS NOT NULL OR goal_target IS NOT NULL, cost_won,
    to_regclass('jangbu_rows.event_stats_of_store') IS NOT NULL AND to_regclass('jangbu_rows.event_stats_by_store') IS NULL
FROM jangbu_rows.event_stats
JOIN jangbu_rows.channel_stats USING (generation, campaign)`
		if err := conn.QueryRow(t.Context(), earlier).Scan(&goal, &cost, &index); err != nil || goal || cost != 7 || !index {
			t.Errorf("the earlier rows have a goal (%t), cost %d and the index (%t), %v", goal, cost, index, err)
		}
	}
	if _, err := conn.Exec(t.Context(), `UPDATE jangbu_rows.channel_stats SET cost_won = NULL`); err != nil {
		t.Error(err)
	}
}

// Profiles of an earlier program, a row for each value, become a row for each campaign.
func TestOpenJoinsProfiles(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	reopen(t, url)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), `
DROP VIEW jangbu_rows.shops, jangbu_rows.campaigns, jangbu_rows.channels, jangbu_rows.hours, jangbu_rows.profiles;
DROP TABLE jangbu_rows.participant_profile;
CREATE TABLE jangbu_rows.participant_profile (
    generation   integer NOT NULL,
    campaign     text COLLATE "C" NOT NULL,
    dimension    text COLLATE "C" NOT NULL,
    value        text COLLATE "C" NOT NULL,
    participants bigint NOT NULL,
    PRIMARY KEY (generation, campaign, dimension, value)
) WITH (fillfactor = 45);
INSERT INTO jangbu_rows.participant_profile VALUES
(1, 'evt-1', 'region', '부산', 1), (1, 'evt-1', 'region', '서울', 2), (1, 'evt-1', 'region', '"\', 3), (1, 'evt-1', 'gender', 'female', 4),
(2, 'evt-1', 'customer', 'new', 5), (1, 'evt-2', 'ageGroup', '20s', 6);
INSERT INTO jangbu_rows.generations VALUES ('participant_profile', 1, 2, 0), ('event_stats', 1, 1, 0);
INSERT INTO jangbu_rows.projections VALUES ('participant_profile', 1), ('event_stats', 1);
INSERT INTO jangbu_rows.event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
VALUES (1, 'evt-1', true, 'store-1', 't', 'o', 2, 1, 3), (1, 'evt-2', true, 'store-1', 't', 'o', 2, 1, 3)`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		store := reopen(t, url)
		for _, want := range []readmodel.ParticipantProfile{
			{
				Campaign: "evt-1", Gender: readmodel.Counts{{Label: "female", Participants: 4}},
				Region: readmodel.Counts{{Label: `"\`, Participants: 3}, {Label: "부산", Participants: 1}, {Label: "서울", Participants: 2}},
			},
			{Campaign: "evt-2", AgeGroup: readmodel.Counts{{Label: "20s", Participants: 6}}},
		} {
			rows, err := store.Campaign(t.Context(), want.Campaign, readmodel.Everything())
			if diff := cmp.Diff(want, rows.Profile()); err != nil || diff != "" {
				t.Errorf("%v; profile (-want +got):\n%s", err, diff)
			}
		}
	}
}

// Operations that an earlier program recorded stay, and what heals have found has a place.
func TestOpenAddsWhatOperationsLack(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	before, err := reopen(t, url).Ask(t.Context(), readmodel.Operation{Kind: readmodel.Reset, Projections: []string{"a"}, Campaign: "evt-1", Who: "the test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, url).Exec(t.Context(), `ALTER TABLE jangbu_rows.acts DROP COLUMN found, DROP COLUMN lease; DROP INDEX jangbu_rows.acts_by_kind`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		store := reopen(t, url)
		if got, err := store.Operation(t.Context(), before.ID); err != nil || got.Campaign != "evt-1" || got.Found != nil {
			t.Errorf("the earlier operation is %+v, %v", got, err)
		}
		heal, err := store.Ask(t.Context(), readmodel.Operation{
			Kind: readmodel.Heal, Projections: []string{"a"}, Campaign: "evt-1", Who: "the test", Found: &readmodel.Found{Total: 7},
		})
		if err != nil || heal.Found == nil || heal.Found.Total != 7 {
			t.Errorf("Ask for a heal = %+v, %v", heal, err)
		}
	}
}
