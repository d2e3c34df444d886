package kafka_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events"
)

// TestAMemberThatComesTakesItsShareOnly: the frames of the partitions that another member keeps
// stay with their handlers, and their acknowledgements count.
func TestAMemberThatComesTakesItsShareOnly(t *testing.T) {
	t.Parallel()
	const partitions = 4
	onBoth(t, partitions, func(t *testing.T, b *bundle) {
		b.produce(t, "r", 400)
		first, _ := b.subscribe(t)
		at := make(map[int32]*message.Message)
		for len(at) < partitions {
			msg, f := receive(t, first)
			at[f.Partition] = msg
		}
		second, closeSecond := b.subscribe(t)
		taken := make(map[int32]bool)
		for len(taken) < partitions/2 {
			msg, f := receive(t, second)
			b.read(t, msg, f)
			taken[f.Partition] = true
		}
		none(t, first, "its handlers were done")
		for p, msg := range at {
			if !taken[p] {
				msg.Ack()
			}
		}
		closeSecond()
		eventually(t, "the offsets of kept partitions are committed", func() bool {
			c := b.committed(t)
			for p := range at {
				if c[p] == 0 {
					return false
				}
			}
			return true
		})
	})
}

// TestAPartitionThatNoMemberHasIsGivenAgain: a member that had let a partition go was killed before
// the group gave it to another, and came back by its name. The group takes it for the same member,
// and gives the partition to none, unless it is asked again.
func TestAPartitionThatNoMemberHasIsGivenAgain(t *testing.T) {
	t.Parallel()
	for name, given := range map[string][]int32{"one": {0}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, 2, func(t *testing.T, b *bundle) {
				b.produce(t, "before", 100)
				frames, closeIt := b.subscribe(t)
				b.receiveAll(t, frames, 100) // from here on the log knows both partitions
				closeIt()
				b.cfg.Instance = "second"
				client, err := sarama.NewClient(b.cfg.Brokers, sarama.NewConfig())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = client.Close() }()
				group := b.cfg.Group + "." + b.topic
				coordinator, err := client.Coordinator(group)
				if err != nil {
					t.Fatal(err)
				}
				join := &sarama.JoinGroupRequest{
					Version: 5, GroupId: group, GroupInstanceId: &b.cfg.Instance, SessionTimeout: 6000, RebalanceTimeout: 6000, ProtocolType: "consumer",
				}
				if err := join.AddGroupProtocolMetadata("cooperative-sticky", &sarama.ConsumerGroupMemberMetadata{Topics: []string{b.topic}}); err != nil {
					t.Fatal(err)
				}
				joined, err := coordinator.JoinGroup(join)
				if err != nil || joined.Err != sarama.ErrNoError {
					t.Fatalf("join: %v, %+v", err, joined)
				}
				sync := &sarama.SyncGroupRequest{Version: 3, GroupId: group, GroupInstanceId: &b.cfg.Instance, GenerationId: joined.GenerationId, MemberId: joined.MemberId}
				if err := sync.AddGroupAssignmentMember(joined.MemberId, &sarama.ConsumerGroupMemberAssignment{Topics: map[string][]int32{b.topic: given}}); err != nil {
					t.Fatal(err)
				}
				if synced, err := coordinator.SyncGroup(sync); err != nil || synced.Err != sarama.ErrNoError {
					t.Fatalf("sync: %v, %+v", err, synced)
				}
				b.produce(t, "r", 100)
				frames, _ = b.subscribe(t)
				b.receiveAll(t, frames, 100)
			})
		})
	}
}

// TestAPartitionWhoseLeaderMovedIsTakenOver: a member takes over the partitions of another, of which
// other brokers are the leaders since its session began.
func TestAPartitionWhoseLeaderMovedIsTakenOver(t *testing.T) {
	t.Parallel()
	const topic, partitions, records = "participant-registered", 6, 60
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	b := on(t, cluster.ListenAddrs()[0], topic, "jangbu")
	first, closeFirst := b.subscribe(t)
	second, _ := b.subscribe(t)
	read := make(map[int32]bool) // by the second
	for deadline := time.Now().Add(patience); len(read) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the second member reads nothing")
		}
		b.produce(t, "before", records)
		for left := records; left > 0; {
			var msg *message.Message
			var f events.Frame
			select {
			case msg = <-first:
				f, err = events.DecodeFrame(msg.Payload)
			case msg = <-second:
				f, err = events.DecodeFrame(msg.Payload)
				read[f.Partition] = true
			case <-time.After(patience):
				t.Fatal("no frame came")
			}
			if err != nil {
				t.Fatal(err)
			}
			b.read(t, msg, f)
			left -= len(f.Records)
		}
	}
	for p := range int32(partitions) {
		if info := cluster.PartitionInfo(topic, p); !read[p] {
			if err := cluster.MoveTopicPartition(topic, p, (info.Leader+1)%3); err != nil {
				t.Fatal(err)
			}
		}
	}
	closeFirst()
	b.produce(t, "after", records)
	b.receiveAll(t, second, records)
}

// TestComingAndGoing: how long the partitions of a topic stand while a second member comes, is
// started again, and goes. Those that do not move go on; with a name, a member that is started
// again takes nothing from the other, and gets its own back.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	const partitions = 12
	for _, instance := range []string{"", "second"} {
		t.Run("instance "+instance, func(t *testing.T) {
			t.Parallel()
			onBoth(t, partitions, func(t *testing.T, b *bundle) {
				flow := b.flow(t, partitions)
				flow.join("first", "")
				flow.all()
				measure := func(what string, do func()) {
					t.Helper()
					flow.reset()
					do()
					flow.all()
					kept, moved := flow.longest()
					t.Logf("%s: partitions that do not move stand %v, the others %v", what, kept.Round(time.Millisecond), moved.Round(time.Millisecond))
					if kept > flow.pause {
						t.Errorf("%s: partitions that do not move stand %v", what, kept)
					}
				}
				var leave func()
				measure("a member comes", func() {
					leave = flow.join("second", instance)
					flow.until("it has its share", func() bool { return len(flow.of("second")) == partitions/2 })
				})
				measure("a member is started again", func() {
					has := flow.of("second")
					leave()
					leave = flow.join("second", instance)
					flow.until("it has its share again", func() bool {
						again := flow.of("second")
						return len(again) == partitions/2 && (instance == "" || cmp.Equal(has, again))
					})
					if instance != "" && flow.moves() > 0 {
						t.Errorf("%d partitions were read by the other meanwhile", flow.moves())
					}
				})
				if instance != "" {
					return // its partitions stand until its session expires
				}
				measure("a member goes", func() {
					leave()
					flow.until("the other has all", func() bool { return len(flow.of("first")) == partitions })
				})
			})
		})
	}
}

// flow is a topic with a record in each partition every few milliseconds, which members read.
type flow struct {
	t     *testing.T
	b     *bundle
	pause time.Duration // longer than a partition may stand that does not move

	mu    sync.Mutex
	parts []part // guarded by mu
}

// part is what is known of a partition since the last reset.
type part struct {
	by      string // who read it last
	was     string // who had it at the reset
	moved   bool
	at      time.Time
	longest time.Duration
	frames  int
}

func (b *bundle) flow(t *testing.T, partitions int) *flow {
	f := &flow{t: t, b: b, pause: 5 * time.Second, parts: make([]part, partitions)}
	client := b.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	ctx, stop := context.WithCancel(t.Context())
	var producing sync.WaitGroup
	t.Cleanup(producing.Wait)
	t.Cleanup(stop)
	producing.Go(func() {
		for tick := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			for p := range partitions {
				client.Produce(ctx, &kgo.Record{Partition: int32(p), Value: []byte("r")}, nil)
			}
		}
	})
	return f
}

// join has a member read until it is told to leave.
func (f *flow) join(name, instance string) (leave func()) {
	f.t.Helper()
	b := *f.b
	b.cfg.Instance = instance
	frames, closeIt := b.subscribe(f.t)
	var reading sync.WaitGroup
	reading.Go(func() {
		for msg := range frames {
			frame, err := events.DecodeFrame(msg.Payload)
			if err == nil {
				_, err = b.log.Append(f.t.Context(), nil, events.Reading{
					Source: events.Source{Topic: frame.Topic, TopicID: frame.TopicID, Partition: frame.Partition}, First: frame.First, Next: frame.Next(),
				})
			}
			if err != nil {
				msg.Nack()
				continue
			}
			f.note(name, frame.Partition)
			msg.Ack()
		}
	})
	leave = func() {
		closeIt()
		reading.Wait()
	}
	f.t.Cleanup(leave)
	return leave
}

func (f *flow) note(name string, partition int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.parts[partition]
	now := time.Now()
	p.longest = max(p.longest, now.Sub(p.at))
	p.moved = p.moved || p.was != name
	p.by, p.at = name, now
	p.frames++
}

func (f *flow) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.parts {
		p := &f.parts[i]
		*p = part{by: p.by, was: p.by, at: time.Now()}
	}
}

// all waits until all partitions have been read twice more.
func (f *flow) all() {
	f.t.Helper()
	f.mu.Lock()
	for i := range f.parts {
		f.parts[i].frames = 0
	}
	f.mu.Unlock()
	f.until("all partitions are read", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return !slices.ContainsFunc(f.parts, func(p part) bool { return p.frames < 2 })
	})
}

func (f *flow) until(what string, ok func() bool) {
	f.t.Helper()
	eventually(f.t, what, ok)
}

// of returns the partitions that a member read last.
func (f *flow) of(name string) (partitions []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range f.parts {
		if p.by == name {
			partitions = append(partitions, i)
		}
	}
	return partitions
}

// moves returns how many partitions were read by another member than at the reset.
func (f *flow) moves() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.parts {
		if p.moved {
			n++
		}
	}
	return n
}

// longest returns how long partitions stood that the first member had all the time, and others.
func (f *flow) longest() (kept, moved time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.parts {
		if !p.moved && p.by == "first" {
			kept = max(kept, p.longest)
		} else {
			moved = max(moved, p.longest)
		}
	}
	return kept, moved
}
