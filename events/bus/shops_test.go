package bus_test

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus"
)

// TestCorrectionsAreTakenOfItsShopAlone sends descriptions of a campaign: those of its shop
// are corrections, also back to the first (A, B, A ends with A), one that is delivered again
// changes nothing, and that of another shop is a dead letter (I4).
func TestCorrectionsAreTakenOfItsShopAlone(t *testing.T) {
	t.Parallel()
	value := func(shop, title string) string {
		return fmt.Sprintf(`{"eventId":"evt-1","storeId":%q,"title":%q,"objective":"o"}`, shop, title)
	}
	b := setup(t, func(cfg *bus.Ingest) { cfg.Topics = map[events.Type]string{events.TypeEventCreated: topic} })
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	b.sendAt(t, at, value("store-1", "a"))
	b.sendAt(t, at.Add(time.Minute), value("store-1", "b"), value("store-2", "mine"))
	b.sendAt(t, at.Add(2*time.Minute), value("store-1", "a"))
	b.sendAt(t, at, value("store-1", "a"))
	b.settled(t, 3, 1)
	described, err := events.Describe(t.Context(), b.log, "evt-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, last, ok := described.Last(); !ok || last.Shop != "store-1" || last.Title != "a" {
		t.Errorf("the campaign is described as %+v", last)
	}
	letters, err := b.log.DeadLetters().List(t.Context(), events.DeadLetterQuery{Limit: 10})
	if err != nil || len(letters) != 1 || letters[0].Reason != events.ReasonOtherShop {
		t.Errorf("dead letters %+v, %v; want one of another shop", letters, err)
	}
	totals, err := b.log.Totals(t.Context())
	if err != nil || totals.Received != 5 || totals.Duplicates != 1 {
		t.Errorf("totals are %+v, %v", totals, err)
	}
}
