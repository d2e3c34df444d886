package events_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"jangbu/events"
)

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	var s events.Signal
	s.Broadcast() // without waiting goroutines
	first, same := s.Changed(), s.Changed()
	if isClosed(first) || first != same {
		t.Fatal("woken by a broadcast from before it waited, or not waiting for the same")
	}
	s.Broadcast()
	if !isClosed(first) {
		t.Error("not woken")
	}
	second := s.Changed()
	if isClosed(second) {
		t.Error("woken by a broadcast from before it waited")
	}
	s.Broadcast()
	s.Broadcast()
	if !isClosed(second) {
		t.Error("not woken for the second time")
	}
}

// A goroutine that takes the channel before it reads the head misses no append.
func TestSignalLosesNoWakeUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const last = 1000
		var (
			s    events.Signal
			mu   sync.Mutex
			head int
			wg   sync.WaitGroup
		)
		look := func() int {
			mu.Lock()
			defer mu.Unlock()
			return head
		}
		for range 8 {
			wg.Go(func() {
				for seen := 0; seen < last; {
					changed := s.Changed()
					if seen = look(); seen < last {
						<-changed // a lost wake-up is a deadlock, which the bubble reports
					}
				}
			})
		}
		wg.Go(func() {
			for range last {
				mu.Lock()
				head++
				mu.Unlock()
				s.Broadcast()
			}
		})
		wg.Wait()
	})
}
