package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"jangbu/events"
)

// TestMalformedRecords sends 1,000 registrations of which every twentieth is
// malformed, in ten ways: 950 count, 50 are dead letters that say why, and the
// last good one is not held up (I5).
func TestMalformedRecords(t *testing.T) {
	t.Parallel()
	b := setup(t, testConfig(t.TempDir()))
	ways := []struct{ name, value, detail string }{
		{"truncated", `{"participantId":"x","eventId":"evt-1"`, "is not valid JSON"},
		{"array", `["participantId","x"]`, "is an array"},
		{"name twice", `{"participantId":"x","participantId":"y","eventId":"evt-1","phoneNumber":"010-0000-0000"}`, "there twice"},
		{"no participant", `{"eventId":"evt-1","phoneNumber":"010-0000-0000"}`, "participantId: is missing"},
		{"number for text", `{"participantId":7,"eventId":"evt-1","phoneNumber":"010-0000-0000"}`, "participantId: is a number"},
		{"no phone number", `{"participantId":"x","eventId":"evt-1","phoneNumber":"call me"}`, "phoneNumber: "},
		{"too early", `{"participantId":"x","eventId":"evt-1","phoneNumber":"010-0000-0000","registeredAt":"1999-12-31T23:59:59Z"}`, "before the year 2000"},
		{"not a time", `{"participantId":"x","eventId":"evt-1","phoneNumber":"010-0000-0000","registeredAt":"yesterday"}`, "registeredAt: is not a time"},
		{"long id", `{"participantId":"` + strings.Repeat("x", 201) + `","eventId":"evt-1","phoneNumber":"010-0000-0000"}`, "longer than 200 bytes"},
		{"invalid UTF-8", "{\"participantId\":\"\xff\",\"eventId\":\"evt-1\",\"phoneNumber\":\"010-0000-0000\"}", "is not valid JSON"},
	}
	var records []events.Record
	good := 0
	for i := range 1000 {
		if i%20 == 7 {
			records = append(records, record("participant-registered", "evt-1", ways[i/20%len(ways)].value))
			continue
		}
		good++
		records = append(records, record("participant-registered", "evt-1",
			fmt.Sprintf(`{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-5555-%04d"}`, i, i)))
	}
	b.produce(t, records...)
	waitFor(t, 10*time.Second, func() string {
		if d, _ := b.dashboard(t, "evt-1"); d.Summary.TotalParticipants != int64(good) {
			return fmt.Sprintf("%d participants of %d", d.Summary.TotalParticipants, good)
		}
		return ""
	})
	if totals := b.settled(t, events.Totals{Head: 950, DeadLettered: 50}, 10*time.Second); totals.Head != 950 || totals.DeadLettered != 50 {
		t.Errorf("totals are %+v, want 950 events and 50 dead letters", totals)
	}
	letters, err := b.Service.log.DeadLetters().List(t.Context(), events.DeadLetterQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(letters) != 50 {
		t.Errorf("%d dead letters of 50", len(letters))
	}
	for _, way := range ways {
		n := 0
		for _, letter := range letters {
			if letter.Reason == events.ReasonMalformed && strings.Contains(letter.Detail, way.detail) {
				n++
			}
		}
		if n < 5 {
			t.Errorf("%s: %d dead letters of at least 5 say %q", way.name, n, way.detail)
		}
	}
}
