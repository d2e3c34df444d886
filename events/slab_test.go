package events_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// TestSlabKeepsEventsApart recalls registrations of many sizes into one slab: each stays as it is,
// whatever is recalled after it.
func TestSlabKeepsEventsApart(t *testing.T) {
	t.Parallel()
	var slab events.Slab
	var want, got []events.Event
	for i := range 300 {
		e := &events.ParticipantRegistered{
			Participant: fmt.Sprint("p-", i, strings.Repeat("x", i*7%900)), Campaign: "evt-1", Channel: "naver", Region: "서울",
			RegisteredAt: time.Date(2026, 11, 23, 0, 0, i, 0, time.UTC),
		}
		if i%3 > 0 {
			e.NewCustomer = new(i%3 == 1)
		}
		var d events.Event = e
		if i%10 == 9 {
			d = &events.EventCreated{Campaign: "evt-1", Shop: "store-1", Title: fmt.Sprint("title ", i), Objective: "o"}
		}
		r := events.Recorded{Position: events.Position(i + 1), Digest: events.DigestOf(d)}
		payload := events.AppendStored(nil, d)
		if err := r.Recall(&slab, events.CurrentForm, d.Type(), []byte("evt-1"), payload); err != nil {
			t.Fatal(err)
		}
		clear(payload) // it belongs to the connection
		want, got = append(want, d), append(got, r.Event)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
