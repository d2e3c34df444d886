package redis

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// When the breaker opens, and for how long.
const (
	breakerOpen   = time.Second
	breakerInARow = 5
	breakerLeast  = 10
	breakerWindow = 10 * time.Second
	breakerBucket = time.Second
)

// Level is a [cache.Shared] in a Redis. [New] makes one.
type Level struct {
	client  goredis.UniversalClient
	breaker *gobreaker.CircuitBreaker[struct{}]
	scripts scripts
	logger  *slog.Logger

	lookups chan *lookup
	values  chan write
	changes chan readmodel.Change

	refused, errors, dropped atomic.Int64
}

var _ cache.Shared = (*Level)(nil)

// New returns a level in the client's Redis. The client should have the timeouts of
// [Options]; the level does not close it.
func New(client goredis.UniversalClient, logger *slog.Logger) *Level {
	return &Level{
		client: client, scripts: newScripts(), logger: logger,
		lookups: make(chan *lookup, 8*batchKeys),
		values:  make(chan write, 8*batchKeys),
		changes: make(chan readmodel.Change, maxChanges),
		breaker: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
			Name:         "redis",
			MaxRequests:  1,
			Interval:     breakerWindow,
			BucketPeriod: breakerBucket,
			Timeout:      breakerOpen,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				ended := c.TotalSuccesses + c.TotalFailures
				return c.ConsecutiveFailures >= breakerInARow || ended >= breakerLeast && 2*c.TotalFailures > ended
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

// pipe sends the commands that fill queues as one pipeline if the breaker is not open. It
// returns the first error that concerns more than one key.
func (l *Level) pipe(ctx context.Context, fill func(context.Context, goredis.Pipeliner)) error {
	_, err := l.breaker.Execute(func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout+replyTimeout)
		defer cancel()
		pipe := l.client.Pipeline()
		fill(ctx, pipe)
		cmds, err := pipe.Exec(ctx)
		if err == nil {
			return struct{}{}, nil
		}
		for _, cmd := range cmds {
			if !ofOneKey(cmd.Err()) {
				return struct{}{}, cmd.Err()
			}
		}
		return struct{}{}, nil
	})
	if err != nil && !errors.Is(err, gobreaker.ErrOpenState) && !errors.Is(err, gobreaker.ErrTooManyRequests) {
		l.errors.Add(1)
	}
	return err
}

// ofOneKey reports whether a command failed because of its key only, if at all.
func ofOneKey(err error) bool {
	return err == nil || errors.Is(err, goredis.Nil) || goredis.HasErrorPrefix(err, "WRONGTYPE") || goredis.HasErrorPrefix(err, "NOSCRIPT")
}

// gather waits for an item and takes up to most that are there; nil once ctx has ended.
func gather[T any](ctx context.Context, from <-chan T, most int) []T {
	select {
	case first := <-from:
		return append([]T{first}, drain(from, most-1)...)
	case <-ctx.Done():
		return nil
	}
}

// drain takes up to most items that are there.
func drain[T any](from <-chan T, most int) []T {
	var all []T
	for len(all) < most {
		select {
		case next := <-from:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}
