package cache

import (
	"math/rand/v2"
	"sync/atomic"
)

// Stats counts what has happened since the cache was opened.
type Stats struct {
	// Calls, by where their answers came from.
	Hits      int64 // this process
	RedisHits int64 // Redis
	Misses    int64 // the rows

	Refreshes int64 // campaigns read in the background
	Refused   int64 // values that Redis kept a newer one instead of
	Errors    int64 // failed operations on Redis, unusable values, failed polls
	Notices   int64 // commits that this process was told of
	Gaps      int64 // times that it was not
	Dropped   int64 // commits that others were not told of

	Entries     int    // in this process
	Connections int    // to Redis, but for the subscription
	Breaker     string // of Redis: closed, half-open, open; empty without Redis
}

// counters are what [Stats] is made of.
type counters struct {
	hits                                                                  striped
	redisHits, misses, refreshes, refused, errors, notices, gaps, dropped atomic.Int64
}

// striped is a counter that many processors can count with at once.
type striped [8]struct {
	n atomic.Int64
	_ [56]byte // a cache line to each
}

func (s *striped) add() { s[rand.Uint32()%8].n.Add(1) }

func (s *striped) load() int64 {
	var n int64
	for i := range s {
		n += s[i].n.Load()
	}
	return n
}

func (c *counters) served(from source) {
	switch from {
	case fromProcess:
		c.hits.add()
	case fromRedis:
		c.redisHits.Add(1)
	case fromRows:
		c.misses.Add(1)
	}
}

// Stats returns what has happened so far.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits:      c.count.hits.load(),
		RedisHits: c.count.redisHits.Load(),
		Misses:    c.count.misses.Load(),
		Refreshes: c.count.refreshes.Load(),
		Refused:   c.count.refused.Load(),
		Errors:    c.count.errors.Load(),
		Notices:   c.count.notices.Load(),
		Gaps:      c.count.gaps.Load(),
		Dropped:   c.count.dropped.Load(),
		Entries:   c.campaigns.len(),
	}
	if c.redis != nil {
		s.Breaker = c.redis.breaker.State().String()
		s.Connections = int(c.redis.client.PoolStats().TotalConns)
	}
	return s
}
