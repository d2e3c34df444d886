package eventstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"jangbu/events"
)

func testCancel(t *testing.T, a Adapter) {
	rule(t, a, "a context that has ended writes nothing", func(t *testing.T, s Store) {
		log := s.Open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := log.Append(ctx, registrations("c", 1, 3))
		wantError(t, "Append", err, context.Canceled)
		wantError(t, "Bury", log.DeadLetters().Bury(ctx, []events.DeadLetter{letter(1, events.ReasonMalformed)}), context.Canceled)
		_, err = log.DeadLetters().Revive(ctx, []events.Revival{{Letter: letter(1, "").ID, Draft: registration("c", 1)}})
		wantError(t, "Revive", err, context.Canceled)
		_, err = log.DeadLetters().Discard(ctx, []events.ID{letter(1, "").ID}, events.Discarded{})
		wantError(t, "Discard", err, context.Canceled)
		wantError(t, "Restore", log.Restore(ctx, restored(1, noon(), registration("c", 1)), 0), context.Canceled)
		_, err = log.Read(ctx, 0, 1)
		wantError(t, "Read", err, context.Canceled)
		wantTotals(t, log, events.Totals{})
	})
	rule(t, a, "an append cut off at any point is whole or absent", func(t *testing.T, s Store) {
		const size, rounds = 300, 16
		log, other := s.Open(t), s.Open(t)
		start := time.Now()
		mustAppend(t, log, registrations("c", 1, size)...)
		took := time.Since(start)

		cut, all := 0, size
		for round := 1; round < rounds; round++ {
			drafts := registrations("c", all+1, all+size)
			ctx, cancel := context.WithTimeout(t.Context(), took*time.Duration(round)/rounds)
			_, err := log.Append(ctx, drafts)
			cancel()
			if err != nil {
				cut++
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Append cut off: error %v, want the context's", err)
				}
			}
			head := int(mustTotals(t, other).Head)
			if head != all && head != all+size {
				t.Fatalf("the head is at %d after an append of %d was cut off at %d", head, size, all)
			}
			// Both handles can append at once.
			mustAppend(t, other, registration("c", all+1))
			mustAppend(t, log, drafts...)
			all += size
			totals := mustTotals(t, log)
			if int(totals.Head) != all || totals.Received != int64(totals.Head)+totals.Duplicates {
				t.Fatalf("totals %+v after %d events", totals, all)
			}
		}
		t.Logf("%d of %d appends were cut off", cut, rounds-1)
		if n := len(mustRead(t, log, 0, all+1)); n != all {
			t.Errorf("read %d events, want %d", n, all)
		}
	})
}
