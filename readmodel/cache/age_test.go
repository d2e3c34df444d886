package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// TestNoAnswerIsTooOld lets everything go wrong at once, at random and by a clock
// of its own: commits come fast; notices are lost, late, doubled, out of order or
// made up; reads and polls take their time; Redis is wiped, damaged, replies with
// what belongs to another key or to the past, or not at all. Every read is checked
// against I9: it is never older than what a direct read could have returned a bound
// before the call began.
func TestNoAnswerIsTooOld(t *testing.T) {
	t.Parallel()
	var (
		mu  sync.Mutex
		sum cache.Stats
	)
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(16) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					for _, s := range newTurmoil(t, seed).run(seed) {
						mu.Lock()
						sum.Hits += s.Hits
						sum.SharedHits += s.SharedHits
						sum.Misses += s.Misses
						sum.Refreshes += s.Refreshes
						sum.Shared.Refused += s.Shared.Refused
						sum.Errors += s.Errors
						sum.Notices += s.Notices
						sum.Gaps += s.Gaps
						mu.Unlock()
					}
				})
			})
		}
	})
	t.Logf("%+v", sum)
	// A test in which nothing happens proves nothing.
	if sum.Hits < 5_000 || sum.SharedHits < 50 || sum.Misses < 500 || sum.Refreshes < 100 || sum.Shared.Refused < 10 ||
		sum.Errors < 100 || sum.Notices < 1_000 || sum.Gaps < 100 {
		t.Errorf("too little happened: %+v", sum)
	}
}

// turmoil is one run: two processes, one of which commits, and what gets
// in their way.
type turmoil struct {
	*testing.T
	world  *world
	server *memoryRedis
	caches []*cache.Cache
	until  time.Time
	all    sync.WaitGroup

	mu   sync.Mutex
	rand *rand.Rand
	past map[string][]string // values of Redis, by key
}

func newTurmoil(t *testing.T, seed uint64) *turmoil {
	m := &turmoil{
		T: t, world: newWorld(), server: newMemoryRedis(t), rand: rand.New(rand.NewPCG(seed, 1)),
		until: time.Now().Add(25 * time.Second), past: make(map[string][]string),
	}
	// Each run has its own pace.
	slowest := []time.Duration{2 * time.Millisecond, 60 * time.Millisecond, 700 * time.Millisecond, 3 * time.Second}[seed%4]
	m.world.delay = func() (before, after time.Duration) {
		if m.oneIn(10) {
			return m.upTo(slowest), m.upTo(slowest)
		}
		return m.upTo(slowest / 10), m.upTo(slowest / 10)
	}
	for range 2 {
		process, err := cache.Open(t.Context(), cache.Config{Inner: m.world, Shared: share(t, m.server.client(t)), Logger: quietLog()})
		if err != nil {
			t.Fatal(err)
		}
		m.caches = append(m.caches, process)
	}
	return m
}

func (m *turmoil) campaign() events.Campaign {
	return events.Campaign(fmt.Sprintf("evt-%d", m.number(6)))
}

func (m *turmoil) number(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rand.IntN(n)
}

func (m *turmoil) oneIn(n int) bool { return m.number(n) == 0 }

func (m *turmoil) upTo(d time.Duration) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Duration(m.rand.Int64N(int64(d) + 1))
}

// every does something again and again, at random intervals, until the run is over.
func (m *turmoil) every(atMost time.Duration, do func()) {
	m.all.Go(func() {
		for time.Now().Before(m.until) {
			time.Sleep(m.upTo(atMost))
			do()
		}
	})
}

func (m *turmoil) run(seed uint64) []cache.Stats {
	m.commits()
	m.neighbour(seed)
	m.every(2*time.Second, m.harm)
	m.every(20*time.Millisecond, m.remember)
	for _, process := range m.caches {
		for range 3 {
			newReader(m, process)
		}
	}
	m.all.Wait()
	var stats []cache.Stats
	for _, process := range m.caches {
		stats = append(stats, process.Stats())
		process.Close()
	}
	return stats
}

// commits changes campaigns and tells the first cache of it, mostly.
func (m *turmoil) commits() {
	var delayed []readmodel.Change
	pace := m.upTo(time.Second) + 5*time.Millisecond
	m.every(pace, func() {
		var changed []events.Campaign
		for range m.number(3) {
			changed = append(changed, m.campaign())
		}
		switch {
		case m.oneIn(100):
			// The store was made anew.
			m.world.become(func(r *readmodel.Revision) { *r = readmodel.Revision{Incarnation: r.Incarnation + 10} }, changed...)
			return
		case m.oneIn(40):
			// Another generation became active, and no notice says so, or not all of it.
			gone := changed[:m.number(len(changed)+1)]
			ch := m.world.lose(gone, func(r *readmodel.Revision) { r.Edits, r.Position = r.Edits+1, 1 }, changed...)
			if len(changed) > 0 && m.oneIn(2) {
				ch.Campaigns = changed[:1]
				m.caches[0].Committed(ch)
			}
			return
		}
		ch := m.world.commit(changed...)
		switch m.number(20) {
		case 0: // lost
		case 1: // out of order
			delayed = append(delayed, ch)
			return
		case 2: // late
			late := m.upTo(2 * time.Second)
			m.all.Go(func() {
				time.Sleep(late)
				m.caches[0].Committed(ch)
			})
		case 3: // twice
			m.caches[0].Committed(ch)
			m.caches[0].Committed(ch)
		default:
			m.caches[0].Committed(ch)
		}
		for _, ch := range delayed {
			m.caches[0].Committed(ch)
		}
		delayed = nil
	})
}

// neighbour is another store whose processes use the same Redis.
func (m *turmoil) neighbour(seed uint64) {
	if seed%3 > 0 {
		return
	}
	other := newWorld()
	other.now.Incarnation += int64(10*m.number(5)) - 5 // before or after ours, never the same
	other.commits = make([]commit, 1_000)              // to tell its rows from ours
	process, err := cache.Open(m.Context(), cache.Config{Inner: other, Shared: share(m, m.server.client(m)), Logger: quietLog()})
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(process.Close)
	m.every(time.Second, func() {
		c := m.campaign()
		process.Committed(other.commit(c))
		_, _ = process.Campaign(m.Context(), c, readmodel.Everything())
	})
}

// remember keeps what Redis holds, to be brought back later.
func (m *turmoil) remember() {
	for _, key := range m.server.Keys() {
		value, err := m.server.Get(key)
		if err != nil {
			continue
		}
		m.mu.Lock()
		if past := m.past[key]; len(past) == 0 || past[len(past)-1] != value {
			m.past[key] = append(past, value)
		}
		m.mu.Unlock()
	}
}

func (m *turmoil) harm() {
	key := "analytics:dashboard:" + string(m.campaign())
	other := "analytics:dashboard:" + string(m.campaign())
	value, _ := m.server.Get(key)
	foreign, _ := m.server.Get(other)
	switch m.number(8) {
	case 0:
		m.server.FlushAll()
	case 1:
		if value != "" {
			b := []byte(value)
			b[m.number(len(b))] ^= byte(1 + m.number(255))
			_ = m.server.Set(key, string(b))
		}
	case 2:
		if value != "" && foreign != "" {
			_ = m.server.Set(key, foreign)
			_ = m.server.Set(other, value)
		}
	case 3:
		m.mu.Lock()
		past := m.past[key]
		m.mu.Unlock()
		if len(past) > 0 {
			_ = m.server.Set(key, past[m.number(len(past))])
		}
	case 4:
		m.server.SetError("LOADING Redis is loading the dataset in memory")
		time.Sleep(m.upTo(3 * time.Second))
		m.server.SetError("")
	case 5:
		m.server.Publish("analytics:changes", "nonsense")
		m.server.fault(func() { m.server.broken = true })
		time.Sleep(m.upTo(2 * time.Second))
		m.server.fault(func() { m.server.broken = false })
	case 6:
		m.server.fault(func() { m.server.frozen = true })
		time.Sleep(m.upTo(2 * time.Second))
		m.server.fault(func() { m.server.frozen = false })
	case 7:
		late := m.upTo(40 * time.Millisecond)
		m.server.fault(func() { m.server.slow = late })
		time.Sleep(m.upTo(5 * time.Second))
		m.server.fault(func() { m.server.slow = 0 })
	}
}

// reader reads one campaign after the other.
type reader struct {
	*turmoil
	cache *cache.Cache
	last  map[events.Campaign]int64
}

func newReader(m *turmoil, process *cache.Cache) {
	r := &reader{turmoil: m, cache: process, last: make(map[events.Campaign]int64)}
	pace := m.upTo(100*time.Millisecond) + time.Millisecond
	m.every(pace, func() {
		if m.oneIn(200) {
			time.Sleep(m.upTo(12 * time.Second)) // long enough for polling to pause
		}
		switch m.number(8) {
		case 0:
			r.list()
		default:
			r.campaign()
		}
	})
}

func (r *reader) campaign() {
	c, begun := r.turmoil.campaign(), time.Now()
	oldest := begun.Add(-cache.DefaultBound)
	rows, err := r.cache.Campaign(r.Context(), c, readmodel.Everything())
	switch {
	case errors.Is(err, readmodel.ErrNotFound):
		if want := r.world.before(c, oldest); want > r.world.lastGone(c) {
			r.Errorf("%s was not found %v after commit %d", c, begun.Sub(oldest), want)
		}
		return
	case errors.Is(err, context.DeadlineExceeded):
		return // the rows took too long
	case err != nil:
		r.Errorf("Campaign: %v", err)
		return
	}
	got := rows.Campaign().Participants
	if got != r.world.at(c, rows.Revision) {
		r.Errorf("%s has the rows of commit %d at revision %v", c, got, rows.Revision)
	}
	if want := r.world.before(c, oldest); got < want {
		r.Errorf("%s has the rows of commit %d, commit %d was readable %v before", c, got, want, begun.Sub(oldest))
	}
	if got < r.last[c] {
		r.Errorf("%s has the rows of commit %d after those of %d", c, got, r.last[c])
	}
	r.last[c] = got
	time.Sleep(r.upTo(time.Second) * time.Duration(r.number(2)))
	if now := time.Now(); r.cache.Current(c, rows.Revision) {
		if want := r.world.before(c, now.Add(-cache.DefaultBound)); got < want {
			r.Errorf("the rows of commit %d of %s are said to be current, commit %d was readable", got, c, want)
		}
	}
}

func (r *reader) list() {
	oldest := time.Now().Add(-cache.DefaultBound)
	list, err := r.cache.ShopCampaigns(r.Context(), shop, readmodel.Shops(shop))
	if r.number(2) == 0 {
		list, err = r.cache.ShopPage(r.Context(), shop, readmodel.ShopPage{Limit: 100}, readmodel.Shops(shop))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return
	}
	if err != nil {
		r.Errorf("ShopCampaigns: %v", err)
		return
	}
	got := make(map[events.Campaign]int64)
	for _, c := range list {
		got[c.Campaign.Campaign] = c.Campaign.Participants
	}
	for n := range 6 {
		c := events.Campaign(fmt.Sprintf("evt-%d", n))
		if want := r.world.before(c, oldest); max(got[c], r.world.lastGone(c)) < want {
			r.Errorf("the list has the rows of commit %d of %s, commit %d was readable", got[c], c, want)
		}
	}
}
