package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"jangbu/events"
	"jangbu/readmodel"
)

// batchKeys is how many lookups, or values to write, travel in one pipeline.
const batchKeys = 128

// lookup is a value that a reader waits for.
type lookup struct {
	key   string
	done  chan struct{} // closed once the fields below are set
	value string
	ok    bool
}

// Get implements [cache.Shared].
func (l *Level) Get(ctx context.Context, c events.Campaign) (rows readmodel.CampaignRows, damaged string, ok bool) {
	value, ok := l.get(ctx, keyPrefix+string(c))
	if !ok || isTombstone(value) {
		return rows, "", false
	}
	if rows, ok = decodeValue(value, c); !ok {
		l.errors.Add(1)
		return rows, value, false
	}
	return rows, "", true
}

// get returns the value of a key, false where there is none or it does not arrive in
// time.
func (l *Level) get(ctx context.Context, key string) (string, bool) {
	if l.breaker.State() == gobreaker.StateOpen {
		return "", false
	}
	g := &lookup{key: key, done: make(chan struct{})}
	timer := time.NewTimer(replyTimeout)
	defer timer.Stop()
	select {
	case l.lookups <- g:
	case <-timer.C:
		return "", false
	}
	select {
	case <-g.done:
		return g.value, g.ok
	case <-timer.C:
	case <-ctx.Done():
	}
	return "", false
}

// look looks up all keys that are waiting, again and again until ctx ends.
func (l *Level) look(ctx context.Context) {
	for {
		batch := gather(ctx, l.lookups, batchKeys)
		if batch == nil {
			return
		}
		replies := make([]*goredis.StringCmd, len(batch))
		_ = l.pipe(ctx, func(ctx context.Context, pipe goredis.Pipeliner) { // where it fails no reply is ok
			for i, g := range batch {
				replies[i] = pipe.Get(ctx, g.key)
			}
		})
		for i, g := range batch {
			if replies[i] != nil && replies[i].Err() == nil {
				g.value, g.ok = replies[i].Val(), true
			}
			close(g.done)
		}
	}
}
