package eventstest

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

func testAppend(t *testing.T, a Adapter) {
	rule(t, a, "an empty log has no events and an empty account", func(t *testing.T, s Store) {
		log := s.Open(t)
		if diff := cmp.Diff(events.Totals{}, mustTotals(t, log)); diff != "" {
			t.Errorf("totals (-want +got):\n%s", diff)
		}
		wantRecorded(t, mustRead(t, log, 0, 10), 1)
	})
	rule(t, a, "nothing appended is nothing done", func(t *testing.T, s Store) {
		log := s.Open(t)
		wantOutcomes(t, mustAppend(t, log))
		wantTotals(t, log, events.Totals{})
	})
	rule(t, a, "every event comes back as it was, to other handles too", func(t *testing.T, s Store) {
		log, drafts := s.Open(t), samples()
		for _, o := range mustAppend(t, log, drafts...) {
			if o != events.Appended {
				t.Fatalf("outcome %v, want all appended", o)
			}
		}
		for _, log := range []events.Log{log, s.Open(t)} {
			read := mustRead(t, log, 0, 100)
			wantRecorded(t, read, 1, drafts...)
			for _, r := range read {
				if r.OccurredAt.Location() != time.UTC || r.RecordedAt.Location() != time.UTC {
					t.Errorf("position %d: times are not in UTC: %v, %v", r.Position, r.OccurredAt, r.RecordedAt)
				}
			}
		}
	})
	rule(t, a, "positions are 1 to n in the order of drafts and appends", func(t *testing.T, s Store) {
		log, other := s.Open(t), s.Open(t)
		drafts := registrations("c", 1, 9)
		mustAppend(t, log, drafts[:1]...)
		mustAppend(t, other, drafts[1:5]...)
		mustAppend(t, log, drafts[5:]...)
		wantRecorded(t, mustRead(t, other, 0, 100), 1, drafts...)
		wantTotals(t, log, events.Totals{Head: 9, Received: 9})
	})
	rule(t, a, "a large append is one append", func(t *testing.T, s Store) {
		log, drafts := s.Open(t), registrations("c", 1, 2000)
		mustAppend(t, log, drafts...)
		wantRecorded(t, mustRead(t, log, 0, 5000), 1, drafts...)
	})
	rule(t, a, "the time of recording is the head's and never goes back", func(t *testing.T, s Store) {
		log, other := s.Open(t), s.Open(t)
		before := time.Now().Add(-time.Hour)
		for n := 1; n <= 20; n += 2 {
			mustAppend(t, log, registration("c", n))
			mustAppend(t, other, registration("c", n+1), registration("c", n))
			mustAppend(t, log, registration("c", n)) // a duplicate does not move recorded_at
			if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(n, events.ReasonMalformed)}); err != nil {
				t.Fatalf("Bury: %v", err)
			}
			last := mustRead(t, log, events.Position(n), 1)[0]
			if got := mustTotals(t, log).RecordedAt; !got.Equal(last.RecordedAt) || got.Location() != time.UTC {
				t.Errorf("Totals.RecordedAt = %v, the event at the head has %v", got, last.RecordedAt)
			}
		}
		for _, r := range mustRead(t, log, 0, 100) {
			if r.RecordedAt.Before(before) || r.RecordedAt.After(time.Now().Add(time.Hour)) {
				t.Errorf("position %d: recorded at %v, %v is before an earlier position's or no time of this test", r.Position, r.RecordedAt, before)
			}
			if r.RecordedAt.Nanosecond()%1000 != 0 {
				t.Errorf("position %d: recorded at %v, want whole microseconds", r.Position, r.RecordedAt)
			}
			before = r.RecordedAt
		}
	})
	rule(t, a, "a clock that was ahead does not send time back", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registration("c", 1))
		ahead := mustTotals(t, log).RecordedAt.Add(time.Hour)
		if err := s.Exec(t.Context(), a.HourAhead); err != nil {
			t.Fatalf("set the head an hour ahead: %v", err)
		}
		mustAppend(t, log, registrations("c", 2, 3)...)
		for _, r := range mustRead(t, log, 1, 2) {
			if !r.RecordedAt.Equal(ahead) {
				t.Errorf("position %d: recorded at %v, want %v as its predecessor", r.Position, r.RecordedAt, ahead)
			}
		}
	})
	rule(t, a, "a wrong clock is warned of once", func(t *testing.T, s Store) {
		var out bytes.Buffer
		log := s.OpenLogging(t, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
		said := func(what string, want int) {
			t.Helper()
			if got := strings.Count(out.String(), what); got != want {
				t.Errorf("it was said %d times that %s, want %d:\n%s", got, what, want, &out)
			}
		}
		const leaps, behind = "the time of recording leaps", "the clock is behind"
		mustAppend(t, s.Open(t), registration("c", 1))
		mustAppend(t, log, registration("c", 2))
		said(leaps, 0)
		if err := s.Exec(t.Context(), a.WeekBack...); err != nil {
			t.Fatal(err)
		}
		// One that has seen nothing of the log, unlike the other.
		log = s.OpenLogging(t, slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
		mustAppend(t, log, registration("c", 2)) // which records nothing
		said(leaps, 0)
		mustAppend(t, log, registration("c", 3))
		mustAppend(t, log, registration("c", 4))
		said(leaps, 1)
		said(behind, 0)
		if err := s.Exec(t.Context(), a.HourAhead); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, log, registration("c", 5))
		mustAppend(t, log, registration("c", 6))
		said(leaps, 1)
		said(behind, 1)
	})
	rule(t, a, "what was appended stays when all handles are closed", func(t *testing.T, s Store) {
		drafts := registrations("c", 1, 5)
		t.Run("first process", func(t *testing.T) { mustAppend(t, s.Open(t), drafts...) })
		log := s.Open(t)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, drafts...)
		wantOutcomes(t, mustAppend(t, log, registration("c", 6)), events.Appended)
		wantTotals(t, log, events.Totals{Head: 6, Received: 6})
	})
}

// wantError checks that err matches want, a sentinel of the contract.
func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}
