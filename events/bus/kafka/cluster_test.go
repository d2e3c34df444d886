package kafka_test

import (
	"maps"
	"slices"
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
		eventually(t, "records are read "+when, func() bool { return read() > before+100 })
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
	eventually(t, "all is read", func() bool {
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
