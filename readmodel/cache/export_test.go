package cache

import (
	"maps"

	"jangbu/events"
)

// What the tests see of the inside.
const (
	UnreadFor    = unreadFor
	SweepEvery   = sweepEvery
	Quiet        = quiet
	RefreshPause = refreshPause
)

// Forget drops the campaign's entry: the next read loads it.
func (c *Cache) Forget(campaign events.Campaign) {
	sh := c.campaigns.shard(string(campaign))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	next := maps.Clone(*sh.slots.Load())
	delete(next, string(campaign))
	sh.slots.Store(&next)
}
