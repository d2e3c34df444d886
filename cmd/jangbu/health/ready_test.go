package health

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestFolded: a part that folds is not ready while an event waits for longer than is tolerated, and
// says where it stands.
func TestFolded(t *testing.T) {
	t.Parallel()
	current := checkpoint{projection: "event_stats", at: 7}
	for _, c := range []struct {
		name string
		all  []checkpoint
		want string
	}{
		{"nothing waits", []checkpoint{current}, ""},
		{"paused, and nothing waits", []checkpoint{{projection: "event_stats", at: 7, paused: true}}, ""},
		{"a moment", []checkpoint{current, {projection: "channel_stats", at: 3, behind: tolerated}}, ""},
		{"long", []checkpoint{current, {projection: "channel_stats", at: 3, behind: 40 * time.Second}}, "channel_stats stands at position 3, and events have waited for 40s"},
		{"the worst", []checkpoint{{projection: "event_stats", at: 2, behind: time.Minute}, {projection: "channel_stats", at: 3, behind: 40 * time.Second}}, "event_stats stands at position 2, and events have waited for 1m0s"},
		{"paused", []checkpoint{current, {projection: "channel_stats", at: 3, behind: time.Hour, paused: true}}, "channel_stats is paused at position 3, and events have waited for 1h0m0s: jangbu projections resume"},
	} {
		if got := fmt.Sprint(folded(c.all)); got != c.want && (c.want != "" || got != "<nil>") {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestStalled: a partition is stalled where it has records and none was read between two looks,
// and no longer once one was read, whatever time lies between.
func TestStalled(t *testing.T) {
	t.Parallel()
	s := &sources{}
	now := time.Now()
	one, other := partition{"participant-registered", 3}, partition{"participant-registered", 4}
	look := func(after time.Duration, lag, next int64) error {
		u := unread{lags: map[partition]int64{one: lag, other: 0}, stalled: make(map[string]time.Duration)}
		s.stand(now.Add(after), &u, map[partition]int64{one: next, other: 1000})
		return u.err()
	}
	for _, step := range []struct {
		after     time.Duration
		lag, next int64
		want      string
	}{
		{0, 5, 10, ""},
		{29 * time.Second, 9, 10, ""},
		{45 * time.Second, 12, 10, "12 records of participant-registered/3 wait, and none has been read for 45s"},
		{46 * time.Second, 11, 11, ""},
		{10 * time.Minute, 0, 22, ""},
		{20 * time.Minute, 1, 22, ""},
		{20*time.Minute + 31*time.Second, 1, 22, "1 records of participant-registered/3 wait, and none has been read for 31s"},
	} {
		if err := look(step.after, step.lag, step.next); (err != nil) != (step.want != "") || err != nil && err.Error() != step.want {
			t.Errorf("after %v: %v, want %s", step.after, err, step.want)
		}
	}
}

// TestMessagesThatFail: a part is not ready while a message of its own fails again and again, until
// it succeeds, or is not tried here any more.
func TestMessagesThatFail(t *testing.T) {
	t.Parallel()
	m := NewMessages()
	full := errors.New("disk is full")
	m.note("ingest", "event-created", "ingest event-created/0/1", full)
	m.note("ingest", "event-created", "ingest event-created/1/1", nil)
	if err := m.err("ingest"); err != nil {
		t.Errorf("after one failure: %v", err)
	}
	m.note("ingest", "event-created", "ingest event-created/0/1", full)
	m.note("ingest", "event-created", "ingest event-created/2/1", context.Canceled)
	if err := m.err("ingest"); !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "event-created: 2 attempts have failed") {
		t.Errorf("after two failures: %v", err)
	}
	if err := m.err("poll"); err != nil {
		t.Errorf("another part: %v", err)
	}
	for key, f := range m.failing { // long ago
		f.last = f.last.Add(-2 * tolerated)
		m.failing[key] = f
	}
	if err := m.err("ingest"); err != nil || len(m.failing) > 0 {
		t.Errorf("once it is not tried any more: %v, and %d are remembered", err, len(m.failing))
	}
	for i := range 2 * maxFailing {
		m.note("ingest", "event-created", fmt.Sprint("ingest ", i), full)
	}
	if len(m.failing) > maxFailing {
		t.Errorf("%d messages are remembered", len(m.failing))
	}
}
