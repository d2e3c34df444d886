package sqliterows_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

// Rows of an earlier program stay, and a goal and an unknown cost have a place.
func TestOpenAddsWhatRowsLack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	open := func() {
		store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	execute(t, path, `
DROP VIEW campaigns; DROP VIEW channels; DROP VIEW hours; DROP VIEW profiles; DROP VIEW shops;
ALTER TABLE event_stats DROP COLUMN goal_metric;
ALTER TABLE event_stats DROP COLUMN goal_target;
ALTER TABLE channel_stats DROP COLUMN cost_won;
ALTER TABLE channel_stats ADD COLUMN cost_won INTEGER NOT NULL DEFAULT 0;
INSERT INTO event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
VALUES (1, 'evt-1', true, 'store-1', 't', 'o', 2, 1, 3);
INSERT INTO channel_stats (generation, campaign, channel, cost_won, participants) VALUES (1, 'evt-1', 'naver', 7, 2)`)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for range 2 {
		open()
		const earlier = `
SELECT count(*)
FROM event_stats
JOIN channel_stats USING (generation, campaign)
WHERE goal_metric IS NULL AND goal_target IS NULL AND cost_won = 7`
		var n int
		if err := db.QueryRowContext(t.Context(), earlier).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d of 1 earlier rows are there, %v", n, err)
		}
	}
	execute(t, path, `UPDATE channel_stats SET cost_won = NULL`)
}

// Profiles of an earlier program, a row for each value, become a row for each campaign.
func TestOpenJoinsProfiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	open := func() *sqliterows.Store {
		store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	if err := open().Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, path, `
DROP VIEW campaigns; DROP VIEW channels; DROP VIEW hours; DROP VIEW profiles; DROP VIEW shops;
DROP TABLE participant_profile;
CREATE TABLE participant_profile (
    generation   INTEGER NOT NULL,
    campaign     TEXT NOT NULL,
    dimension    TEXT NOT NULL,
    value        TEXT NOT NULL,
    participants INTEGER NOT NULL,
    PRIMARY KEY (generation, campaign, dimension, value)
) STRICT, WITHOUT ROWID;
INSERT INTO participant_profile VALUES
(1, 'evt-1', 'region', '부산', 1), (1, 'evt-1', 'region', '서울', 2), (1, 'evt-1', 'region', '"\', 3), (1, 'evt-1', 'gender', 'female', 4),
(2, 'evt-1', 'customer', 'new', 5), (1, 'evt-2', 'ageGroup', '20s', 6);
INSERT INTO generations (projection, generation, version, position) VALUES ('participant_profile', 1, 2, 0), ('event_stats', 1, 1, 0);
INSERT INTO projections VALUES ('participant_profile', 1), ('event_stats', 1);
INSERT INTO event_stats (generation, campaign, known, store, title, objective, participants, new_customers, position)
VALUES (1, 'evt-1', true, 'store-1', 't', 'o', 2, 1, 3), (1, 'evt-2', true, 'store-1', 't', 'o', 2, 1, 3)`)
	for range 2 {
		store := open()
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
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Operations that an earlier program recorded stay, and what heals have found has a place.
func TestOpenAddsWhatOperationsLack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.db")
	open := func() *sqliterows.Store {
		store, err := sqliterows.Open(t.Context(), path, projections.Tables(projections.All()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	before, err := open().Ask(t.Context(), readmodel.Operation{Kind: readmodel.Reset, Projections: []string{"a"}, Campaign: "evt-1", Who: "the test"})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, path, `DROP INDEX acts_by_kind; ALTER TABLE acts DROP COLUMN found; ALTER TABLE acts DROP COLUMN lease`)
	for range 2 {
		store := open()
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
