package service

import (
	"testing"
	"time"

	"jangbu/events"
)

// TestNoCacheThatNothingReads: a process without an API and without a Redis that others read keeps
// no cache, and folds.
func TestNoCacheThatNothingReads(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.Role = []string{roleIngest, roleProject}
	b := setup(t, cfg)
	b.produce(t, record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`))
	b.settled(t, events.Totals{Head: 1}, 10*time.Second)
	if b.cache != nil || b.redis != nil {
		t.Error("the process has a cache")
	}
}
