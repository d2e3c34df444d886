package pgrows_test

import (
	"testing"

	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
)

// Operations that an earlier program recorded stay, and what heals have found has a place.
func TestOpenAddsWhatOperationsLack(t *testing.T) {
	t.Parallel()
	url := services.Database(t)
	open := func() *pgrows.Store {
		store, err := pgrows.Open(t.Context(), url, projections.Tables(projections.All()), pgrows.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		return store
	}
	before, err := open().Ask(t.Context(), readmodel.Operation{Kind: readmodel.Reset, Projections: []string{"a"}, Campaign: "evt-1", Who: "the test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, url).Exec(t.Context(), `ALTER TABLE jangbu_rows.acts DROP COLUMN found, DROP COLUMN lease; DROP INDEX jangbu_rows.acts_by_kind`); err != nil {
		t.Fatal(err)
	}
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
