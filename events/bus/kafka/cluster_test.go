package kafka_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
)

// TestOneBroker tries on a broker of the test's own what cannot be done to the one that all tests
// share. Its authorizer lets clients do what no rule is about.
func TestOneBroker(t *testing.T) {
	t.Parallel()
	cluster := services.StartKafka(t, 1,
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "allow.everyone.if.no.acl.found=true")
	t.Run("a broker is started again", func(t *testing.T) {
		b := inCluster(t, cluster, "restarted")
		b.survives(t, func() {
			began := time.Now()
			cluster.Kill(t, 0)
			cluster.Start(t, 0)
			t.Logf("serves again after %v", time.Since(began))
		})
	})
	t.Run("topics are there, and none may be created", func(t *testing.T) { // which stays so
		b := inCluster(t, cluster, "granted")
		of := func() *kadm.ACLBuilder {
			return kadm.NewACLs().Topics("*").Clusters().ResourcePatternType(kadm.ACLPatternLiteral)
		}
		for _, acls := range []*kadm.ACLBuilder{
			of().Allow("User:*").AllowHosts("*").Operations(kadm.OpAll), of().Deny("User:*").DenyHosts("*").Operations(kadm.OpCreate),
		} {
			created, err := b.admin.CreateACLs(t.Context(), acls)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range created {
				if c.Err != nil {
					t.Fatal(c.Err)
				}
			}
		}
		if err := kafka.EnsureTopics(t.Context(), b.cfg, 3, "missing"); err == nil {
			t.Error("a missing topic is created: the right to create is not withdrawn")
		}
		if err := kafka.EnsureTopics(t.Context(), b.cfg, 3, b.topic); err != nil {
			t.Errorf("a topic that is there: %v", err)
		}
		b.survives(t, func() {})
	})
}

// inCluster returns a bundle on a topic with a replica on each broker.
func inCluster(t *testing.T, cluster *services.Cluster, topic string) *bundle {
	t.Helper()
	cluster.CreateTopic(t, topic, 3, -1, nil)
	b := on(t, cluster.Addresses[0], topic, topic)
	b.cfg.Brokers = cluster.Addresses
	return b
}

// survives has records produced before, during and after a fault of the brokers. All that were
// acknowledged come, in the order of their partitions, and no gap is counted.
func (b *bundle) survives(t *testing.T, fault func()) {
	t.Helper()
	frames, closeIt := b.subscribe(t)
	var reading sync.WaitGroup
	next := make(map[int32]int64)
	var mu sync.Mutex // guards next
	var last time.Time
	var longest time.Duration
	reading.Go(func() {
		for msg := range frames {
			f, err := events.DecodeFrame(msg.Payload)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			if f.First > next[f.Partition] {
				t.Errorf("partition %d: a frame from offset %d comes after offset %d", f.Partition, f.First, next[f.Partition])
			}
			next[f.Partition] = max(next[f.Partition], f.Next())
			if !last.IsZero() {
				longest = max(longest, time.Since(last))
			}
			last = time.Now()
			mu.Unlock()
			b.read(t, msg, f)
		}
	})
	ended := make(chan struct{})
	var producing sync.WaitGroup
	produced := 0
	producing.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			if b.producer.Produce(t.Context(), b.recordsNamed("r", 30)) == nil { // what failed may have been written, too
				produced += 30
			}
		}
	})
	read := func() (n int64) {
		mu.Lock()
		defer mu.Unlock()
		for _, at := range next {
			n += at
		}
		return n
	}
	grows := func(when string) {
		t.Helper()
		before := read()
		within(t, time.Minute, "records are read "+when, func() bool { return read() > before+100 })
	}
	grows("before the fault")
	fault()
	grows("after the fault")
	close(ended)
	producing.Wait()
	topics, err := kafka.Describe(t.Context(), b.cfg, b.topic)
	if err != nil {
		t.Fatal(err)
	}
	ends := make(map[int32]int64)
	for p, has := range topics[b.topic].Partitions {
		ends[p] = has.End
	}
	within(t, time.Minute, "all is read", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return maps.Equal(next, ends)
	})
	closeIt()
	reading.Wait()
	if n := read(); n < int64(produced) {
		t.Errorf("%d records were acknowledged, %d are in the topic", produced, n)
	}
	if s := b.sources(t); slices.ContainsFunc(s, func(s events.SourceState) bool { return s.Gaps > 0 }) {
		t.Errorf("a gap is counted: %+v", s)
	}
	t.Logf("%d records acknowledged, %d read; the longest pause was %v", produced, read(), longest.Round(time.Millisecond))
}

// TestThreeBrokers tries faults of the brokers of a cluster as often as JANGBU_TEST_KAFKA_FAULTS
// says. Once takes two minutes of two processors; TestOneBroker is the short form.
func TestThreeBrokers(t *testing.T) {
	t.Parallel()
	times, err := strconv.Atoi(os.Getenv("JANGBU_TEST_KAFKA_FAULTS"))
	if err != nil {
		return
	}
	cluster := services.StartKafka(t, 3)
	for i := range times {
		t.Run("a leader is killed", func(t *testing.T) {
			b := inCluster(t, cluster, fmt.Sprint("killed-", i))
			b.survives(t, func() { cluster.Kill(t, b.leader(t)) })
			for broker := range cluster.Addresses {
				if !cluster.Runs(broker) {
					cluster.Start(t, broker)
				}
			}
		})
		t.Run("the coordinator is killed and started again", func(t *testing.T) {
			b := inCluster(t, cluster, fmt.Sprint("coordinator-", i))
			b.survives(t, func() {
				of := b.coordinator(t)
				cluster.Kill(t, of)
				cluster.Start(t, of)
			})
		})
		t.Run("a leader is frozen past its session", func(t *testing.T) {
			b := inCluster(t, cluster, fmt.Sprint("frozen-", i))
			b.survives(t, func() {
				of := b.leader(t)
				cluster.Freeze(t, of)
				time.Sleep(12 * time.Second) // the fault lasts
				cluster.Thaw(t, of)
			})
		})
		t.Run("a replica that lacks records becomes leader", func(t *testing.T) { testUnclean(t, cluster, fmt.Sprint("unclean-", i)) })
	}
}

// testUnclean kills the only replica that has the last records, so that another one leads without
// them.
func testUnclean(t *testing.T, cluster *services.Cluster, topic string) {
	cluster.CreateTopic(t, topic, 1, 2, map[string]string{"unclean.leader.election.enable": "true", "min.insync.replicas": "1"})
	b := on(t, cluster.Addresses[0], topic, topic)
	b.cfg.Brokers = cluster.Addresses
	log := b.logged()
	frames, _ := b.subscribe(t)
	b.produce(t, "both", 100)
	b.receiveAll(t, frames, 100)
	leader := b.leader(t)
	behind := b.replica(t, leader)
	cluster.Kill(t, behind)
	produced := func(n int) {
		t.Helper()
		within(t, time.Minute, "records are produced", func() bool { return b.producer.Produce(t.Context(), b.recordsNamed("one", n)) == nil })
	}
	produced(100)
	eventually(t, "all is read", func() bool {
		b.readWaiting(t, frames)
		return b.sources(t)[0].Next >= 200
	})
	cluster.Kill(t, leader)
	cluster.Start(t, behind)
	const is = "brokers lost the end of a partition: reading it again from its beginning"
	within(t, time.Minute, "the gap is counted, and what is left is read again", func() bool {
		b.readWaiting(t, frames)
		s := b.sources(t)[0]
		return s.Gaps == 1 && s.Next == 100
	})
	if n := strings.Count(log.String(), is); n != 1 {
		t.Errorf("the gap was logged %d times:\n%s", n, log)
	}
	cluster.Start(t, leader)
}

// leader returns the broker that leads partition 0.
func (b *bundle) leader(t *testing.T) int {
	t.Helper()
	return int(b.partition(t).Leader)
}

// replica returns the other broker that has partition 0.
func (b *bundle) replica(t *testing.T, than int) int {
	t.Helper()
	for _, broker := range b.partition(t).Replicas {
		if int(broker) != than {
			return int(broker)
		}
	}
	t.Fatal("there is no other replica")
	return 0
}

func (b *bundle) partition(t *testing.T) kadm.PartitionDetail {
	t.Helper()
	topics, err := b.admin.ListTopics(t.Context(), b.topic)
	if err != nil {
		t.Fatal(err)
	}
	return topics[b.topic].Partitions[0]
}

// coordinator returns the broker that coordinates the topic's group.
func (b *bundle) coordinator(t *testing.T) int {
	t.Helper()
	of := b.admin.FindGroupCoordinators(t.Context(), b.group())[b.group()]
	if of.Err != nil {
		t.Fatal(of.Err)
	}
	return int(of.NodeID)
}
