package privacy

import (
	"sync"
	"time"

	"jangbu/events"
)

const (
	// keyLifetime bounds the time for which a key is used without reading the store
	// again, and so the time for which another process uses a destroyed one.
	keyLifetime = time.Minute
	// maxCachedKeys bounds the memory (I14), about 1 KiB for each key.
	maxCachedKeys = 20_000
)

// cache holds the keys in use. It is safe for concurrent use.
type cache struct {
	mu     sync.Mutex
	keys   map[events.Campaign]*campaignKey // guarded by mu
	sweeps time.Time                        // of the next sweep; guarded by mu
}

func newCache() *cache { return &cache{keys: make(map[events.Campaign]*campaignKey)} }

// lookup returns each request's key, nil if it is not cached, and the campaigns
// whose keys are missing, each once.
func (c *cache) lookup(requests []Request) (found []*campaignKey, missing []events.Campaign) {
	now := time.Now()
	found = make([]*campaignKey, len(requests))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep(now)
	var asked map[events.Campaign]bool
	for i, r := range requests {
		if key, ok := c.keys[r.Campaign]; ok && now.Before(key.expires) {
			found[i] = key
			continue
		}
		if asked == nil {
			asked = make(map[events.Campaign]bool)
		}
		if !asked[r.Campaign] {
			asked[r.Campaign] = true
			missing = append(missing, r.Campaign)
		}
	}
	return found, missing
}

// sweep drops expired keys, so that unused keys are forgotten too. c.mu is locked.
func (c *cache) sweep(now time.Time) {
	if now.Before(c.sweeps) {
		return
	}
	for campaign, key := range c.keys {
		if !now.Before(key.expires) {
			delete(c.keys, campaign)
		}
	}
	c.sweeps = now.Add(keyLifetime / 4)
}

func (c *cache) add(keys map[events.Campaign]*campaignKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for campaign, key := range keys {
		for other := range c.keys { // any key: their ages differ by a minute at most
			if len(c.keys) < maxCachedKeys {
				break
			}
			delete(c.keys, other)
		}
		c.keys[campaign] = key
	}
}

func (c *cache) forget(campaign events.Campaign) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, campaign)
}
