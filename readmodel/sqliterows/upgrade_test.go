package sqliterows_test

import (
	"path/filepath"
	"testing"

	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

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
