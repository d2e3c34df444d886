package privacy

import (
	"sync"
	"time"

	"jangbu/events"
)

const (
	// keyLifetime is how long a key is used without asking the store again, and
	// so how long a destroyed one can live on in another process.
	keyLifetime = time.Minute
	// maxCachedKeys bounds the memory: about 1 KiB for each.
	maxCachedKeys = 20_000
)

// cache holds the keys that are in use.
type cache struct {
	mu     sync.Mutex
	keys   map[events.Campaign]*campaignKey
	sweeps time.Time // when expired keys are next dropped
}

func newCache() *cache { return &cache{keys: make(map[events.Campaign]*campaignKey)} }

// lookup returns each request's key, nil where it is not cached, and the
// campaigns of those, each once.
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

// sweep drops expired keys, so that those that nobody asks for are forgotten too.
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

func (c *cache) store(keys map[events.Campaign]*campaignKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for campaign, key := range keys {
		for victim := range c.keys { // any: they differ in age by a minute at most
			if len(c.keys) < maxCachedKeys {
				break
			}
			delete(c.keys, victim)
		}
		c.keys[campaign] = key
	}
}

func (c *cache) forget(campaign events.Campaign) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.keys, campaign)
}
