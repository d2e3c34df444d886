package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// TestRedisChangesLatencyOnly breaks Redis in every way under load. Every read is
// right, and the slowest in a hundred takes little longer than the rows do.
func TestRedisChangesLatencyOnly(t *testing.T) {
	t.Parallel()
	const rowsTake = 2 * time.Millisecond
	for name, tc := range map[string]struct {
		harm, heal func(*testBundle, *swap)
		allowed    time.Duration // what the fault may add
	}{
		"healthy": {
			harm: func(*testBundle, *swap) {}, heal: func(*testBundle, *swap) {},
			allowed: time.Millisecond,
		},
		"killed": {
			harm:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.broken = true }) },
			heal:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.broken = false }) },
			allowed: time.Millisecond,
		},
		"frozen": {
			harm:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.frozen = true }) },
			heal:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.frozen = false }) },
			allowed: 50 * time.Millisecond,
		},
		"slow": {
			harm:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.slow = 15 * time.Millisecond }) },
			heal:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.slow = 0 }) },
			allowed: 50 * time.Millisecond,
		},
		"too slow": {
			harm:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.slow = 100 * time.Millisecond }) },
			heal:    func(b *testBundle, _ *swap) { b.redis.fault(func() { b.redis.slow = 0 }) },
			allowed: 50 * time.Millisecond,
		},
		"wiped": {
			harm:    func(b *testBundle, _ *swap) { b.redis.FlushAll() },
			heal:    func(*testBundle, *swap) {},
			allowed: time.Millisecond,
		},
		"refusing": {
			harm:    func(b *testBundle, _ *swap) { b.redis.SetError("OOM command not allowed") },
			heal:    func(b *testBundle, _ *swap) { b.redis.SetError("") },
			allowed: time.Millisecond,
		},
		"replying for another key": {
			harm:    func(_ *testBundle, s *swap) { s.set(true) },
			heal:    func(_ *testBundle, s *swap) { s.set(false) },
			allowed: time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				b.world.delay = func() (before, after time.Duration) { return rowsTake / 2, rowsTake / 2 }
				all := numbered("evt", 50)
				b.world.commit(all...)
				replies := &swap{}
				client := b.redis.client(b)
				client.AddHook(replies)
				committer := b.open()
				// Too small for all, so that Redis is asked all the time.
				reader := b.open(func(cfg *cache.Config) {
					cfg.Shared, cfg.MaxEntries = share(b, client), 10
				})
				l := load{testBundle: b, committer: committer, reader: reader, campaigns: all}

				l.run(time.Second)
				tc.harm(b, replies)
				took := l.run(4 * time.Second)
				if slowest := took[len(took)*99/100]; slowest > rowsTake+tc.allowed {
					b.Errorf("of %d reads the slowest hundredth took %v, want at most %v", len(took), slowest, rowsTake+tc.allowed)
				}
				tc.heal(b, replies)
				l.run(2500 * time.Millisecond) // it recovers by itself
				before := reader.Stats()
				l.run(time.Second)
				after := reader.Stats()
				if after.Shared.Breaker != "closed" || after.SharedHits < before.SharedHits+50 || after.Errors != before.Errors {
					b.Errorf("not recovered: %+v, then %+v", before, after)
				}
			})
		})
	}
}

// load is readers of many campaigns, while they change.
type load struct {
	*testBundle
	committer, reader *cache.Cache
	campaigns         []events.Campaign
}

// run reads for a while and returns how long each read took, sorted.
func (l *load) run(during time.Duration) []time.Duration {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		took  []time.Duration
		until = time.Now().Add(during)
	)
	all.Go(func() {
		for time.Now().Before(until) {
			l.committer.Committed(l.world.commit(l.campaigns[rand.IntN(len(l.campaigns))]))
			time.Sleep(100 * time.Millisecond)
		}
	})
	for range 4 {
		all.Go(func() {
			for time.Now().Before(until) {
				c, begun := l.campaigns[rand.IntN(len(l.campaigns))], time.Now()
				got := l.read(l.reader, c)
				mu.Lock()
				took = append(took, time.Since(begun))
				mu.Unlock()
				if want := l.world.before(c, begun.Add(-cache.DefaultBound)); got < want {
					l.Errorf("%s has commit %d, commit %d was readable", c, got, want)
				}
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	return took
}

// swap is a fault: Redis replies with what belongs to other keys.
type swap struct {
	mu sync.Mutex
	on bool
}

func (s *swap) set(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

func (s *swap) DialHook(next goredis.DialHook) goredis.DialHook          { return next }
func (s *swap) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (s *swap) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	var last string
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		err := next(ctx, cmds)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, cmd := range cmds {
			if get, ok := cmd.(*goredis.StringCmd); ok {
				value := get.Val()
				if s.on {
					get.SetVal(last)
				}
				last = value
			}
		}
		return err
	}
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		all := numbered("evt", 100)
		b.world.commit(all...)
		process := b.open()
		b.read(process, all[0])
		synctest.Wait()
		if got := process.Stats().Shared.Breaker; got != "closed" {
			b.Fatalf("breaker is %s, want closed", got)
		}
		b.redis.fault(func() { b.redis.frozen = true })
		for _, c := range all[1:11] {
			b.read(process, c)
		}
		time.Sleep(100 * time.Millisecond)
		if got := process.Stats().Shared.Breaker; got != "open" {
			b.Errorf("breaker is %s after a handful of failures, want open", got)
		}
		begun, errs := time.Now(), process.Stats().Errors
		for _, c := range all[11:50] {
			b.read(process, c)
		}
		if took := time.Since(begun); took != 0 || process.Stats().Errors != errs {
			b.Errorf("behind the open breaker reads took %v, %d failed", took, process.Stats().Errors-errs)
		}
		b.redis.fault(func() { b.redis.frozen = false })
		time.Sleep(1100 * time.Millisecond)
		if got := process.Stats().Shared.Breaker; got != "half-open" {
			b.Errorf("breaker is %s after a second, want half-open", got)
		}
		b.read(process, all[50])
		if got := process.Stats().Shared.Breaker; got != "closed" {
			b.Errorf("breaker is %s after a success, want closed", got)
		}
	})
}

// TestCommittedWaitsForNobody: what can't be announced is dropped, and the others
// find that out.
func TestCommittedWaitsForNobody(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		committer, other := b.open(), b.open()
		b.read(other, "evt-1")
		b.reads(committer, "evt-1", 100*time.Millisecond)
		b.redis.fault(func() { b.redis.frozen = true })
		begun := time.Now()
		for range 10 * maxChanges {
			committer.Committed(b.world.commit("evt-1"))
		}
		if took := time.Since(begun); took != 0 {
			b.Errorf("it took %v", took)
		}
		time.Sleep(time.Second)
		if got := committer.Stats().Shared.Dropped; got < maxChanges {
			b.Errorf("%d commits were dropped", got)
		}
		want := int64(1 + 10*maxChanges)
		if got := b.read(other, "evt-1"); got != want {
			b.Errorf("the other process serves commit %d, want %d", got, want)
		}
		b.redis.fault(func() { b.redis.frozen = false })
		for range 30 {
			committer.Committed(b.world.commit("evt-1"))
			b.reads(other, "evt-1", 100*time.Millisecond)
		}
		if got := other.Stats(); got.Gaps == 0 || got.Notices == 0 {
			b.Errorf("the other process has noticed nothing: %+v", got)
		}
	})
}

// TestUnusableValuesAreReplaced: a damaged value is replaced whatever revision it
// claims.
func TestUnusableValuesAreReplaced(t *testing.T) {
	t.Parallel()
	future := readmodel.Revision{Incarnation: 1 << 62}.String()
	for name, value := range map[string]string{
		"a text":                      "hello",
		"digits that are none":        fmt.Sprintf("%048s and more", "zz"),
		"a revision that never was":   future + " and more",
		"a revision of another store": future + "\x01",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				b.world.commit("evt-1", "evt-2")
				if err := b.redis.Set(key, value); err != nil {
					b.Fatal(err)
				}
				b.read(b.open(), "evt-1")
				synctest.Wait()
				other := b.open()
				b.read(other, "evt-2") // so that it polls
				synctest.Wait()
				b.read(other, "evt-1")
				if got := other.Stats().SharedHits; got != 1 {
					got, _ := b.redis.Get(key)
					b.Errorf("Redis still holds %q", got)
				}
			})
		})
	}
}

// TestTombstones looks at what a commit leaves in Redis.
func TestTombstones(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		committer := b.open()
		ch := b.world.commit("evt-1")
		committer.Committed(ch)
		synctest.Wait()
		if got, _ := b.redis.Get(key); got != ch.To.String() {
			b.Errorf("Redis holds %q, want the revision %v", got, ch.To)
		}
		if got := b.redis.TTL(key); got != tombstoneTTL || got <= cache.LoadTimeout {
			b.Errorf("TTL = %v, want longer than any read", got)
		}
		time.Sleep(tombstoneTTL / 2)
		ch = b.world.commit("evt-1")
		committer.Committed(ch)
		synctest.Wait()
		if got, _ := b.redis.Get(key); got != ch.To.String() || b.redis.TTL(key) != tombstoneTTL {
			b.Errorf("Redis holds %q, want the revision %v for as long again", got, ch.To)
		}
		b.read(committer, "evt-1")
		synctest.Wait()
		if got, _ := b.redis.Get(key); len(got) <= readmodel.RevisionDigits || b.redis.TTL(key) <= tombstoneTTL {
			b.Errorf("Redis holds %q for %v, want the rows", got, b.redis.TTL(key))
		}
	})
}

// TestRefreshOfWhatOthersUse: the committing process refreshes what is in Redis
// though it serves no reads itself, and does not keep it there for good.
func TestRefreshOfWhatOthersUse(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		b.read(b.open(), "evt-1")
		synctest.Wait()
		committer := b.open()
		for began := time.Now(); time.Since(began) < valueTTL*12/10; time.Sleep(10 * time.Second) {
			committer.Committed(b.world.commit("evt-1"))
		}
		if got, _ := b.redis.Get(key); len(got) > readmodel.RevisionDigits {
			b.Errorf("Redis holds the rows long after the last read: %d bytes", len(got))
		}
		if s := committer.Stats(); s.Refreshes < 20 || s.Entries != 0 {
			b.Errorf("stats are %+v, want some refreshes and no entries", s)
		}
	})
}
