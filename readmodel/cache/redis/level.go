package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

const (
	dialTimeout = 100 * time.Millisecond
	// replyTimeout is how long Redis may take, and a reader wait for it.
	replyTimeout = 25 * time.Millisecond

	// lookers is the number of pipelines of lookups that are under way at once. The next
	// lookups gather meanwhile.
	lookers = 2
)

// Options returns the client's options for the Redis at a URL (redis://, rediss:// or
// unix://), with the timeouts that a [Level] needs.
func Options(url string) (*goredis.Options, error) {
	o, err := goredis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of Redis: %w", err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, replyTimeout, replyTimeout
	o.PoolTimeout, o.ContextTimeoutEnabled = replyTimeout, true
	o.PipelinePoolSize = -1               // all commands are pipelined: one pool is enough
	o.MaxIdleConns = lookers + 2          // one for write and announce each; an abandoned dial adds more
	o.MaxRetries, o.DialerRetries = -1, 1 // the breaker decides when to try again
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// Level is a [cache.Shared] in a Redis. [New] makes one.
type Level struct {
	client                goredis.UniversalClient
	codec                 codec
	breaker               *gobreaker.CircuitBreaker[struct{}]
	putScript, markScript *goredis.Script
	logger                *slog.Logger

	lookups chan *lookup
	writes  chan write
	changes chan readmodel.Change

	refused, errors, dropped atomic.Int64
}

var _ cache.Shared = (*Level)(nil)

// New returns a level in the client's Redis, for rows of the tables. The client should
// have the timeouts of
// [Options]; the level does not close it.
func New(client goredis.UniversalClient, tables []*readmodel.Table, logger *slog.Logger) *Level {
	return &Level{
		client: client, codec: newCodec(tables), logger: logger,
		putScript:  goredis.NewScript(putLua),
		markScript: goredis.NewScript(markLua),
		lookups:    make(chan *lookup, 8*batchKeys),
		writes:     make(chan write, 8*batchKeys),
		changes:    make(chan readmodel.Change, maxChanges),
		breaker: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Interval:     10 * time.Second,
			BucketPeriod: time.Second,
			Timeout:      time.Second,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				ended := c.TotalSuccesses + c.TotalFailures
				return c.ConsecutiveFailures >= 5 || ended >= 10 && 2*c.TotalFailures > ended
			},
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				logger.LogAttrs(context.Background(), slog.LevelWarn, "cache: breaker of Redis",
					slog.String("from", from.String()), slog.String("to", to.String()))
			},
		}),
	}
}

// Run implements [cache.Shared].
func (l *Level) Run(ctx context.Context, changed func(readmodel.Change), stale func(events.Campaign)) {
	var running sync.WaitGroup
	defer running.Wait()
	for range lookers {
		running.Go(func() { l.look(ctx) })
	}
	running.Go(func() { l.write(ctx) })
	running.Go(func() { l.announce(ctx, stale) })
	running.Go(func() { l.listen(ctx, changed) })
}

// Stats implements [cache.Shared].
func (l *Level) Stats() cache.SharedStats {
	return cache.SharedStats{
		Refused:     l.refused.Load(),
		Errors:      l.errors.Load(),
		Dropped:     l.dropped.Load(),
		Connections: int(l.client.PoolStats().TotalConns),
		Breaker:     l.breaker.State().String(),
	}
}
