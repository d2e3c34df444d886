package eventstest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

func testDiscard(t *testing.T, a Adapter) {
	rule(t, a, "the letter stays without the sealed record, with by whom and why", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustBury(t, log, letter(1, events.ReasonMalformed), letter(2, events.ReasonConflict))
		before, err := log.DeadLetters().Get(t.Context(), letter(2, "").ID)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		mustDiscard(t, log, 1, before.ID)
		got, err := s.Open(t).DeadLetters().Get(t.Context(), before.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Discarded == nil || len(got.Sealed) != 0 {
			t.Fatalf("letter %+v is not discarded", got)
		}
		if at := got.Discarded.At; at.Sub(start).Abs() > time.Hour || at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			t.Errorf("discarded at %v: want now, UTC, whole microseconds", at)
		}
		want := before
		want.Sealed, want.Discarded = got.Sealed, &events.Discarded{At: got.Discarded.At, By: "me@here", Why: "시험 데이터"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("letter (-want +got):\n%s", diff)
		}
		wantTotals(t, log, events.Totals{Received: 2, DeadLettered: 2, Discarded: 1})
	})
	rule(t, a, "its record, delivered again, is a duplicate", func(t *testing.T, s Store) {
		log, d := s.Open(t), letter(1, events.ReasonMalformed)
		mustBury(t, log, d)
		mustDiscard(t, log, 1, d.ID)
		mustBury(t, log, d)
		wantTotals(t, log, events.Totals{Received: 2, DeadLettered: 1, Duplicates: 1, Discarded: 1})
		if got, err := log.DeadLetters().Get(t.Context(), d.ID); err != nil || got.Discarded == nil || len(got.Sealed) != 0 {
			t.Errorf("letter %+v, %v: want it discarded as before", got, err)
		}
	})
	rule(t, a, "what is readable of a letter can be reworded, and what is sealed stays", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustBury(t, log, letter(1, events.ReasonMalformed), letter(2, events.ReasonConflict))
		mustDiscard(t, log, 1, letter(2, "").ID)
		for n := range 2 {
			want, err := log.DeadLetters().Get(t.Context(), letter(n+1, "").ID)
			if err != nil {
				t.Fatal(err)
			}
			want.Detail = "channel: ***"
			if want.Discarded != nil {
				want.Discarded.By, want.Discarded.Why = "***", "asked by ***"
			}
			if err := log.DeadLetters().Reword(t.Context(), want); err != nil {
				t.Fatalf("Reword: %v", err)
			}
			got, err := s.Open(t).DeadLetters().Get(t.Context(), want.ID)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("letter (-want +got): %v\n%s", err, diff)
			}
		}
		if err := log.DeadLetters().Reword(t.Context(), letter(3, "")); !errors.Is(err, events.ErrNoDeadLetter) {
			t.Errorf("Reword of no letter = %v, want %v", err, events.ErrNoDeadLetter)
		}
		wantTotals(t, log, events.Totals{Received: 2, DeadLettered: 2, Discarded: 1})
	})
	rule(t, a, "only waiting letters are discarded, and each once", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustBury(t, log, letter(1, events.ReasonMalformed), letter(2, events.ReasonMalformed))
		mustDiscard(t, log, 0)
		mustDiscard(t, log, 0, letter(3, "").ID)
		mustDiscard(t, log, 1, letter(1, "").ID, letter(1, "").ID)
		first, err := log.DeadLetters().Get(t.Context(), letter(1, "").ID)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := log.DeadLetters().Discard(t.Context(), []events.ID{first.ID}, events.Discarded{By: "another", Why: "another"}); n != 0 || err != nil {
			t.Errorf("Discard again: %d, %v", n, err)
		}
		again, err := log.DeadLetters().Get(t.Context(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("letter after it was discarded again (-first +now):\n%s", diff)
		}
		mustRevive(t, log, events.Revival{Letter: letter(2, "").ID, Draft: registration("c", 1)})
		mustDiscard(t, log, 0, letter(2, "").ID)
		wantTotals(t, log, events.Totals{Head: 1, Received: 2, DeadLettered: 1, Discarded: 1})
	})
}
