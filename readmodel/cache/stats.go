package cache

import (
	"math/rand/v2"
	"sync/atomic"
)

// Stats counts what has happened since the cache was opened.
type Stats struct {
	// Reads by where their entries came from.
	Hits       int64 // this process
	SharedHits int64 // the shared level
	Misses     int64 // the rows

	Refreshes int64 // campaigns loaded in the background
	Errors    int64 // failed polls, and the shared level's errors
	Notices   int64 // commits that this process received notice of
	Gaps      int64 // times that it missed some
	Entries   int   // campaigns in this process

	Shared SharedStats // zero without a shared level
}

// counters are what [Stats] is made of.
type counters struct {
	hits                                                 striped
	sharedHits, misses, refreshes, errors, notices, gaps atomic.Int64
}

// striped is a counter that many processors can count with at once.
type striped [8]struct {
	n atomic.Int64
	_ [56]byte // each has a cache line
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
	case fromShared:
		c.sharedHits.Add(1)
	case fromRows:
		c.misses.Add(1)
	}
}

// Stats returns what has happened so far.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits:       c.count.hits.load(),
		SharedHits: c.count.sharedHits.Load(),
		Misses:     c.count.misses.Load(),
		Refreshes:  c.count.refreshes.Load(),
		Errors:     c.count.errors.Load(),
		Notices:    c.count.notices.Load(),
		Gaps:       c.count.gaps.Load(),
		Entries:    c.campaigns.len(),
	}
	if c.shared != nil {
		s.Shared = c.shared.Stats()
		s.Errors += s.Shared.Errors
	}
	return s
}
