//go:build unix

package cache_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"jangbu/events/eventstest/services"
	"jangbu/readmodel/cache"
	"jangbu/readmodel/cache/redis"
)

// TestRedisCluster reads through a cluster whose nodes share the campaigns, while one of them is
// killed and started again, while another one takes over its slots, and while slots move: no read
// fails or is of older rows than any may be, and after each the cluster is used.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := services.StartRedisCluster(t)
	l, own := shareCluster(t, nodes)
	reader := l.reader.Stats
	// until waits, under load.
	until := func(missing func() string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; {
			l.run(100 * time.Millisecond)
			what := missing()
			if what == "" {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, reader())
			}
		}
	}
	// used waits until values are served from the cluster and changes are announced by way of it,
	// and keys are at these nodes.
	used := func(at ...*goredis.Client) {
		t.Helper()
		before := reader()
		until(func() string {
			for _, node := range at {
				if node.DBSize(t.Context()).Val() == 0 {
					return "no key is at " + node.Options().Addr
				}
			}
			if now := reader(); now.SharedHits < before.SharedHits+50 || now.Notices < before.Notices+5 || now.Shared.Breaker != "closed" {
				return "the cluster is not used"
			}
			return ""
		})
	}
	away := func() string {
		if reader().Shared.Breaker == "closed" {
			return "a killed node is used"
		}
		return ""
	}

	// A commit marks its campaigns at all nodes.
	for deadline := time.Now().Add(30 * time.Second); slices.ContainsFunc(own, func(node *goredis.Client) bool { return node.DBSize(t.Context()).Val() == 0 }); {
		if l.committer.Committed(l.world.commit(l.campaigns...)); time.Now().After(deadline) {
			t.Fatal("a node has no key")
		}
	}
	used(own...)
	inOrder(t, l)

	nodes[1].Kill(t)
	until(away)
	if err := redis.Ping(t.Context(), clusterOf(t, nodes)); err == nil {
		t.Error("a cluster without a node answers")
	}
	nodes[1].Start(t)
	used(own...)
	if err := redis.Ping(t.Context(), clusterOf(t, nodes)); err != nil {
		t.Errorf("the cluster answers with %v", err)
	}

	taken := own[1].RandomKey(t.Context()).Val()
	nodes[1].Kill(t)
	until(away)
	takeOver(t, own[0], own[1].Options().Addr)
	until(func() string {
		if own[0].Exists(t.Context(), taken).Val() == 0 {
			return taken + " is not where its slot is"
		}
		return ""
	})
	used(own[0], own[2])
	nodes[1].Start(t) // and follows the one that has its slots

	move(t, own[0], own[2], func(slot int, key string) {
		if _, err := asking(t, own[2], "del", key); err != nil {
			t.Error(err)
		}
		until(func() string {
			if n, err := asking(t, own[2], "exists", key); n != int64(1) {
				return fmt.Sprintf("%s is not where its slot %d moves to: %v, %v", key, slot, n, err)
			}
			return ""
		})
	})
	used(own[0], own[2])
	if n := reader().Shared.Forged; n > 0 {
		t.Errorf("%d values are forged", n)
	}
}

// shareCluster returns processes that share a cluster, and clients that know one node each.
func shareCluster(t *testing.T, nodes []*services.Server) (l load, own []*goredis.Client) {
	t.Helper()
	w := newWorld()
	l = load{testBundle: &testBundle{T: t, world: w}, campaigns: numbered("evt-"+uuid.NewString(), 60)}
	w.commit(l.campaigns...)
	for process, most := range map[**cache.Cache]int{&l.committer: 100, &l.reader: 10} {
		opened, err := cache.Open(t.Context(), cache.Config{Inner: w, Shared: share(t, clusterOf(t, nodes)), Logger: quietLog(), MaxEntries: most})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(opened.Close)
		*process = opened
	}
	for _, node := range nodes {
		client := goredis.NewClient(&goredis.Options{Addr: node.Addr})
		t.Cleanup(func() { _ = client.Close() })
		own = append(own, client)
	}
	return l, own
}

func clusterOf(t *testing.T, nodes []*services.Server) goredis.UniversalClient {
	t.Helper()
	var of redis.Servers
	for _, node := range nodes {
		of.Addresses = append(of.Addresses, node.Addr)
	}
	o, err := redis.Options("redis://" + nodes[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	client := of.Client(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// inOrder has many commits at once, whose notices must come in their order.
func inOrder(t *testing.T, l load) {
	t.Helper()
	const commits = 50
	for deadline := time.Now().Add(30 * time.Second); ; {
		before, dropped := l.reader.Stats(), l.committer.Stats().Shared.Dropped
		for range commits {
			l.committer.Committed(l.world.commit(l.campaigns[0]))
		}
		for l.reader.Stats().Notices < before.Notices+commits && time.Now().Before(deadline) && l.committer.Stats().Shared.Dropped == dropped {
			l.run(10 * time.Millisecond)
		}
		if l.committer.Stats().Shared.Dropped == dropped { // else there are gaps
			if now := l.reader.Stats(); now.Gaps > before.Gaps || now.Notices < before.Notices+commits {
				t.Errorf("of %d commits %d notices came, with %d gaps", commits, now.Notices-before.Notices, now.Gaps-before.Gaps)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("notices are dropped")
		}
	}
}

// do has a node carry out a command.
func do(t *testing.T, node *goredis.Client, args ...any) {
	t.Helper()
	if err := node.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

// asking has a node carry out a command on a slot that is moving to it.
func asking(t *testing.T, node *goredis.Client, args ...any) (any, error) {
	t.Helper()
	var answer *goredis.Cmd
	_, err := node.Pipelined(t.Context(), func(pipe goredis.Pipeliner) error {
		pipe.Do(t.Context(), "asking")
		answer = pipe.Do(t.Context(), args...)
		return nil
	})
	return answer.Val(), err
}

// takeOver gives a node the slots of another one that is away, as a failover does.
func takeOver(t *testing.T, node *goredis.Client, from string) {
	t.Helper()
	shards, err := node.ClusterShards(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		if !strings.HasSuffix(from, fmt.Sprintf(":%d", shard.Nodes[0].Port)) {
			continue
		}
		for _, slots := range shard.Slots {
			do(t, node, "cluster", "delslotsrange", slots.Start, slots.End)
			do(t, node, "cluster", "addslotsrange", slots.Start, slots.End)
		}
	}
	do(t, node, "cluster", "bumpepoch")
}

// move moves slots with keys from one node to another, as an operator does, and calls midway once
// with one that is half moved, and a key of it.
func move(t *testing.T, from, to *goredis.Client, midway func(slot int, key string)) {
	t.Helper()
	source, target := from.ClusterMyID(t.Context()).Val(), to.ClusterMyID(t.Context()).Val()
	_, port, _ := strings.Cut(to.Options().Addr, ":")
	moved := make(map[int]bool)
	for _, key := range from.Keys(t.Context(), "*").Val() {
		slot := int(from.ClusterKeySlot(t.Context(), key).Val())
		if moved[slot] || len(moved) == 10 {
			continue
		}
		do(t, to, "cluster", "setslot", slot, "importing", source)
		do(t, from, "cluster", "setslot", slot, "migrating", target)
		for from.ClusterCountKeysInSlot(t.Context(), slot).Val() > 0 {
			for _, key := range from.ClusterGetKeysInSlot(t.Context(), slot, 100).Val() {
				do(t, from, "migrate", "127.0.0.1", port, key, 0, 5000)
			}
		}
		if len(moved) == 0 {
			midway(slot, key)
		}
		do(t, to, "cluster", "setslot", slot, "node", target)
		do(t, from, "cluster", "setslot", slot, "node", target)
		moved[slot] = true
	}
	if len(moved) == 0 {
		t.Error("no slot has keys")
	}
}
