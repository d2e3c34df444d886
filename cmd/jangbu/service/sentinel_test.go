package service

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	cacheredis "jangbu/readmodel/cache/redis"
)

// TestRedisSentinel kills the Redis that Sentinel calls the master: the replica that takes its place
// is used, and every response is right meanwhile.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	master := services.StartRedis(t)
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		t.Fatal(err)
	}
	replica := services.StartRedis(t, "--replicaof", host, port, "--repl-diskless-sync-delay", "0")
	replicated := client(t, replica)
	waitFor(t, 20*time.Second, func() string {
		if role := replicated.Info(t.Context(), "replication").Val(); !strings.Contains(role, "master_link_status:up") {
			return role
		}
		return ""
	})
	sentinel := services.StartSentinel(t, master, "cache")
	asked := client(t, sentinel)
	waitFor(t, 20*time.Second, func() string {
		if known := asked.Info(t.Context(), "sentinel").Val(); !strings.Contains(known, "status=ok") || !strings.Contains(known, "slaves=1") {
			return known
		}
		return ""
	})

	cfg := testConfig(t.TempDir())
	cfg.RedisURL = "redis-sentinel://" + sentinel.Addr + "/cache"
	b := setup(t, cfg)
	var participants int64
	// shared has registrations come until what is read of them is in a Redis.
	shared := func(in *redis.Client) {
		t.Helper()
		waitFor(t, 40*time.Second, func() string {
			participants++
			b.produce(t, record("participant-registered", "evt-1", fmt.Sprintf(`{"participantId":"p-%d","eventId":"evt-1","phoneNumber":"010-1234-5678"}`, participants)))
			b.settled(t, events.Totals{Head: events.Position(participants)}, 20*time.Second)
			waitFor(t, 5*time.Second, func() string {
				if d, _ := b.dashboard(t, "evt-1"); d.Summary.TotalParticipants != participants {
					return fmt.Sprintf("%d participants are served of %d", d.Summary.TotalParticipants, participants)
				}
				return ""
			})
			if in.Exists(t.Context(), "analytics:dashboard:evt-1").Val() == 0 {
				return "nothing is shared"
			}
			return ""
		})
	}
	shared(client(t, master))
	master.Kill(t)
	waitFor(t, 30*time.Second, func() string {
		if role := replicated.Info(t.Context(), "replication").Val(); !strings.Contains(role, "role:master") {
			return role
		}
		return ""
	})
	if err := replicated.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	shared(replicated)
}

func client(t *testing.T, server *services.Server) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestRedisCluster has a service keep its values in a cluster that takes clients of TLS only, as the
// user of the documentation.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	authority := services.NewAuthority(t)
	cfg := testConfig(t.TempDir())
	cfg.RedisTLSFiles.CAFile = authority.CAFile
	cfg.RedisTLSFiles.CertFile, cfg.RedisTLSFiles.KeyFile = authority.Issue(t, "redis-client")
	var addresses []string
	for _, node := range services.StartRedisCluster(t, append(redisTLS(t, authority), "--tls-cluster", "yes")...) {
		addresses = append(addresses, node.Addr)
	}
	cfg.RedisURL, cfg.RedisPasswordFile = "rediss-cluster://jangbu@"+strings.Join(addresses, ","), secretFile(t, redisSecret)
	cfg.LogLevel = "warn"
	b := setup(t, cfg)
	const campaigns = 12
	var participants int64
	waitFor(t, 40*time.Second, func() string {
		participants++
		for i := range campaigns {
			id := fmt.Sprintf("evt-%d", i)
			b.produce(t, record("participant-registered", id, fmt.Sprintf(`{"participantId":"p-%d","eventId":"%s","phoneNumber":"010-1234-5678"}`, participants, id)))
		}
		b.settled(t, events.Totals{Head: events.Position(campaigns * participants)}, 20*time.Second)
		before := b.cache.Stats()
		for i := range campaigns {
			id := fmt.Sprintf("evt-%d", i)
			waitFor(t, 5*time.Second, func() string {
				if d, _ := b.dashboard(t, id); d.Summary.TotalParticipants != participants {
					return fmt.Sprintf("%s: %d participants are served of %d", id, d.Summary.TotalParticipants, participants)
				}
				return ""
			})
			if _, err := b.redis.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
				return pipe.Get(t.Context(), "analytics:dashboard:"+id).Err()
			}); err != nil {
				return fmt.Sprintf("%s is not shared: %v", id, err)
			}
		}
		if now := b.cache.Stats(); now.Errors > before.Errors || now.Shared.Breaker != "closed" || now.Notices == 0 {
			return fmt.Sprintf("%+v, then %+v", before, now)
		}
		return ""
	})
	if err := cacheredis.Ping(t.Context(), b.redis); err != nil {
		t.Error(err)
	}
}
