package cache_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/cache/redis"
	"jangbu/readmodel/readmodeltest"
)

// What the shared level in Redis does with what it stores.
const (
	valueTTL     = 300 * time.Second
	tombstoneTTL = 2 * cache.LoadTimeout
	maxChanges   = 64 // commits that wait to be announced
)

// testBundle is a store, a Redis, and processes that read the one by way of the
// other. It lives in a bubble with a clock of its own.
type testBundle struct {
	*testing.T
	world *world
	redis *memoryRedis
}

// inBubble runs a test in one.
func inBubble(t *testing.T, test func(*testBundle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&testBundle{T: t, world: newWorld(), redis: newMemoryRedis(t)})
	})
}

// open opens another process.
func (b *testBundle) open(change ...func(*cache.Config)) *cache.Cache {
	b.Helper()
	cfg := cache.Config{Inner: b.world, Shared: share(b, b.redis.client(b)), Logger: quietLog()}
	for _, f := range change {
		f(&cfg)
	}
	process, err := cache.Open(b.Context(), cfg)
	if err != nil {
		b.Fatalf("Open: %v", err)
	}
	b.Cleanup(process.Close)
	return process
}

// read reads a campaign that must be there and returns its commit's number.
func (b *testBundle) read(process *cache.Cache, c events.Campaign) int64 {
	b.Helper()
	rows, err := process.Campaign(b.Context(), c, readmodel.Everything())
	if err != nil {
		b.Errorf("Campaign(%q): %v", c, err)
	}
	return rows.Campaign().Participants
}

// reads reads the campaign for a while, as a busy dashboard does.
func (b *testBundle) reads(process *cache.Cache, c events.Campaign, during time.Duration) {
	b.Helper()
	for until := time.Now().Add(during); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		b.read(process, c)
	}
}

// wantReads checks how often the rows of a campaign have been read.
func (b *testBundle) wantReads(c events.Campaign, want int) {
	b.Helper()
	if got := b.world.readsOf(c); got != want {
		b.Errorf("the rows of %q were read %d times, want %d", c, got, want)
	}
}

// share returns a level in the client's Redis.
func share(t testing.TB, client goredis.UniversalClient) *redis.Level {
	t.Helper()
	return shareAs(t, redis.Config{Client: client, Key: [redis.KeyBytes]byte{1}})
}

// shareAs returns a level of another key, or with more patience.
func shareAs(t testing.TB, cfg redis.Config) *redis.Level {
	t.Helper()
	cfg.Tables, cfg.Logger = readmodeltest.Tables(), quietLog()
	level, err := redis.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return level
}

func without(cfg *cache.Config) { cfg.Shared = nil }

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// memoryRedis is a Redis without a network, so that it runs by the test's clock,
// and with faults to order.
type memoryRedis struct {
	*miniredis.Miniredis

	mu     sync.Mutex
	broken bool          // connections break and are refused
	frozen bool          // it sends no replies
	slow   time.Duration // how late replies are
	open   []net.Conn
}

func newMemoryRedis(t *testing.T) *memoryRedis {
	r := &memoryRedis{Miniredis: miniredis.NewMiniRedis()}
	r.ClockTTL(true)
	t.Cleanup(r.Close)
	return r
}

func (r *memoryRedis) client(t testing.TB) *goredis.Client {
	t.Helper()
	o, err := redis.Options("redis://in-memory")
	if err != nil {
		t.Fatal(err)
	}
	o.Dialer = func(context.Context, string, string) (net.Conn, error) { return r.dial() }
	return r.clientOf(t, o)
}

func (r *memoryRedis) clientOf(t testing.TB, o *goredis.Options) *goredis.Client {
	o.ConnMaxIdleTime = -1 // by a clock that isn't the test's
	client := goredis.NewClient(o)
	t.Cleanup(func() {
		_ = client.Close()
		time.Sleep(2 * time.Second) // what dials in its background finds that out
	})
	return client
}

func (r *memoryRedis) dial() (net.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return nil, errors.New("connection refused")
	}
	conn, err := r.Dial()
	if err != nil {
		return nil, err
	}
	r.open = append(r.open, conn)
	c := &memoryConn{Conn: conn, redis: r, ready: make(chan struct{}, 1)}
	go c.pump()
	return c, nil
}

// fault changes what goes wrong. Connections break once it is broken.
func (r *memoryRedis) fault(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	if r.broken {
		for _, conn := range r.open {
			_ = conn.Close()
		}
		r.open = nil
	}
}

// memoryConn is a connection of a client. It takes what the server writes at once and
// delivers it in time: a server that waited for one client would block the others.
type memoryConn struct {
	net.Conn
	redis    *memoryRedis
	ready    chan struct{}
	deadline time.Time

	mu      sync.Mutex
	arrived []arrival
	err     error
}

type arrival struct {
	at   time.Time
	data []byte
}

func (c *memoryConn) pump() {
	b := make([]byte, 4<<10)
	for {
		n, err := c.Conn.Read(b)
		c.mu.Lock()
		if n > 0 {
			c.arrived = append(c.arrived, arrival{time.Now(), bytes.Clone(b[:n])})
		}
		c.err = err
		c.mu.Unlock()
		select {
		case c.ready <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (c *memoryConn) SetReadDeadline(t time.Time) error { c.deadline = t; return nil }

func (c *memoryConn) SetDeadline(t time.Time) error {
	c.deadline = t
	return c.SetWriteDeadline(t)
}

func (c *memoryConn) Read(b []byte) (int, error) {
	for {
		n, wait, err := c.take(b)
		if n > 0 || err != nil {
			return n, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.ready:
		}
		timer.Stop()
	}
}

// take returns what may be read now, or how long to wait for it.
func (c *memoryConn) take(b []byte) (n int, wait time.Duration, err error) {
	c.redis.mu.Lock()
	frozen, slow := c.redis.frozen, c.redis.slow
	c.redis.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	wait = time.Hour
	switch {
	case frozen:
		wait = 5 * time.Millisecond // until it isn't
	case len(c.arrived) > 0:
		if wait = time.Until(c.arrived[0].at.Add(slow)); wait <= 0 {
			n = copy(b, c.arrived[0].data)
			if c.arrived[0].data = c.arrived[0].data[n:]; len(c.arrived[0].data) == 0 {
				c.arrived = c.arrived[1:]
			}
			return n, 0, nil
		}
	case c.err != nil:
		return 0, 0, c.err
	}
	if c.deadline.IsZero() {
		return 0, wait, nil
	}
	left := time.Until(c.deadline)
	if left <= 0 {
		return 0, 0, os.ErrDeadlineExceeded
	}
	return 0, min(wait, left), nil
}
