package cache_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

const key = "analytics:dashboard:evt-1"

// TestStaleSet stops a reader between the read of rows and the SET that keeps them,
// and lets a commit pass by.
func TestStaleSet(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cached bool // Redis has the rows from before when the commit comes
	}{
		"a tombstone is in its way": {cached: false},
		"newer rows are in its way": {cached: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(b *testBundle) {
				committer := b.open()
				b.world.commit("evt-1")
				// The reader sees the rows before the commit and stops.
				stopped := stoppedReader{world: b.world, seen: make(chan struct{}), resume: make(chan struct{})}
				reader := b.open(func(cfg *cache.Config) { cfg.Inner = &stopped })
				result := make(chan int64)
				go func() { result <- b.read(reader, "evt-1") }()
				<-stopped.seen
				if tc.cached {
					b.read(committer, "evt-1")
				}
				synctest.Wait()

				committer.Committed(b.world.commit("evt-1"))
				time.Sleep(time.Second) // tombstones and refreshes are in place
				before, _ := b.redis.Get(key)
				if wantRows := tc.cached; (len(before) > readmodel.RevisionDigits) != wantRows {
					b.Fatalf("Redis holds %d bytes after the commit, rows: want %v", len(before), wantRows)
				}

				close(stopped.resume)
				if got := <-result; got != 1 {
					b.Errorf("the reader has commit %d, it read commit 1", got)
				}
				synctest.Wait()
				if after, _ := b.redis.Get(key); after != before {
					b.Errorf("Redis holds %x, %x before", after, before)
				}
				if got := reader.Stats().Shared.Refused; got != 1 {
					b.Errorf("%d values refused, want the stale one", got)
				}
				time.Sleep(cache.DefaultBound)
				for _, process := range []*cache.Cache{committer, reader, b.open()} {
					if got := b.read(process, "evt-1"); got != 2 {
						b.Errorf("commit %d is served, want 2", got)
					}
				}
			})
		})
	}
}

// TestStaleSetIntoNothing wipes Redis between the commit and the SET: what is stored
// then is old, and is not served.
func TestStaleSetIntoNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(b *testBundle) {
		committer := b.open()
		b.world.commit("evt-1", "evt-2")
		b.read(committer, "evt-2") // so that it polls
		stopped := stoppedReader{world: b.world, seen: make(chan struct{}), resume: make(chan struct{})}
		reader := b.open(func(cfg *cache.Config) { cfg.Inner = &stopped })
		go b.read(reader, "evt-1")
		<-stopped.seen
		committer.Committed(b.world.commit("evt-1"))
		synctest.Wait()
		b.redis.FlushAll()
		close(stopped.resume)
		synctest.Wait()
		if value, _ := b.redis.Get(key); len(value) <= readmodel.RevisionDigits {
			b.Fatalf("Redis holds %d bytes, want the stale rows", len(value))
		}
		for _, process := range []*cache.Cache{committer, b.open()} {
			b.reads(process, "evt-2", time.Second)
			if got := b.read(process, "evt-1"); got != 2 {
				b.Errorf("commit %d is served, want 2", got)
			}
		}
	})
}

// stoppedReader is a reader whose first read of a campaign stops once it has the rows.
type stoppedReader struct {
	*world
	seen, resume chan struct{}
	passed       bool
}

func (h *stoppedReader) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	rows, err := h.world.Campaign(ctx, c, by)
	if !h.passed {
		h.passed = true
		close(h.seen)
		select {
		case <-h.resume:
		case <-ctx.Done(): // the test has failed
		}
	}
	return rows, err
}
