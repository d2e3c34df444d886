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
