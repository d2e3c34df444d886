package pgrows_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/readmodeltest"
)

// TestFillFailsOnce checks that the error of two concurrent copies is the first one alone,
// without the cancellation of the other.
func TestFillFailsOnce(t *testing.T) {
	t.Parallel()
	store, err := pgrows.Open(t.Context(), services.Database(t), projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	at, lease := lead(t, store)
	begun, err := store.Begin(t.Context(), lease, at)
	if err != nil {
		t.Fatal(err)
	}
	rows := readmodel.NewRows(projections.Tables(projections.All())...)
	for i := range 5_000 {
		rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: time.Unix(int64(i)*3600, 0).UTC()}).Participants = 1
		rows.Campaign(events.Campaign(fmt.Sprint("evt-", i))).Known = true
	}
	lease.Epoch++ // of another holder
	if err := store.Fill(t.Context(), lease, advance(begun), rows, func() {}); !errors.Is(err, readmodel.ErrFenced) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Fill: %q, want one failure, ErrFenced", err)
	}
}

// TestFillKeepsEveryValue fills generations with known and unknown values of every kind of column,
// in more rows than one transaction copies, and loads them.
func TestFillKeepsEveryValue(t *testing.T) {
	t.Parallel()
	store, err := pgrows.Open(t.Context(), services.Database(t), projections.Tables(projections.All()), pgrows.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	at, lease := lead(t, store)
	begun, err := store.Begin(t.Context(), lease, at)
	if err != nil {
		t.Fatal(err)
	}
	tables := projections.Tables(projections.All())
	rows, keys := readmodel.NewRows(tables...), readmodel.NewKeys(tables...)
	when := time.Date(1999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	*rows.Campaign("evt-1") = readmodel.CampaignStats{
		Campaign: "evt-1", Known: true, Shop: "상점", Title: "\t\\N\n'", StartsAt: when, PrizeCost: new(events.Won(0)), BaselineSales: new(events.MaxWon),
		GoalMetric: events.GoalNewCustomers, GoalTarget: 3, Participants: 1 << 40, Position: 7, UpdatedAt: when,
	}
	rows.Campaign("evt-2")
	*rows.Channel(readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}) = readmodel.ChannelStats{
		ChannelKey: readmodel.ChannelKey{Campaign: "evt-1", Channel: "naver"}, Cost: new(events.Won(5)), Likes: readmodel.Figure{At: when}, FetchedAt: when,
	}
	rows.Channel(readmodel.ChannelKey{Campaign: "evt-2", Channel: ""})
	rows.Profile("evt-1").Region.Add("\"서울\\", 3)
	rows.Profile("evt-2")
	for i := range 12_000 {
		rows.Hour(readmodel.HourKey{Campaign: "evt-1", Hour: time.Unix(int64(i-6_000)*3600, 0).UTC()}).Participants = int64(i)
	}
	if err := store.Fill(t.Context(), lease, advance(begun), rows, func() {}); err != nil {
		t.Fatal(err)
	}
	for c := range rows.Campaigns() {
		readmodel.Touch[readmodel.CampaignStats](keys, c)
	}
	for k := range rows.Channels() {
		readmodel.Touch[readmodel.ChannelStats](keys, k)
	}
	for c := range rows.Profiles() {
		readmodel.Touch[readmodel.ParticipantProfile](keys, c)
	}
	for k := range rows.Hours() {
		readmodel.Touch[readmodel.ParticipationHour](keys, k)
	}
	loaded, err := store.Load(t.Context(), begun, keys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := readmodeltest.Diff(rows, loaded); diff != "" {
		t.Errorf("rows (-filled +loaded):\n%s", diff)
	}
}
