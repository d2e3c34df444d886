package eventstest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

func testDeadLetters(t *testing.T, a Adapter) {
	bury := func(t *testing.T, log Log, letters ...events.DeadLetter) {
		t.Helper()
		if err := log.Bury(t.Context(), letters); err != nil {
			t.Fatalf("Bury: %v", err)
		}
	}
	list := func(t *testing.T, log Log, q events.DeadLetterQuery) []events.DeadLetter {
		t.Helper()
		letters, err := log.DeadLetters(t.Context(), q)
		if err != nil {
			t.Fatalf("DeadLetters: %v", err)
		}
		return letters
	}
	anyOrder := cmpopts.SortSlices(func(a, b events.DeadLetter) bool { return a.Offset < b.Offset })
	anyTime := cmpopts.IgnoreFields(events.DeadLetter{}, "BuriedAt")

	rule(t, a, "a letter comes back as it was, to other handles too", func(t *testing.T, s Store) {
		log := s.Open(t)
		letters := []events.DeadLetter{
			letter(1, events.ReasonMalformed), letter(2, events.ReasonUnknownType), letter(3, events.ReasonConflict),
		}
		letters[2].Detail = ""
		start := time.Now()
		bury(t, log, letters...)
		got := list(t, s.Open(t), events.DeadLetterQuery{Limit: 10})
		if diff := cmp.Diff(letters, got, anyOrder, anyTime); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
		for _, d := range got {
			if d.BuriedAt.Sub(start).Abs() > time.Hour || d.BuriedAt.Location() != time.UTC || d.Timestamp.Location() != time.UTC {
				t.Errorf("buried at %v, timestamp %v: want now and UTC", d.BuriedAt, d.Timestamp)
			}
			if d.BuriedAt.Nanosecond()%1000 != 0 {
				t.Errorf("buried at %v: want whole microseconds", d.BuriedAt)
			}
		}
	})
	rule(t, a, "nothing buried is nothing done", func(t *testing.T, s Store) {
		log := s.Open(t)
		bury(t, log)
		wantTotals(t, log, events.Totals{})
	})
	rule(t, a, "a new letter counts as dead-lettered, a known one as duplicate", func(t *testing.T, s Store) {
		log := s.Open(t)
		one, two, three := letter(1, events.ReasonMalformed), letter(2, events.ReasonMalformed), letter(3, events.ReasonConflict)
		bury(t, log, one, two, one)
		wantTotals(t, log, events.Totals{Received: 3, DeadLettered: 2, Duplicates: 1})
		bury(t, s.Open(t), two, three)
		bury(t, log, one)
		wantTotals(t, log, events.Totals{Received: 6, DeadLettered: 3, Duplicates: 3})
		if n := len(list(t, log, events.DeadLetterQuery{Limit: 10})); n != 3 {
			t.Errorf("%d letters, want 3", n)
		}
	})
	rule(t, a, "burying again changes no letter", func(t *testing.T, s Store) {
		log, d := s.Open(t), letter(1, events.ReasonMalformed)
		bury(t, log, d)
		first := list(t, log, events.DeadLetterQuery{Limit: 10})
		d.Detail, d.Sealed = "sealed anew", []byte("another nonce")
		bury(t, log, d)
		if diff := cmp.Diff(first, list(t, log, events.DeadLetterQuery{Limit: 10})); diff != "" {
			t.Errorf("letters after burying again (-first +now):\n%s", diff)
		}
	})
	rule(t, a, "letters and events share one account", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		bury(t, log, letter(1, events.ReasonConflict))
		mustAppend(t, log, registrations("c", 2, 5)...)
		totals := mustTotals(t, log)
		wantTotals(t, log, events.Totals{Head: 5, Received: 8, Duplicates: 2, DeadLettered: 1})
		if totals.Received != int64(totals.Head)+totals.Duplicates+totals.DeadLettered {
			t.Errorf("the account does not add up: %+v", totals)
		}
	})
	rule(t, a, "newest first, by reason, at most the limit", func(t *testing.T, s Store) {
		log := s.Open(t)
		reasons := []events.Reason{events.ReasonMalformed, events.ReasonConflict}
		var want []events.DeadLetter
		for n := range 10 {
			d := letter(n, reasons[n%2])
			bury(t, log, d)
			want = append([]events.DeadLetter{d}, want...)
		}
		if diff := cmp.Diff(want[:4], list(t, log, events.DeadLetterQuery{Limit: 4}), anyTime); diff != "" {
			t.Errorf("the newest four (-want +got):\n%s", diff)
		}
		conflicts := []events.DeadLetter{want[0], want[2], want[4]}
		if diff := cmp.Diff(conflicts, list(t, log, events.DeadLetterQuery{Reason: events.ReasonConflict, Limit: 3}), anyTime); diff != "" {
			t.Errorf("the newest three conflicts (-want +got):\n%s", diff)
		}
		if none := list(t, log, events.DeadLetterQuery{Reason: events.ReasonUnknownType, Limit: 3}); len(none) != 0 {
			t.Errorf("letters of a reason that none has: %v", none)
		}
	})
}
