package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns: places go round among the subjects that wait, however many requests one of them has.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newTurns(2, 1, 4)
		var (
			mu    sync.Mutex
			order []string // guarded by mu
		)
		happened := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		// since returns what has happened since the last call.
		since := func() []string {
			mu.Lock()
			defer mu.Unlock()
			all := order
			order = nil
			return all
		}
		ask := func(subject string, took time.Duration) {
			go func() {
				leave, err := ts.take(t.Context(), subject)
				if err != nil {
					happened(fmt.Sprint(subject, ": ", err))
					return
				}
				happened(subject)
				time.Sleep(took)
				leave()
				leave()
			}()
			synctest.Wait()
		}
		for range 6 {
			ask("greedy", time.Second)
		}
		ask("a", time.Second) // has the other place at once
		ask("b", time.Second)
		ask("c", time.Second)
		ask("b", time.Second)
		if got, want := since(), []string{"greedy", "greedy: " + (tooMany{time.Second}).Error(), "a"}; !slices.Equal(got, want) {
			t.Errorf("at once: %q, want %q", got, want)
		}
		// Two have a place at a time, for a second: what begins in one second is in no order.
		var turns []string
		for second := range 10 {
			time.Sleep(time.Second)
			synctest.Wait()
			begun := since()
			if got := slices.Contains(begun, "c"); got != (second == 1) {
				t.Errorf("in second %d: %q; want c in second 1", second, begun)
			}
			if second == 0 && !slices.Contains(begun, "b") {
				t.Errorf("in second 0: %q; want b among them", begun)
			}
			turns = append(turns, begun...)
		}
		if len(turns) != 7 {
			t.Errorf("turns: %q", turns)
		}
		if ts.free != 2 || len(ts.held)+len(ts.waiting)+len(ts.next)+ts.all > 0 {
			t.Errorf("afterwards: %+v", ts)
		}
	})
}

// TestTurnsEnd: a request that waits too long, or whose client leaves, loses its turn, and none is
// lost with it.
func TestTurnsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ts := newTurns(1, 1, 4)
		leave, err := ts.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		for _, wait := range []struct {
			ctx  context.Context
			want error
		}{{gone, context.Canceled}, {t.Context(), errOverloaded}} {
			go func() {
				if _, err := ts.take(wait.ctx, "b"); !errors.Is(err, wait.want) {
					t.Errorf("%v, want %v", err, wait.want)
				}
			}()
		}
		synctest.Wait()
		cancel()
		time.Sleep(turnWithin + time.Second)
		synctest.Wait()
		leave()
		if ts.free != 1 || len(ts.held)+len(ts.waiting)+len(ts.next)+ts.all > 0 {
			t.Errorf("afterwards: %+v", ts)
		}
		// All that wait have a bound.
		if _, err := ts.take(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(t.Context())
		for i := range maxWaiting {
			go func() { _, _ = ts.take(ended, fmt.Sprint(i)) }()
		}
		synctest.Wait()
		if _, err := ts.take(t.Context(), "late"); !errors.Is(err, errOverloaded) {
			t.Errorf("beyond all: %v", err)
		}
		cancel()
		synctest.Wait()
		if ts.all > 0 {
			t.Errorf("%d wait", ts.all)
		}
	})
}
