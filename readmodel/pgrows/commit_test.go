package pgrows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
)

// TestCommitOfManyRowsIsOne: rows that are sent in several pieces are written together or not at
// all, those of a campaign that is cleared included.
func TestCommitOfManyRowsIsOne(t *testing.T) {
	t.Parallel()
	ctx, tables := t.Context(), projections.Tables(projections.All())
	store, err := pgrows.Open(ctx, services.Database(t), tables, pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	at, lease := lead(t, store)
	many := func(n int64) (*readmodel.Rows, *readmodel.Keys) {
		rows, keys := readmodel.NewRows(tables...), readmodel.NewKeys(tables...)
		for i := range 12_000 {
			c := events.Campaign(fmt.Sprintf("evt-%05d", i))
			hour := readmodel.HourKey{Campaign: c, Hour: time.Unix(0, 0).UTC()}
			rows.Campaign(c).Participants, rows.Hour(hour).Participants = n, n
			readmodel.Touch[readmodel.CampaignStats](keys, c)
			readmodel.Touch[readmodel.ParticipationHour](keys, hour)
		}
		return rows, keys
	}
	stored := func(want *readmodel.Rows, keys *readmodel.Keys) {
		t.Helper()
		got, err := store.Load(ctx, at, keys)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(readmodeltest.ByTable(want), readmodeltest.ByTable(got)); diff != "" {
			t.Errorf("stored (-want +got):\n%.2000s", diff)
		}
	}
	first, keys := many(1)
	revision, err := store.Commit(ctx, lease, advance(at), first)
	if err != nil || revision.Position == 0 {
		t.Fatalf("%+v, %v", revision, err)
	}
	stored(first, keys)

	second, _ := many(2)
	second.Replace(map[events.Campaign]*readmodel.Rows{"evt-00000": readmodel.NewRows(tables...)})
	second.Hour(readmodel.HourKey{Campaign: "evt-99999", Hour: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)}) // which no database can hold
	next := advance(at)
	if _, err := store.Commit(ctx, lease, next, second); err == nil {
		t.Fatal("a row that cannot be stored is no error")
	}
	stored(first, keys)
	second.Take("evt-99999")
	if after, err := store.Commit(ctx, lease, next, second); err != nil || after.Position <= revision.Position {
		t.Fatalf("%+v, %v", after, err)
	}
	stored(second, keys)
}
