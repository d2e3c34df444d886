package pgrows_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

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
		if diff := readmodeltest.Diff(want, got); diff != "" {
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

// TestCommitOfNewRows: many rows that are new to what was loaded are written beside others, and
// where one of them is stored nothing is (I1).
func TestCommitOfNewRows(t *testing.T) {
	t.Parallel()
	ctx, tables := t.Context(), projections.Tables(projections.All())
	store, err := pgrows.Open(ctx, services.Database(t), tables, pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	at, lease := lead(t, store)
	keys := readmodel.NewKeys(tables...)
	loaded := func() *readmodel.Rows {
		t.Helper()
		rows, err := store.Load(ctx, at, keys)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	fold := func(rows *readmodel.Rows, campaigns int) {
		for i := range campaigns {
			c := events.Campaign(fmt.Sprintf("evt-%05d", i))
			rows.Campaign(c).Participants++
			rows.Profile(c).Region.Add("서울", 1)
			for n := range 1 + campaigns/1_500 {
				rows.Hour(readmodel.HourKey{Campaign: c, Hour: time.Unix(int64(n)*3600, 0).UTC()}).Participants++
			}
		}
	}
	want := readmodel.NewRows(tables...)
	for _, campaigns := range []int{3, 1_500, 3_000} { // some new; many; some of them stored
		rows := readmodel.NewRows(tables...)
		fold(rows, campaigns)
		for _, some := range rows.All() {
			for _, row := range some {
				switch row := row.(type) {
				case *readmodel.CampaignStats:
					readmodel.Touch[readmodel.CampaignStats](keys, row.Campaign)
				case *readmodel.ParticipantProfile:
					readmodel.Touch[readmodel.ParticipantProfile](keys, row.Campaign)
				case *readmodel.ParticipationHour:
					readmodel.Touch[readmodel.ParticipationHour](keys, row.HourKey)
				}
			}
		}
		next := loaded()
		fold(next, campaigns)
		fold(want, campaigns)
		if _, err := store.Commit(ctx, lease, advance(at), next); err != nil {
			t.Fatal(err)
		}
		if diff := readmodeltest.Diff(want, loaded()); diff != "" {
			t.Fatalf("stored (-want +got):\n%.2000s", diff)
		}
	}
	last := slices.Clone(at)
	wrong := readmodel.NewKeys(tables...).Room() // as if nothing had been loaded
	fold(wrong, 3_000)
	if _, err := store.Commit(ctx, lease, advance(at), wrong); err == nil {
		t.Error("rows are stored that were said not to be, and this is no error")
	}
	at = last
	if diff := readmodeltest.Diff(want, loaded()); diff != "" {
		t.Errorf("stored after it (-want +got):\n%.2000s", diff)
	}
}
