package bus_test

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus"
)

// TestDescriptionsOfEarlierReleasesAreKnownAgain reads the record of a campaign's creation
// once more that an earlier release stored, as after an upgrade: it is a duplicate, whereas
// another description and one that goes back to the first are corrections (I4).
func TestDescriptionsOfEarlierReleasesAreKnownAgain(t *testing.T) {
	t.Parallel()
	const first = `{"eventId":"evt-1","storeId":"s","title":"%s","objective":"o","createdAt":"2026-11-01T00:00:00Z"}`
	value := func(title string) string { return fmt.Sprintf(first, title) }
	stamped := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	b := setup(t, func(cfg *bus.Ingest) {
		cfg.Topics = map[events.Type]string{events.TypeEventCreated: topic}
		d, err := events.Decode(events.TypeEventCreated, events.Record{Value: []byte(value("a")), Timestamp: stamped}, time.Now())
		if err != nil || d.Former == (events.ID{}) {
			t.Fatalf("former ID %v, %v", d.Former, err)
		}
		d.ID = d.Former
		if _, err := cfg.Log.Append(t.Context(), []events.Draft{d.Draft}); err != nil {
			t.Fatal(err)
		}
	})
	b.sendAt(t, stamped, value("a"))
	later := time.Now().Add(time.Minute)
	b.sendAt(t, later, value("b"), value("a"))
	b.settled(t, 3, 0)
	totals, err := b.log.Totals(t.Context())
	if err != nil || totals.Head != 3 || totals.Duplicates != 1 {
		t.Errorf("totals are %+v, %v; want the stored description, two corrections and a duplicate", totals, err)
	}
	read, err := b.log.Read(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	titles := ""
	for _, r := range read {
		titles += r.Event.(*events.EventCreated).Title
	}
	if titles != "aba" {
		t.Errorf("descriptions in the log: %q", titles)
	}
}
