package runner

import (
	"testing"
	"time"

	"jangbu/events"
)

// TestIdle: new events wait for a fifth of the time, unless the log is behind the topics.
func TestIdle(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		name            string
		took            time.Duration
		events, appends int
		want            time.Duration
	}{
		{"one event", 2 * ms, 1, 1, 2 * ms},
		{"what comes in while one is folded", 10 * ms, 20, 10, 5 * ms},
		{"half of the peak", 60 * ms, 3_000, 6, 15 * ms},
		{"the peak", 150 * ms, 14_000, 2, 150 * ms},
		{"the peak of a slow database", time.Second, 14_000, 2, 250 * ms},
		{"a slow database that keeps up", 10 * time.Second, 1_000, 100, 250 * ms},
	} {
		if got := idleAfter(c.took, c.events, c.appends); got != c.want {
			t.Errorf("%s: %d events of %d appends that took %v are followed by a wait of %v, want %v", c.name, c.events, c.appends, c.took, got, c.want)
		}
	}
}

func TestAppends(t *testing.T) {
	t.Parallel()
	at := time.Now()
	var batch []events.Recorded
	for want, n := range []int{0, 3, 1, 2} {
		for range n {
			batch = append(batch, events.Recorded{RecordedAt: at.Add(time.Duration(want))})
		}
		if got := appendsOf(batch); got != want {
			t.Errorf("%d events of %d appends count as %d", len(batch), want, got)
		}
	}
}
