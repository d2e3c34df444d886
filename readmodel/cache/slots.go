package cache

import (
	"hash/maphash"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shardSlots is how many slots a shard should hold: a new one costs a copy of the
	// shard's map.
	shardSlots = 64
	// touchEvery is how exactly the last read of a slot is known.
	touchEvery = 100 * time.Millisecond
)

// slots holds the latest entries of a bounded number of names. Readers take no lock: a
// shard's map is replaced, never changed.
//
// A golang-lru in its place takes a lock for each read. Parallel hits on two processors
// then take 372 ns instead of 203, and a commit of 100 campaigns 5.0 µs instead of 3.6;
// only a miss is cheaper, 7.4 µs instead of 12.8 (BenchmarkCache).
type slots struct {
	started time.Time
	seed    maphash.Seed
	most    int // slots of a shard
	shards  []shard
}

type shard struct {
	slots atomic.Pointer[map[string]*slot] // written under mu

	mu sync.Mutex
	_  [40]byte // each shard has a cache line
}

// slot holds a name's latest entry.
type slot struct {
	entry atomic.Pointer[entry] // written under shard.mu
	used  atomic.Int64          // when it was last read, in nanoseconds since slots.started
	asked atomic.Bool           // a refresh has been asked for and not begun
}

func newSlots(most int) *slots {
	s := &slots{started: time.Now(), seed: maphash.MakeSeed()}
	n := 1
	for n*shardSlots < most && n < 1024 {
		n *= 2
	}
	if n*shardSlots > most && n > 1 {
		n /= 2
	}
	s.most, s.shards = max(most/n, 1), make([]shard, n)
	s.clear()
	return s
}

func (s *slots) shard(name string) *shard {
	return &s.shards[maphash.String(s.seed, name)&uint64(len(s.shards)-1)]
}

// get returns the slot of a name, nil where it has none.
func (s *slots) get(name string) *slot {
	return (*s.shard(name).slots.Load())[name]
}

// touch records a read of the slot.
func (s *slots) touch(sl *slot, now time.Time) {
	if at := int64(now.Sub(s.started)); at-sl.used.Load() > int64(touchEvery) {
		sl.used.Store(at)
	}
}

// inUse reports whether the slot was read a short while ago.
func (s *slots) inUse(sl *slot, now time.Time) bool {
	return int64(now.Sub(s.started))-sl.used.Load() < int64(inUseFor)
}

// put keeps the entry unless a newer one is there. It returns the one to serve, and
// whether readers may have been served another until now. Where the name has no slot,
// makeSlot says whether it gets one.
func (s *slots) put(e *entry, now time.Time, makeSlot bool) (best *entry, changed bool) {
	sh := s.shard(e.name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	all := *sh.slots.Load()
	sl := all[e.name]
	if sl == nil {
		if makeSlot {
			sl = &slot{}
			sl.entry.Store(e)
			sl.used.Store(int64(now.Sub(s.started)))
			s.insert(sh, all, e, sl)
		}
		return e, true
	}
	kept := sl.entry.Load()
	p, q := kept.proof.Load(), e.proof.Load()
	switch order := p.through.Compare(q.through); {
	case order < 0, order == 0 && !e.exact && q.asOf.After(p.asOf):
		sl.entry.Store(e)
		return e, true
	case e.exact:
		// What held at q.through or later is as current as what held there.
		kept.advance(q.asOf)
		return kept, false
	default:
		return e, false
	}
}

// insert adds the slot to the shard, which evicts others where it is full. A campaign
// that does not exist is evicted first and evicts none that does: names are easily made
// up. It requires the shard's mu.
func (s *slots) insert(sh *shard, all map[string]*slot, e *entry, sl *slot) {
	next := maps.Clone(all)
	for len(next) >= s.most {
		name, missing := leastRead(next)
		if e.missing && !missing {
			return
		}
		delete(next, name)
	}
	next[e.name] = sl
	sh.slots.Store(&next)
}

// leastRead returns the least recently read name, of those that do not exist if there
// are any.
func leastRead(all map[string]*slot) (name string, missing bool) {
	used := int64(math.MaxInt64)
	for n, sl := range all {
		at, gone := sl.used.Load(), sl.entry.Load().missing
		if gone && !missing || gone == missing && at < used {
			name, used, missing = n, at, gone
		}
	}
	return name, missing
}

// sweep drops what was not read for a while.
func (s *slots) sweep(now time.Time, unread time.Duration) {
	before := int64(now.Sub(s.started) - unread)
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		all := *sh.slots.Load()
		next := make(map[string]*slot)
		for name, sl := range all {
			if sl.used.Load() >= before {
				next[name] = sl
			}
		}
		if len(next) < len(all) {
			sh.slots.Store(&next)
		}
		sh.mu.Unlock()
	}
}

func (s *slots) clear() {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		sh.slots.Store(&map[string]*slot{})
		sh.mu.Unlock()
	}
}

func (s *slots) len() int {
	n := 0
	for i := range s.shards {
		n += len(*s.shards[i].slots.Load())
	}
	return n
}
