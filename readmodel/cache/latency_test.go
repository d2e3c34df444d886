package cache_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"jangbu/readmodel/cache"
)

// scripted counts the keys that clients have scripts write, each of which takes its keys as
// arguments 3 and later, after their number.
type scripted struct {
	mu   sync.Mutex
	keys int // guarded by mu
}

// DialHook implements [goredis.Hook].
func (*scripted) DialHook(next goredis.DialHook) goredis.DialHook { return next }

// ProcessHook implements [goredis.Hook].
func (*scripted) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

// ProcessPipelineHook implements [goredis.Hook].
func (s *scripted) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		s.mu.Lock()
		for _, cmd := range cmds {
			if strings.HasPrefix(cmd.Name(), "eval") {
				s.keys += cmd.Args()[2].(int)
			}
		}
		s.mu.Unlock()
		return next(ctx, cmds)
	}
}

// since returns how many keys have been written since the last call.
func (s *scripted) since() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.keys
	s.keys = 0
	return n
}

// TestChangesAreSeenAtOnce: a change of a watched campaign is seen in every process 20 ms after
// its commit, and those that follow at most every 250 ms. It is written to Redis as often, whatever
// the number of commits: as a mark by the process that commits, and as rows by one of all, or by
// each where the next change comes before the others have read them.
func TestChangesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		b.world.delay = func() (before, after time.Duration) { return time.Millisecond, time.Millisecond }
		b.world.commit("evt-1")
		writes := &scripted{}
		shared := func(cfg *cache.Config) {
			client := b.redis.client(b)
			client.AddHook(writes)
			cfg.Shared = share(b, client)
		}
		processes := []*cache.Cache{b.open(shared), b.open(shared), b.open(shared)}
		ctx, cancel := context.WithCancel(b.Context())
		var watching sync.WaitGroup
		seen := make([]time.Time, len(processes)) // when the last change was
		seenAt := make([]int64, len(processes))   // which it was
		for i, process := range processes {
			changed, stop := process.Watch("evt-1")
			b.read(process, "evt-1")
			watching.Go(func() {
				defer stop()
				for {
					select {
					case <-changed:
						if at := b.read(process, "evt-1"); at != seenAt[i] {
							seen[i], seenAt[i] = time.Now(), at
						}
					case <-ctx.Done():
						return
					}
				}
			})
		}
		processes[0].Committed(b.world.commit("evt-1")) // Redis learns the scripts
		time.Sleep(time.Second)
		writes.since()

		const within = 20 * time.Millisecond
		for range 3 {
			committed := time.Now()
			processes[0].Committed(b.world.commit("evt-1"))
			time.Sleep(cache.RefreshPause + within)
			synctest.Wait()
			for i, at := range seen {
				if took := at.Sub(committed); took < 0 || took > within {
					b.Errorf("process %d sees a change %v after its commit, want at most %v", i, took, within)
				}
			}
			if got := writes.since(); got != 2 {
				b.Errorf("a change is written to Redis %d times, want its mark and its rows", got)
			}
		}

		const commits, every = 400, 5 * time.Millisecond
		for range commits {
			processes[0].Committed(b.world.commit("evt-1"))
			time.Sleep(every)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got, most := writes.since(), (1+len(processes))*(1+int(commits*every/cache.RefreshPause)); got > most {
			b.Errorf("%d commits are written to Redis %d times, want at most %d", commits, got, most)
		}
		for i, at := range seenAt {
			if want := int64(2 + 3 + commits); at != want {
				b.Errorf("process %d sees commit %d, want the last one, %d", i, at, want)
			}
		}
		cancel()
		watching.Wait()
	})
}
