package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	// inProcessTimeout is how long a Redis in this process may take. A reader waits no longer
	// for it than for another.
	inProcessTimeout = 2 * time.Second

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
	return withTimeouts(o, replyTimeout), nil
}

// InProcess returns the client's options for a Redis in this process, to which dial connects.
// It cannot be away, and is slow only while the processors are busy, when giving it up would
// make more work.
func InProcess(dial func() (net.Conn, error)) *goredis.Options {
	return withTimeouts(&goredis.Options{
		Addr:   "in-process",
		Dialer: func(context.Context, string, string) (net.Conn, error) { return dial() },
	}, inProcessTimeout)
}

func withTimeouts(o *goredis.Options, reply time.Duration) *goredis.Options {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = max(dialTimeout, reply), reply, reply
	o.PoolTimeout, o.ContextTimeoutEnabled = reply, true
	o.PipelinePoolSize = -1               // all commands are pipelined: one pool is enough
	o.MaxIdleConns = lookers + 2          // one for write and announce each; an abandoned dial adds more
	o.MaxRetries, o.DialerRetries = -1, 1 // the breaker decides when to try again
	o.Protocol, o.DisableIdentity = 2, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

// Servers are those by way of which a Redis is found.
type Servers struct {
	Addresses []string
	Master    string // what Sentinels call it; "": the servers are nodes of a cluster
}

// Client returns a client, with the options of a single server, of the Redis that is found by
// way of the servers.
func (s Servers) Client(o *goredis.Options) goredis.UniversalClient {
	return goredis.NewUniversalClient(&goredis.UniversalOptions{
		Addrs: s.Addresses, MasterName: s.Master, IsClusterMode: s.Master == "",
		MaxRedirects: 1, MinRetryBackoff: -1, // what a slot's former node is asked for, the next is asked for at once
		Dialer: o.Dialer, DB: o.DB, Username: o.Username, Password: o.Password, CredentialsProviderContext: o.CredentialsProviderContext,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout,
		PoolTimeout: o.PoolTimeout, ContextTimeoutEnabled: o.ContextTimeoutEnabled,
		PipelinePoolSize: o.PipelinePoolSize, MaxIdleConns: o.MaxIdleConns, MaxRetries: o.MaxRetries, DialerRetries: o.DialerRetries,
		Protocol: o.Protocol, DisableIdentity: o.DisableIdentity, MaintNotificationsConfig: o.MaintNotificationsConfig,
	})
}

// Ping reports whether a Redis answers: of a cluster, whether each node does that has slots.
func Ping(ctx context.Context, client goredis.UniversalClient) error {
	if cluster, ok := client.(*goredis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *goredis.Client) error { return node.Ping(ctx).Err() })
	}
	return client.Ping(ctx).Err()
}

// Config configures a [Level].
type Config struct {
	// Client has the timeouts of [Options] or [InProcess], and is of one server or of a cluster;
	// the level does not close it.
	Client goredis.UniversalClient
	Tables []*readmodel.Table // of the rows
	// Key authenticates values and notices. Processes that share a Redis have the same one.
	Key    [KeyBytes]byte
	Logger *slog.Logger
}

// Level is a [cache.Shared] in a Redis. [New] makes one.
type Level struct {
	client                goredis.UniversalClient
	cluster               *goredis.ClusterClient // the client where it is one of a cluster, else nil
	codec                 codec
	breaker               *gobreaker.CircuitBreaker[struct{}]
	putScript, markScript *goredis.Script
	timeout               time.Duration // of a pipeline
	logger                *slog.Logger

	lookups chan *lookup
	writes  chan write
	changes chan readmodel.Change

	refused, errors, forged, dropped atomic.Int64
}

var _ cache.Shared = (*Level)(nil)

// New returns a level in the client's Redis.
func New(cfg Config) (*Level, error) {
	if cfg.Client == nil || len(cfg.Tables) == 0 || cfg.Key == [KeyBytes]byte{} || cfg.Logger == nil {
		return nil, errors.New("share the cache: client, tables, key and logger are required")
	}
	var timeout time.Duration
	cluster, _ := cfg.Client.(*goredis.ClusterClient)
	if cluster != nil {
		timeout = cluster.Options().DialTimeout + cluster.Options().ReadTimeout
	} else if one, ok := cfg.Client.(*goredis.Client); ok {
		timeout = one.Options().DialTimeout + one.Options().ReadTimeout
	} else {
		return nil, fmt.Errorf("share the cache: a client of an unknown kind, %T", cfg.Client)
	}
	logger := cfg.Logger
	return &Level{
		client: cfg.Client, cluster: cluster, codec: newCodec(cfg.Tables, newAuthenticator(cfg.Key)), logger: logger,
		timeout:    timeout,
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
	}, nil
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
		Forged:      l.forged.Load(),
		Dropped:     l.dropped.Load(),
		Connections: int(l.client.PoolStats().TotalConns),
		Breaker:     l.breaker.State().String(),
	}
}
