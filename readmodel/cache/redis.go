package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	dialTimeout = 100 * time.Millisecond
	// answerTimeout is how long Redis may take, and a reader wait for it.
	answerTimeout = 25 * time.Millisecond

	// lookers is how many batches of lookups are under way at once: while they are,
	// the next ones gather.
	lookers   = 2
	users     = lookers + 2 // of a connection each: to look up, to keep, to announce
	batchKeys = 128         // of lookups, or of values to keep
)

// When the breaker opens, and for how long.
const (
	breakerOpen   = time.Second
	breakerInARow = 5
	breakerLeast  = 10
	breakerWindow = 10 * time.Second
	breakerBucket = time.Second
)

// Options returns how to reach the Redis at a URL (redis://, rediss:// or unix://)
// with the timeouts that the cache needs: whoever makes a client otherwise sets them
// likewise.
func Options(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of Redis: %w", err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, answerTimeout, answerTimeout
	o.PoolTimeout, o.ContextTimeoutEnabled = answerTimeout, true
	o.PipelinePoolSize = -1               // all is pipelined: one pool is enough
	o.MaxIdleConns = users                // a dial that nobody waits for any more leaves a connection
	o.MaxRetries, o.DialerRetries = -1, 1 // the breaker says when to try again
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// link is the way to Redis. Nothing that it returns is believed: values are proven
// like any other answer, and where it fails, the rows are read.
type link struct {
	client  redis.UniversalClient
	breaker *gobreaker.CircuitBreaker[struct{}]
	scripts scripts
	count   *counters
	log     *slog.Logger
	life    *life

	lookups chan *lookup
	stores  chan store
	changes chan readmodel.Change
}

func newLink(client redis.UniversalClient, life *life, count *counters, log *slog.Logger) *link {
	l := &link{
		client: client, scripts: newScripts(), count: count, log: log, life: life,
		lookups: make(chan *lookup, 8*batchKeys),
		stores:  make(chan store, 8*batchKeys),
		changes: make(chan readmodel.Change, maxChanges),
	}
	l.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
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
			log.LogAttrs(context.Background(), slog.LevelWarn, "cache: breaker of Redis",
				slog.String("from", from.String()), slog.String("to", to.String()))
		},
	})
	return l
}

// pipe sends what fill queues, all at once, if the breaker lets it. It returns the
// first error that speaks against Redis as a whole.
func (l *link) pipe(fill func(context.Context, redis.Pipeliner)) error {
	_, err := l.breaker.Execute(func() (struct{}, error) {
		ctx, cancel := l.life.within(dialTimeout + answerTimeout)
		defer cancel()
		pipe := l.client.Pipeline()
		fill(ctx, pipe)
		cmds, err := pipe.Exec(ctx)
		if err == nil {
			return struct{}{}, nil
		}
		for _, cmd := range cmds {
			if !harmless(cmd.Err()) {
				return struct{}{}, cmd.Err()
			}
		}
		return struct{}{}, nil
	})
	if err != nil && !refusedByBreaker(err) {
		l.count.errors.Add(1)
	}
	return err
}

// harmless reports whether the error concerns one key only.
func harmless(err error) bool {
	return err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "NOSCRIPT")
}

func refusedByBreaker(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

// lookup is a value that somebody waits for.
type lookup struct {
	key   string
	done  chan struct{} // closed once the rest is set
	value string
	ok    bool
}

// get returns the campaign's value, false where there is none or it does not come
// in time.
func (l *link) get(ctx context.Context, c events.Campaign) (string, bool) {
	if l.breaker.State() == gobreaker.StateOpen {
		return "", false
	}
	g := &lookup{key: keyPrefix + string(c), done: make(chan struct{})}
	timer := time.NewTimer(answerTimeout)
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

// look answers lookups until ctx ends, all that are there at once.
func (l *link) look(ctx context.Context) {
	for {
		batch := gather(ctx, l.lookups, batchKeys)
		if batch == nil {
			return
		}
		answers := make([]*redis.StringCmd, len(batch))
		_ = l.pipe(func(ctx context.Context, pipe redis.Pipeliner) { // where it failed no answer is ok
			for i, g := range batch {
				answers[i] = pipe.Get(ctx, g.key)
			}
		})
		for i, g := range batch {
			if answers[i] != nil && answers[i].Err() == nil {
				g.value, g.ok = answers[i].Val(), true
			}
			close(g.done)
		}
	}
}

// store is a value to keep, unless Redis has one of a later revision.
type store struct {
	campaign events.Campaign
	value    []byte
	read     time.Time // when the read of its rows was sent
	keepTTL  bool      // nobody asked for it: it lives on for as long as the last one
	instead  string    // an unusable value that may be replaced whatever its revision
}

// put has the value kept some time soon, or not at all.
func (l *link) put(s store) {
	select {
	case l.stores <- s:
	default:
	}
}

// keep stores values until ctx ends.
func (l *link) keep(ctx context.Context) {
	for {
		batch := gather(ctx, l.stores, batchKeys)
		if batch == nil {
			return
		}
		calls := make([]call, 0, len(batch))
		for _, s := range batch {
			// What is older may have outlived the tombstone that it must not replace.
			if since(time.Now(), s.read) < tombstoneTTL-2*time.Second {
				calls = append(calls, l.scripts.put(s))
			}
		}
		l.run(l.scripts.putScript, calls)
		for _, c := range calls {
			if c.result == nil {
				continue // the breaker is open
			}
			if stored, err := c.result.Int(); err == nil && stored == 0 {
				l.count.refused.Add(1)
			}
		}
	}
}

// gather waits for something and takes what else is there; nil once ctx has ended.
func gather[T any](ctx context.Context, from <-chan T, most int) []T {
	select {
	case one := <-from:
		return append([]T{one}, waiting(from, most-1)...)
	case <-ctx.Done():
		return nil
	}
}

// waiting returns what is there.
func waiting[T any](from <-chan T, most int) []T {
	var all []T
	for len(all) < most {
		select {
		case one := <-from:
			all = append(all, one)
		default:
			return all
		}
	}
	return all
}
