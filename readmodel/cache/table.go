package cache

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shardSlots is how many slots a shard should hold: a new one costs a copy of
	// the shard's map.
	shardSlots = 64
	// touchEvery is how exactly it is known when a slot was last used.
	touchEvery = 100 * time.Millisecond
)

// table holds a bounded number of answers by name. Readers take no lock: a shard's
// map is replaced, never changed.
type table struct {
	started time.Time
	seed    maphash.Seed
	most    int // slots of a shard
	shards  []shard
}

type shard struct {
	slots atomic.Pointer[map[string]*slot]

	mu sync.Mutex // held to replace slots, or what is in one
	_  [40]byte   // a cache line to each shard
}

// slot is where a name's latest answer is.
type slot struct {
	answer atomic.Pointer[answer]
	used   atomic.Int64 // since the table was started
	asked  atomic.Bool  // a refresh has been asked for and not begun
}

func newTable(most int) *table {
	t := &table{started: time.Now(), seed: maphash.MakeSeed()}
	n := 1
	for n*shardSlots < most && n < 1024 {
		n *= 2
	}
	if n*shardSlots > most && n > 1 {
		n /= 2
	}
	t.most, t.shards = max(most/n, 1), make([]shard, n)
	t.clear()
	return t
}

func (t *table) shard(name string) *shard {
	return &t.shards[maphash.String(t.seed, name)&uint64(len(t.shards)-1)]
}

func (t *table) get(name string) *slot {
	return (*t.shard(name).slots.Load())[name]
}

// touch notes that the slot is in use.
func (t *table) touch(s *slot, now time.Time) {
	if at := int64(now.Sub(t.started)); at-s.used.Load() > int64(touchEvery) {
		s.used.Store(at)
	}
}

// inUse reports whether the slot was used a short while ago.
func (t *table) inUse(s *slot, now time.Time) bool {
	return int64(now.Sub(t.started))-s.used.Load() < int64(inUseFor)
}

// put keeps the answer unless there is a newer one, and returns the one to serve
// and whether others may have been served something else so far. Where there is no
// slot for the name it makes one if asked to.
func (t *table) put(a *answer, now time.Time, makeSlot bool) (best *answer, changed bool) {
	sh := t.shard(a.name)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	slots := *sh.slots.Load()
	s := slots[a.name]
	if s == nil {
		if makeSlot {
			s = &slot{}
			s.answer.Store(a)
			s.used.Store(int64(now.Sub(t.started)))
			t.insert(sh, slots, a, s)
		}
		return a, true
	}
	kept := s.answer.Load()
	p, q := kept.proof.Load(), a.proof.Load()
	switch order := p.through.Compare(q.through); {
	case order < 0, order == 0 && !a.exact && q.asOf.After(p.asOf):
		s.answer.Store(a)
		return a, true
	case a.exact:
		// What held at q.through or later is as current as what held there.
		kept.advance(q.asOf)
		return kept, false
	default:
		return a, false
	}
}

// insert makes room in the shard and adds the slot. What does not exist is the
// first to go, and takes no room from what does: names are easily made up.
func (t *table) insert(sh *shard, slots map[string]*slot, a *answer, s *slot) {
	next := maps.Clone(slots)
	for len(next) >= t.most {
		name, found := oldest(next, true)
		if !found {
			if a.missing {
				return
			}
			name, _ = oldest(next, false)
		}
		delete(next, name)
	}
	next[a.name] = s
	sh.slots.Store(&next)
}

// oldest returns the name that was not used for longest, of all or of those that
// do not exist.
func oldest(slots map[string]*slot, missing bool) (name string, found bool) {
	var used int64
	for n, s := range slots {
		if missing && !s.answer.Load().missing {
			continue
		}
		if at := s.used.Load(); !found || at < used {
			name, used, found = n, at, true
		}
	}
	return name, found
}

// sweep drops what was not used for a while.
func (t *table) sweep(now time.Time, unused time.Duration) {
	before := int64(now.Sub(t.started) - unused)
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		slots := *sh.slots.Load()
		next := make(map[string]*slot)
		for name, s := range slots {
			if s.used.Load() >= before {
				next[name] = s
			}
		}
		if len(next) < len(slots) {
			sh.slots.Store(&next)
		}
		sh.mu.Unlock()
	}
}

func (t *table) clear() {
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		sh.slots.Store(&map[string]*slot{})
		sh.mu.Unlock()
	}
}

func (t *table) len() int {
	n := 0
	for i := range t.shards {
		n += len(*t.shards[i].slots.Load())
	}
	return n
}
