package sqliterows_test

import (
	"database/sql"
	"path/filepath"
	"testing"

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
