package cache_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/cache/redis"
)

// forger is a process that can write to Redis and does not have its key.
type forger struct {
	*testBundle
	client *goredis.Client
	cache  *cache.Cache
	world  *world
}

// newForger returns one that shares rows of its own making.
func newForger(b *testBundle) *forger {
	f := &forger{testBundle: b, client: b.redis.client(b), world: newWorld()}
	f.world.now = b.world.now
	level := shareAs(b, redis.Config{Client: f.client, Key: [redis.KeyBytes]byte{2}})
	f.cache = b.open(func(cfg *cache.Config) { cfg.Inner, cfg.Shared = f.world, level })
	return f
}

// put shares what the forger wants to be read of a campaign, and returns it.
func (f *forger) put(c events.Campaign) string {
	f.Helper()
	f.redis.Del(keyOf(c))
	f.world.commit(c)
	f.cache.Forget(c)
	f.read(f.cache, c)
	synctest.Wait()
	value, err := f.redis.Get(keyOf(c))
	if err != nil || len(value) <= readmodel.RevisionDigits {
		f.Fatalf("the forger has shared %q, %v", value, err)
	}
	return value
}

func keyOf(c events.Campaign) string { return "analytics:dashboard:" + string(c) }

// TestForgedValuesAreMisses: a value that was made without the key is not served, whatever it
// says and whatever revision it claims. It is counted, and replaced by the next that is read.
func TestForgedValuesAreMisses(t *testing.T) {
	t.Parallel()
	future := readmodel.Revision{Incarnation: 1 << 62}.String()
	for name, forge := range map[string]func(f *forger) string{
		"made with another key": func(f *forger) string { return f.put("evt-1") },
		"of a revision that never was": func(f *forger) string {
			return future + f.put("evt-1")[readmodel.RevisionDigits:]
		},
		"as long as it may be":  func(*forger) string { return future + strings.Repeat("x", 1<<20) },
		"as an earlier version": func(*forger) string { return future + "\x02" + strings.Repeat("x", 100) },
		"a genuine one, changed": func(f *forger) string {
			f.read(f.open(), "evt-1")
			synctest.Wait()
			value, _ := f.redis.Get(keyOf("evt-1"))
			return future[:readmodel.RevisionDigits] + value[readmodel.RevisionDigits:]
		},
		"a genuine one of another campaign": func(f *forger) string {
			f.read(f.open(), "evt-2")
			synctest.Wait()
			value, _ := f.redis.Get(keyOf("evt-2"))
			return value
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				b.world.commit("evt-1", "evt-2")
				f := newForger(b)
				value := forge(f)
				if err := b.redis.Set(keyOf("evt-1"), value); err != nil { // which never expires
					b.Fatal(err)
				}
				process := b.open()
				b.read(process, "evt-2") // so that it polls
				synctest.Wait()
				if got, want := b.read(process, "evt-1"), b.world.at("evt-1", b.world.now); got != want {
					b.Errorf("commit %d is served, want %d", got, want)
				}
				synctest.Wait()
				if got := process.Stats(); got.Errors == 0 || got.Shared.Forged == 0 && !strings.Contains(t.Name(), "another_campaign") {
					b.Errorf("not counted: %+v", got)
				}
				if left := b.redis.TTL(keyOf("evt-1")); left <= 0 || left > valueTTL*11/10 {
					b.Errorf("what replaced it lives for %v", left)
				}
				other := b.open()
				b.read(other, "evt-2")
				synctest.Wait()
				b.read(other, "evt-1")
				if got := other.Stats(); got.SharedHits == 0 || got.Errors != 0 {
					b.Errorf("it was not replaced: %+v", got)
				}
			})
		})
	}
}

// TestOldValuesAreMisses: a genuine value that is put back is of the past, and not served (I9).
func TestOldValuesAreMisses(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1", "evt-2")
		process := b.open()
		b.read(process, "evt-1")
		synctest.Wait()
		old, _ := b.redis.Get(keyOf("evt-1"))
		b.world.commit("evt-1") // and no notice of it
		other := b.open()
		b.read(other, "evt-2")
		synctest.Wait()
		for range 20 {
			if err := b.redis.Set(keyOf("evt-1"), old); err != nil {
				b.Fatal(err)
			}
			if got := b.read(other, "evt-1"); got != 2 {
				b.Fatalf("commit %d is served, want 2", got)
			}
			other.Forget("evt-1")
			time.Sleep(100 * time.Millisecond)
		}
		if got := other.Stats(); got.SharedHits != 0 || got.Shared.Forged != 0 {
			b.Errorf("the old value was used, or passes for a forged one: %+v", got)
		}
	})
}

// TestForgedTombstones: a revision that never was, without rows, keeps no campaign out of Redis
// for longer than one read of it.
func TestForgedTombstones(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1", "evt-2")
		for _, tombstone := range []string{
			readmodel.Revision{Incarnation: 1 << 62}.String(), strings.Repeat("f", readmodel.RevisionDigits), strings.Repeat("z", readmodel.RevisionDigits),
		} {
			if err := b.redis.Set(keyOf("evt-1"), tombstone); err != nil {
				b.Fatal(err)
			}
			b.read(b.open(), "evt-1")
			synctest.Wait()
			other := b.open()
			b.read(other, "evt-2")
			synctest.Wait()
			b.read(other, "evt-1")
			if got := other.Stats().SharedHits; got == 0 {
				got, _ := b.redis.Get(keyOf("evt-1"))
				b.Errorf("Redis still holds %q", got)
			}
		}
	})
}

// TestForgedNotices: what was announced without the key changes nothing, and a flood of it ends
// the subscription for a while, so that it makes no work without bound.
func TestForgedNotices(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1")
		process := b.open()
		b.reads(process, "evt-1", time.Second)
		before := process.Stats()

		f := newForger(b)
		// The other one's cache announces revisions of the future, and so a history that is lost.
		for range 50 {
			f.cache.Committed(f.world.become(func(r *readmodel.Revision) { r.Position += 1 << 40 }, "evt-1"))
			b.reads(process, "evt-1", 20*time.Millisecond)
		}
		after := process.Stats()
		if after.Notices != before.Notices || after.Gaps != before.Gaps || after.Shared.Forged < before.Shared.Forged+40 {
			b.Errorf("before %+v, after %+v", before, after)
		}
		if after.Entries != 1 || after.Misses != before.Misses {
			b.Errorf("entries were dropped: %+v", after)
		}

		flood := func(messages int) int64 {
			begun := process.Stats().Shared.Forged
			for range messages {
				b.redis.Publish("analytics:changes", "x")
				synctest.Wait()
			}
			return process.Stats().Shared.Forged - begun
		}
		time.Sleep(time.Second)
		if got := flood(1_000); got > 101 {
			b.Errorf("%d forged notices were judged within a second", got)
		}
		b.reads(process, "evt-1", 3*time.Second) // it is begun again
		committer := b.open()
		b.read(committer, "evt-1")
		synctest.Wait()
		noticed := process.Stats().Notices
		committer.Committed(b.world.commit("evt-1"))
		b.reads(process, "evt-1", 100*time.Millisecond)
		if got := process.Stats().Notices; got == noticed {
			b.Error("no genuine notice came after the flood")
		}
	})
}

// TestAnotherTypeIsReplaced: a key that holds no text is written anew.
func TestAnotherTypeIsReplaced(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.commit("evt-1", "evt-2")
		if _, err := b.redis.Push(keyOf("evt-1"), "of another program"); err != nil {
			b.Fatal(err)
		}
		process := b.open()
		process.Committed(b.world.commit("evt-1"))
		synctest.Wait()
		b.read(process, "evt-1")
		synctest.Wait()
		other := b.open()
		b.read(other, "evt-2")
		synctest.Wait()
		b.read(other, "evt-1")
		if got := other.Stats(); got.SharedHits != 1 || process.Stats().Shared.Breaker != "closed" {
			b.Errorf("stats are %+v", got)
		}
	})
}

// TestPatience: a Redis in this process that is slow, as when the processors are busy, is not
// given up. Readers wait for it no longer than for another one.
func TestPatience(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		all := numbered("evt", 100)
		b.world.commit(all...)
		client := b.redis.clientOf(b, redis.InProcess(b.redis.dial))
		process := b.open(func(cfg *cache.Config) { cfg.Shared = share(b, client) })
		b.read(process, all[0])
		synctest.Wait()
		b.redis.fault(func() { b.redis.slow = 300 * time.Millisecond })
		for _, c := range all[1:50] {
			begun := time.Now()
			b.read(process, c)
			if took := time.Since(begun); took > 25*time.Millisecond {
				b.Errorf("a read took %v", took)
			}
			process.Committed(b.world.commit(c))
		}
		if got := process.Stats(); got.Shared.Breaker != "closed" || got.Errors != 0 {
			b.Errorf("stats are %+v", got)
		}
	})
}
