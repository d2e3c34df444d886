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
