package cache_test

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"jangbu/events/eventstest/services"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/cache/redis"
)

// redisURL returns where a Redis is: the one of JANGBU_TEST_REDIS_URL, or else one
// in this process.
func redisURL(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("JANGBU_TEST_REDIS_URL"); given != "" {
		return given
	}
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return "redis://" + server.Addr()
}

func connect(t testing.TB, at string) *goredis.Client {
	t.Helper()
	o, err := redis.Options(at)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// newProxy returns a proxy to the Redis at the URL, and its own URL.
func newProxy(t *testing.T, at string) (*toxiproxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	proxy := services.StartProxy(t, "redis", u.Host)
	u.Host = proxy.Listen
	return proxy, u.String()
}

// TestRedisBehindANetwork freezes and cuts a real connection.
func TestRedisBehindANetwork(t *testing.T) {
	t.Parallel()
	const rowsTake = 2 * time.Millisecond
	at := redisURL(t)
	proxy, behind := newProxy(t, at)
	w := newWorld()
	w.now.Incarnation = time.Now().UnixMicro() // no other store in that Redis has it
	w.delay = func() (before, after time.Duration) { return rowsTake / 2, rowsTake / 2 }
	all := numbered("evt-"+uuid.NewString(), 50)
	w.commit(all...)
	open := func(at string, most int) *cache.Cache {
		process, err := cache.Open(t.Context(), cache.Config{Inner: w, Shared: share(t, connect(t, at)), Logger: quietLog(), MaxEntries: most})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(process.Close)
		return process
	}
	l := load{testBundle: &testBundle{T: t, world: w}, committer: open(at, 100), reader: open(behind, 10), campaigns: all}
	works := func() {
		t.Helper()
		before := l.reader.Stats().SharedHits
		for until := time.Now().Add(20 * time.Second); l.reader.Stats().SharedHits < before+50; {
			if time.Now().After(until) {
				t.Fatalf("Redis is not used: %+v", l.reader.Stats())
			}
			l.run(100 * time.Millisecond)
		}
	}
	fails := func(during time.Duration) {
		t.Helper()
		noise := measureNoise(during)
		took := l.run(during)
		most := rowsTake + 50*time.Millisecond + <-noise
		if slowest := took[len(took)*99/100]; slowest > most {
			t.Errorf("of %d reads the slowest hundredth took %v, want at most %v", len(took), slowest, most)
		}
		if got := l.reader.Stats().Shared.Breaker; got == "closed" {
			t.Error("the breaker is closed")
		}
	}

	works()
	if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(`{"name":"frozen","type":"timeout","attributes":{"timeout":0}}`)); err != nil {
		t.Fatal(err)
	}
	fails(2 * time.Second)
	if err := proxy.Toxics.RemoveToxic(t.Context(), "frozen"); err != nil {
		t.Fatal(err)
	}
	works()
	proxy.Stop()
	fails(time.Second)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	works()
}

// measureNoise returns how late timers are meanwhile, on this machine: the worst of
// them.
func measureNoise(during time.Duration) <-chan time.Duration {
	worst := make(chan time.Duration, 1)
	go func() {
		var most time.Duration
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for last, until := time.Now(), time.Now().Add(during); last.Before(until); {
			<-tick.C
			now := time.Now()
			most, last = max(most, now.Sub(last)), now
		}
		worst <- most
	}()
	return worst
}
