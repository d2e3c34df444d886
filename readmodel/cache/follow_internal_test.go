package cache

import (
	"fmt"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// TestSleepingMachine has a monotonic clock that stopped while the machine slept, and a
// wall clock that was set back.
func TestSleepingMachine(t *testing.T) {
	t.Parallel()
	wall := time.Unix(1_800_000_000, 0)
	if got := Since(wall.Add(time.Hour), wall); got != time.Hour {
		t.Errorf("Since = %v by the wall clock alone, want 1h", got)
	}
	before := time.Now()
	if got := Since(before.Add(time.Minute), before); got != time.Minute {
		t.Errorf("Since = %v by both clocks, want 1m", got)
	}
	if got := Since(before, time.Time{}); got < 100*365*24*time.Hour {
		t.Errorf("Since the zero time = %v", got)
	}
}

func TestNoticeOfTooMany(t *testing.T) {
	t.Parallel()
	ch := readmodel.Change{From: readmodel.Revision{Position: 1}, To: readmodel.Revision{Position: 2}}
	for i := range MaxNamed {
		ch.Campaigns = append(ch.Campaigns, events.Campaign(fmt.Sprint(i)))
	}
	if got := bounded(ch); len(got.Campaigns) != MaxNamed || got.From != ch.From {
		t.Errorf("a notice of %d campaigns names %d", MaxNamed, len(got.Campaigns))
	}
	ch.Campaigns = append(ch.Campaigns, "one too many")
	if got := bounded(ch); got.Campaigns != nil || got.From != ch.To || got.To != ch.To {
		t.Errorf("a notice of more is %v", got)
	}
}
