package eventstest

import (
	"testing"
	"time"

	"jangbu/events"
)

func testIdentity(t *testing.T, a Adapter) {
	const (
		appended  = events.Appended
		duplicate = events.Duplicate
		conflict  = events.Conflict
	)
	unlinked := func(d events.Draft) events.Draft { d.Digest = d.Digest.WithPseudonym(events.Pseudonym{}); return d }
	relinked := func(d events.Draft) events.Draft {
		d.Digest = d.Digest.WithPseudonym(pseudonymOf("another person"))
		return d
	}

	rule(t, a, "one ID is written once, within an append and across", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 4)
		wantOutcomes(t, mustAppend(t, log, d[0], d[1], d[0], d[0]), appended, appended, duplicate, duplicate)
		wantOutcomes(t, mustAppend(t, s.Open(t), d[1], d[2], d[2], d[0], d[3]), duplicate, appended, duplicate, duplicate, appended)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		wantTotals(t, log, events.Totals{Head: 4, Received: 9, Duplicates: 5})
	})
	rule(t, a, "an append of duplicates only moves no position", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 4)
		mustAppend(t, log, d[:3]...)
		wantOutcomes(t, mustAppend(t, log, d[:3]...), duplicate, duplicate, duplicate)
		mustAppend(t, log, d[3])
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		wantTotals(t, log, events.Totals{Head: 4, Received: 7, Duplicates: 3})
	})
	rule(t, a, "an ID is one campaign's", func(t *testing.T, s Store) {
		log := s.Open(t)
		wantOutcomes(t, mustAppend(t, log, registration("a", 1), registration("b", 1)), appended, appended)
		wantOutcomes(t, mustAppend(t, log, registration("c", 1), registration("a", 1)), appended, duplicate)
	})
	rule(t, a, "other content under a known ID is a conflict, and writes nothing", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 3)
		wantOutcomes(t, mustAppend(t, log, d[0], changed(d[0]), d[1]), appended, conflict, appended)
		wantOutcomes(t, mustAppend(t, log, changed(d[1]), d[2], changed(d[0]), d[1]), conflict, appended, conflict, duplicate)
		wantOutcomes(t, mustAppend(t, log, changed(d[2])), conflict)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		wantTotals(t, log, events.Totals{Head: 3, Received: 4, Duplicates: 1})
	})
	rule(t, a, "what an earlier release stored of the same record is a duplicate, within an append and across", func(t *testing.T, s Store) {
		log, former := s.Open(t), registration("c", 1)
		now := changed(former)
		now.FormerDigest = former.Digest
		mustAppend(t, log, former)
		wantOutcomes(t, mustAppend(t, log, now, changed(now), now), duplicate, duplicate, duplicate)
		other := changed(former)
		other.FormerDigest = other.Digest
		wantOutcomes(t, mustAppend(t, log, other), conflict)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, former)
		wantTotals(t, log, events.Totals{Head: 1, Received: 4, Duplicates: 3})
	})
	rule(t, a, "a repeat is judged by what the log holds, not by an earlier conflict", func(t *testing.T, s Store) {
		log, d := s.Open(t), registration("c", 1)
		mustAppend(t, log, d)
		wantOutcomes(t, mustAppend(t, log, changed(d), changed(d), d), conflict, conflict, duplicate)
		wantTotals(t, log, events.Totals{Head: 1, Received: 2, Duplicates: 1})
	})
	rule(t, a, "another pseudonym is a duplicate: the key may have been lost", func(t *testing.T, s Store) {
		log, d := s.Open(t), registration("c", 1)
		wantOutcomes(t, mustAppend(t, log, d, relinked(d)), appended, duplicate)
		wantOutcomes(t, mustAppend(t, log, relinked(d)), duplicate)
	})
	rule(t, a, "no pseudonym on one side is a duplicate", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 3)
		mustAppend(t, log, d[0], unlinked(d[1]))
		wantOutcomes(t, mustAppend(t, log, unlinked(d[0]), d[1], relinked(d[1])), duplicate, duplicate, duplicate)
		wantOutcomes(t, mustAppend(t, log, d[2], unlinked(d[2])), appended, duplicate)
		wantOutcomes(t, mustAppend(t, log, changed(unlinked(d[0]))), conflict)
		wantTotals(t, log, events.Totals{Head: 3, Received: 7, Duplicates: 4})
	})
	rule(t, a, "one participantId counts once, with no CloudEvents id and with three", func(t *testing.T, s Store) {
		log := s.Open(t)
		const value = `{"participantId":"p-1","eventId":"c","phoneNumber":"010-1234-5678"}`
		record := func(headers ...events.Header) events.Draft {
			return decoded(t, events.TypeParticipantRegistered, value, 0, headers...)
		}
		wantOutcomes(t, mustAppend(t, log, record(), record(events.Header{Key: "ce_id", Value: []byte("reg-1")})), appended, duplicate)
		wantOutcomes(t, mustAppend(t, log,
			record(events.Header{Key: "ce_id", Value: []byte("reg-2")}),
			record(events.Header{Key: "ce_id", Value: []byte("0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d")}),
		), duplicate, duplicate)
		wantTotals(t, log, events.Totals{Head: 1, Received: 4, Duplicates: 3})
	})
	rule(t, a, "a correction and its way back are events, their redeliveries duplicates", func(t *testing.T, s Store) {
		log := s.Open(t)
		described := func(cost string, minute int) events.Draft {
			return decoded(t, events.TypeEventCreated,
				`{"eventId":"c","storeId":"s","title":"t","objective":"o","createdAt":"2026-11-23T00:00:00Z","prizeCost":`+cost+`}`, minute)
		}
		d := []events.Draft{described("500", 0), described("600", 1), described("500", 2)}
		wantOutcomes(t, mustAppend(t, log, d...), appended, appended, appended)
		wantOutcomes(t, mustAppend(t, log, d[0], d[2], d[1]), duplicate, duplicate, duplicate)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		wantTotals(t, log, events.Totals{Head: 3, Received: 6, Duplicates: 3})
	})
	rule(t, a, "a log of one event per campaign knows them all", func(t *testing.T, s Store) {
		log := s.Open(t)
		var d []events.Draft
		for n := range 300 {
			d = append(d, registration(events.Campaign(rune('가'+n)), n))
		}
		mustAppend(t, log, d...)
		for _, o := range mustAppend(t, log, d...) {
			if o != duplicate {
				t.Fatalf("outcome %v, want duplicates only", o)
			}
		}
		wantTotals(t, log, events.Totals{Head: 300, Received: 600, Duplicates: 300})
	})
}

// changed returns the draft with other content.
func changed(d events.Draft) events.Draft {
	d.Digest[0] ^= 1
	return d
}

// decoded returns the draft of a record whose timestamp is so many minutes after noon.
func decoded(t testing.TB, typ events.Type, value string, minute int, headers ...events.Header) events.Draft {
	t.Helper()
	stamp := noon().Add(time.Duration(minute) * time.Minute)
	d, err := events.Decode(typ, events.Record{Value: []byte(value), Headers: headers, Timestamp: stamp}, stamp)
	if err != nil {
		t.Fatal(err)
	}
	return d.Draft
}
