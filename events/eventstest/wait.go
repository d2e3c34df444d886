package eventstest

import (
	"context"
	"testing"
	"time"

	"jangbu/events"
)

func testWait(t *testing.T, a Adapter) {
	rule(t, a, "a head that is beyond is returned at once", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		for after := range events.Position(3) {
			if head, err := log.Wait(t.Context(), after); err != nil || head != 3 {
				t.Errorf("Wait(%d) = %d, %v, want 3", after, head, err)
			}
		}
	})
	rule(t, a, "an append of the same handle is seen at once", func(t *testing.T, s Store) {
		log := s.Open(t)
		// A poll would see it no sooner than 70 ms after the append.
		if fastest := fastestWake(t, log, appends(t, log)); fastest > 40*time.Millisecond {
			t.Errorf("the fastest of the waits ended %v after the append, want at once", fastest)
		}
	})
	rule(t, a, "a revival of the same handle is seen at once", func(t *testing.T, s Store) {
		log := s.Open(t)
		fastest := fastestWake(t, log, func(n int) {
			d := letter(n, events.ReasonMalformed)
			mustBury(t, log, d)
			mustRevive(t, log, events.Revival{Letter: d.ID, Draft: registration("c", n)})
		})
		if fastest > 40*time.Millisecond {
			t.Errorf("the fastest of the waits ended %v after the revival, want at once", fastest)
		}
	})
	rule(t, a, "an append of another handle is seen within 100 ms", func(t *testing.T, s Store) {
		if fastest := fastestWake(t, s.Open(t), appends(t, s.Open(t))); fastest > 120*time.Millisecond {
			t.Errorf("the fastest of the waits ended %v after the append, want within 100 ms", fastest)
		}
	})
	rule(t, a, "duplicates and dead letters wake no waiting reader", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registration("c", 1))
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		mustAppend(t, log, registration("c", 1))
		if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(1, events.ReasonMalformed)}); err != nil {
			t.Fatalf("Bury: %v", err)
		}
		head, err := log.Wait(ctx, 1)
		wantError(t, "Wait", err, context.DeadlineExceeded)
		if head > 1 {
			t.Errorf("Wait = %d beyond the head", head)
		}
	})
	rule(t, a, "a wait ends with its context's error", func(t *testing.T, s Store) {
		log := s.Open(t)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := log.Wait(ctx, 0)
			failed <- err
		}()
		cancel()
		select {
		case err := <-failed:
			wantError(t, "Wait", err, context.Canceled)
		case <-time.After(patience):
			t.Fatal("Wait did not return when its context was cancelled")
		}
	})
}

// appends returns a function that appends the n-th event to the log.
func appends(t *testing.T, log events.Log) func(n int) {
	return func(n int) { mustAppend(t, log, registration("c", n)) }
}

// fastestWake writes events while a goroutine waits, several times, and returns the
// least time between the return of a write and that of its wait.
func fastestWake(t *testing.T, waiter events.Log, write func(n int)) time.Duration {
	fastest := patience
	for n := 1; n <= 8; n++ {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		type woken struct {
			head events.Position
			err  error
			at   time.Time
		}
		woke := make(chan woken, 1)
		go func() {
			head, err := waiter.Wait(ctx, events.Position(n-1))
			woke <- woken{head, err, time.Now()}
		}()
		// This wait times out, by when the goroutine above waits too.
		settle, stop := context.WithTimeout(ctx, 30*time.Millisecond)
		_, err := waiter.Wait(settle, events.Position(n-1))
		stop()
		wantError(t, "Wait", err, context.DeadlineExceeded)

		write(n)
		written := time.Now()
		w := <-woke
		if w.err != nil || w.head != events.Position(n) {
			t.Fatalf("Wait(%d) = %d, %v, want %d", n-1, w.head, w.err, n)
		}
		fastest = min(fastest, w.at.Sub(written))
	}
	return fastest
}
