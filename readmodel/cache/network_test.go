package cache_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
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

func connect(t testing.TB, at string) *redis.Client {
	t.Helper()
	o, err := cache.Options(at)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
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
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "redis", "127.0.0.1:0", u.Host)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
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
	w.now.Incarnation = time.Now().UnixMicro() // nobody else's in that Redis
	w.delay = func() (before, after time.Duration) { return rowsTake / 2, rowsTake / 2 }
	all := numbered("evt-"+uuid.NewString(), 50)
	w.commit(all...)
	open := func(at string, most int) *cache.Cache {
		process, err := cache.Open(t.Context(), cache.Config{Inner: w, Client: connect(t, at), Logger: quietLog(), MaxEntries: most})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(process.Close)
		return process
	}
	l := load{testBundle: &testBundle{T: t, world: w}, committer: open(at, 100), reader: open(behind, 10), campaigns: all}
	works := func() {
		t.Helper()
		before := l.reader.Stats().RedisHits
		for until := time.Now().Add(20 * time.Second); l.reader.Stats().RedisHits < before+50; {
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
		if got := l.reader.Stats().Breaker; got == "closed" {
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

// TestScripts holds the scripts to their words on whatever Redis there is.
func TestScripts(t *testing.T) {
	t.Parallel()
	at := redisURL(t)
	client := connect(t, at)
	revision := func(position events.Position) readmodel.Revision {
		return readmodel.Revision{Incarnation: 1, Edits: 10, Position: position}
	}
	rows := func(position events.Position) string { return revision(position).String() + "rows" }
	mark := func(position events.Position) string { return revision(position).String() }

	for i, tc := range []struct {
		there   string // "": nothing
		put     string
		instead string
		want    string
		stored  bool
	}{
		{there: "", put: rows(5), want: rows(5), stored: true},
		{there: rows(4), put: rows(5), want: rows(5), stored: true},
		{there: rows(5), put: rows(5), want: rows(5), stored: true},
		{there: rows(6), put: rows(5), want: rows(6)},
		{there: rows(0xa), put: rows(9), want: rows(0xa)},
		{there: rows(0x10), put: rows(0xf), want: rows(0x10)},
		{there: mark(5), put: rows(5), want: rows(5), stored: true},
		{there: mark(6), put: rows(5), want: mark(6)},
		{there: "short", put: rows(5), want: rows(5), stored: true},
		{there: strings.Repeat("z", 60), put: rows(5), want: rows(5), stored: true},
		{there: strings.Repeat("F", 60), put: rows(5), want: rows(5), stored: true},
		{there: rows(6), put: rows(5), instead: rows(6), want: rows(5), stored: true},
		{there: rows(6), put: rows(5), instead: rows(7), want: rows(6)},
	} {
		c := events.Campaign(uuid.NewString())
		key := "analytics:dashboard:" + string(c)
		if tc.there != "" {
			client.Set(t.Context(), key, tc.there, time.Minute)
		}
		stored, err := cache.RunPut(client, c, []byte(tc.put), false, tc.instead)
		if err != nil {
			t.Fatalf("put: %v", err)
		}
		if got := client.Get(t.Context(), key).Val(); got != tc.want || stored != tc.stored {
			t.Errorf("%d: put %q where %q was: holds %q (stored: %v), want %q (%v)", i, tc.put, tc.there, got, stored, tc.want, tc.stored)
		}
		client.Del(t.Context(), key)
	}

	t.Run("what nobody asked for lives no longer than before", func(t *testing.T) {
		t.Parallel()
		for there, keeps := range map[string]bool{rows(4): true, mark(4): false, "": false} {
			c := events.Campaign(uuid.NewString())
			key := "analytics:dashboard:" + string(c)
			if there != "" {
				client.Set(t.Context(), key, there, time.Minute)
			}
			if _, err := cache.RunPut(client, c, []byte(rows(5)), true, ""); err != nil {
				t.Fatal(err)
			}
			if ttl := client.PTTL(t.Context(), key).Val(); (ttl <= time.Minute) != keeps || ttl <= 0 {
				t.Errorf("lives for %v where %q lived for a minute", ttl, there)
			}
			client.Del(t.Context(), key)
		}
	})

	t.Run("marks", func(t *testing.T) {
		t.Parallel()
		there := []string{"", rows(4), rows(5), rows(6), mark(4), mark(6), "short", strings.Repeat("z", 60)}
		want := []string{mark(5), rows(4), rows(5), rows(6), mark(5), mark(6), mark(5), mark(5)}
		campaigns := numbered(uuid.NewString(), len(there))
		for i, value := range there {
			if value != "" {
				client.Set(t.Context(), "analytics:dashboard:"+string(campaigns[i]), value, time.Minute)
			}
		}
		list := events.Campaign(uuid.NewString())
		client.LPush(t.Context(), "analytics:dashboard:"+string(list), "somebody else's")
		stale, err := cache.RunMark(client, append(campaigns, list), revision(5))
		if err != nil {
			t.Fatalf("mark: %v", err)
		}
		if fmt.Sprint(stale) != "[2]" {
			t.Errorf("stale are %v, want the second", stale)
		}
		for i, c := range campaigns {
			key := "analytics:dashboard:" + string(c)
			if got := client.Get(t.Context(), key).Val(); got != want[i] {
				t.Errorf("%d: holds %q, want %q", i, got, want[i])
			}
			client.Del(t.Context(), key)
		}
		client.Del(t.Context(), "analytics:dashboard:"+string(list))
	})
}
