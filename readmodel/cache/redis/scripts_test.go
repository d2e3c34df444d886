package redis_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/cache/redis"
)

// connect returns a client of the Redis of JANGBU_TEST_REDIS_URL, or else of one in this
// process.
func connect(t *testing.T) *goredis.Client {
	t.Helper()
	url := os.Getenv("JANGBU_TEST_REDIS_URL")
	if url == "" {
		url = "redis://" + miniredis.RunT(t).Addr()
	}
	o, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	// What scripts do is tested, not how soon: a busy machine replies late.
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = 10*time.Second, 10*time.Second, 10*time.Second, 10*time.Second
	client := goredis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// TestScripts runs the scripts where another value is.
func TestScripts(t *testing.T) {
	t.Parallel()
	client := connect(t)
	revision := func(position events.Position) readmodel.Revision {
		return readmodel.Revision{Incarnation: 1, Edits: 10, Position: position}
	}
	rows := func(position events.Position) string { return revision(position).String() + "rows" }
	mark := func(position events.Position) string { return revision(position).String() }

	for i, tc := range []struct {
		there   string // "": nothing
		put     string
		damaged string
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
		{there: rows(6), put: rows(5), damaged: rows(6), want: rows(5), stored: true},
		{there: rows(6), put: rows(5), damaged: rows(7), want: rows(6)},
	} {
		c := events.Campaign(uuid.NewString())
		key := "analytics:dashboard:" + string(c)
		if tc.there != "" {
			client.Set(t.Context(), key, tc.there, time.Minute)
		}
		stored, err := redis.RunPut(client, c, []byte(tc.put), false, tc.damaged)
		if err != nil {
			t.Fatalf("put: %v", err)
		}
		if got := client.Get(t.Context(), key).Val(); got != tc.want || stored != tc.stored {
			t.Errorf("%d: put %q where %q was: holds %q (stored: %v), want %q (%v)", i, tc.put, tc.there, got, stored, tc.want, tc.stored)
		}
		client.Del(t.Context(), key)
	}

	t.Run("a refreshed value expires no later than before", func(t *testing.T) {
		t.Parallel()
		for there, keeps := range map[string]bool{rows(4): true, mark(4): false, "": false} {
			c := events.Campaign(uuid.NewString())
			key := "analytics:dashboard:" + string(c)
			if there != "" {
				client.Set(t.Context(), key, there, time.Minute)
			}
			if _, err := redis.RunPut(client, c, []byte(rows(5)), true, ""); err != nil {
				t.Fatal(err)
			}
			if ttl := client.PTTL(t.Context(), key).Val(); (ttl <= time.Minute) != keeps || ttl <= 0 {
				t.Errorf("lives for %v where %q lived for a minute", ttl, there)
			}
			client.Del(t.Context(), key)
		}
		c := events.Campaign(uuid.NewString())
		key := "analytics:dashboard:" + string(c)
		client.Set(t.Context(), key, rows(4), 1_000*time.Hour) // not by this package
		if _, err := redis.RunPut(client, c, []byte(rows(5)), true, ""); err != nil {
			t.Fatal(err)
		}
		if ttl := client.PTTL(t.Context(), key).Val(); ttl > 330*time.Second {
			t.Errorf("lives for %v", ttl)
		}
		client.Del(t.Context(), key)
	})

	t.Run("rows of the same revision are stored once", func(t *testing.T) {
		t.Parallel()
		for _, tc := range []struct {
			there   string
			left    time.Duration
			damaged string
			stored  bool
		}{
			{there: rows(5), left: 300 * time.Second},
			{there: rows(5), left: time.Minute, stored: true}, // in use, and soon to expire
			{there: rows(5), left: 300 * time.Second, damaged: rows(5), stored: true},
			{there: rows(4), left: 300 * time.Second, stored: true},
			{there: mark(5), left: 300 * time.Second, stored: true},
		} {
			c := events.Campaign(uuid.NewString())
			key := "analytics:dashboard:" + string(c)
			client.Set(t.Context(), key, tc.there, tc.left)
			if accepted, err := redis.RunPut(client, c, []byte(rows(5)+" again"), false, tc.damaged); err != nil || !accepted {
				t.Errorf("put where %q is for %v: %v, %v", tc.there, tc.left, accepted, err)
			}
			if got := client.Get(t.Context(), key).Val(); (got != tc.there) != tc.stored {
				t.Errorf("put where %q is for %v: holds %q", tc.there, tc.left, got)
			}
			client.Del(t.Context(), key)
		}
	})

	t.Run("marks", func(t *testing.T) {
		t.Parallel()
		there := []string{"", rows(4), rows(5), rows(6), mark(4), mark(6), "short", strings.Repeat("z", 60)}
		want := []string{mark(5), rows(4), rows(5), rows(6), mark(5), mark(6), mark(5), mark(5)}
		campaigns := make([]events.Campaign, len(there))
		for i := range campaigns {
			campaigns[i] = events.Campaign(uuid.NewString())
		}
		for i, value := range there {
			if value != "" {
				client.Set(t.Context(), "analytics:dashboard:"+string(campaigns[i]), value, time.Minute)
			}
		}
		list := events.Campaign(uuid.NewString())
		client.LPush(t.Context(), "analytics:dashboard:"+string(list), "of another program")
		stale, err := redis.RunMark(client, append(campaigns, list), revision(5))
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
