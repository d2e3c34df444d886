package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestEmbeddedRedisIsThisProcesssAlone: the embedded Redis listens nowhere, and works.
func TestEmbeddedRedisIsThisProcesssAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, testConfig(t.TempDir()))
	b.produce(t, record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`))
	waitFor(t, 10*time.Second, func() string {
		_, _ = b.dashboard(t, "evt-1")
		if keys := b.redis.Keys(t.Context(), "*").Val(); len(keys) == 0 {
			return "nothing is shared"
		}
		return ""
	})
	conn, err := b.redis.(*redis.Client).Options().Dialer(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if at := conn.RemoteAddr(); at.Network() != "unix" || at.String() != "" && at.String() != "@" {
		t.Errorf("the embedded Redis is reached at %s %q, want a socket without a name", at.Network(), at)
	}
}

// TestBrokerSaysWhoMayUseIt: the line of the embedded broker says that every user of the machine
// may, or that a password is asked for, which the service's own clients have.
func TestBrokerSaysWhoMayUseIt(t *testing.T) {
	t.Parallel()
	kind := func(b *bundle) string {
		for _, line := range b.lines {
			if line.Part == "broker" {
				return line.Kind
			}
		}
		return ""
	}
	if got, want := kind(setup(t, testConfig(t.TempDir()))), "embedded (Kafka protocol), open to every user of this machine"; got != want {
		t.Errorf("the broker is %q, want %q", got, want)
	}
	cfg := testConfig(t.TempDir())
	cfg.KafkaListenPasswordFile = filepath.Join(t.TempDir(), "password")
	const password = "a-secret-of-the-broker"
	if err := os.WriteFile(cfg.KafkaListenPasswordFile, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := setup(t, cfg)
	if got, want := kind(b), "embedded (Kafka protocol), by the password of user jangbu"; got != want {
		t.Errorf("the broker is %q, want %q", got, want)
	}
	b.produce(t, record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`))
	waitFor(t, 10*time.Second, func() string {
		if _, ok := b.dashboard(t, "evt-1"); !ok {
			return "it is not served"
		}
		return ""
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	stranger := kafka.Config{Brokers: b.Kafka().Brokers}
	if err := kafka.EnsureTopics(ctx, stranger, 1, "made-by-a-stranger"); err == nil {
		t.Error("a client without the password is let in")
	}
	if strings.Contains(b.log.String(), password) {
		t.Error("the password was logged")
	}
}

// TestForgedRedisValues: what a client of the Redis writes that does not have the key is not
// served, and is counted.
func TestForgedRedisValues(t *testing.T) {
	t.Parallel()
	server := services.StartRedis(t)
	owner := func(dir string) Config {
		cfg := testConfig(dir)
		cfg.RedisURL = "redis://" + server.Addr
		return cfg
	}
	forger := setup(t, owner(t.TempDir()))
	victim := setup(t, owner(t.TempDir()))
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = client.Close() })
	of := func(b *bundle, shop, title string) {
		t.Helper()
		b.produce(t, record("event-created", "evt-1", fmt.Sprintf(`{"eventId":"evt-1","storeId":%q,"title":%q,"objective":"o"}`, shop, title)))
		waitFor(t, 30*time.Second, func() string {
			if d, ok := b.dashboard(t, "evt-1"); !ok || d.Title == nil || *d.Title != title {
				return "it is not served yet"
			}
			return ""
		})
	}
	of(victim, "store-1", "genuine")
	of(forger, "store-666", "invented")
	const key = "analytics:dashboard:evt-1"
	var forged string
	waitFor(t, 30*time.Second, func() string {
		_, _ = forger.dashboard(t, "evt-1")
		if forged = client.Get(t.Context(), key).Val(); !strings.Contains(forged, "invented") {
			return "the forger has shared nothing"
		}
		return ""
	})
	// The claim that it is of the victim's rows as they are.
	now, err := victim.rows.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	forged = now.String() + forged[len(now.String()):]
	before := victim.cache.Stats().Shared.Forged
	waitFor(t, 30*time.Second, func() string {
		if err := client.Set(t.Context(), key, forged, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		// A commit has the victim read the campaign again.
		victim.produce(t, record("event-created", "evt-1", fmt.Sprintf(`{"eventId":"evt-1","storeId":"store-1","title":"genuine","objective":"%d"}`, time.Now().UnixNano())))
		if d, ok := victim.dashboard(t, "evt-1"); ok && *d.Title != "genuine" {
			t.Fatalf("served: %q", *d.Title)
		}
		if victim.cache.Stats().Shared.Forged == before {
			return "nothing forged was met"
		}
		return ""
	})
}

// TestCacheKeys: processes agree on the key of a Redis by the master key or by what is derived
// from it, and an explicit key wins.
func TestCacheKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	master, err := privacy.CreateMasterKey(filepath.Join(dir, "the.key"))
	if err != nil {
		t.Fatal(err)
	}
	derived, err := master.CacheKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := derived.Save(filepath.Join(dir, "cache.key")); err != nil {
		t.Fatal(err)
	}
	other := privacy.NewCacheKey()
	if err := other.Save(filepath.Join(dir, "other.key")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		master, file string
		want         privacy.CacheKey
	}{
		"the master key":  {master: "the.key", want: derived},
		"the derived one": {file: "cache.key", want: derived},
		"both":            {master: "the.key", file: "other.key", want: other},
	} {
		cfg := testConfig(t.TempDir())
		cfg.Role, cfg.RedisURL = []string{roleAPI}, "redis://127.0.0.1:1"
		if tc.master != "" {
			cfg.MasterKeyFile = filepath.Join(dir, tc.master)
		}
		if tc.file != "" {
			cfg.CacheKeyFile = filepath.Join(dir, tc.file)
		}
		if got, err := cfg.cacheKey(); err != nil || got != tc.want {
			t.Errorf("%s: another key, or %v", name, err)
		}
	}
	embedded := testConfig(t.TempDir())
	one, _ := embedded.cacheKey()
	if another, err := embedded.cacheKey(); err != nil || one == another {
		t.Errorf("embedded: the same key twice, or %v", err)
	}
	if shown := fmt.Sprintf("%v %+v %x %s", one, &one, one, one); strings.Trim(shown, "*& {}") != "" {
		t.Errorf("a key is shown as %q", shown)
	}
}
