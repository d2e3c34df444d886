package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"

	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
)

func TestEnsureTopics(t *testing.T) {
	t.Parallel()
	b := setup(t, 3)
	for range 2 { // the second time all are there
		if err := kafka.EnsureTopics(t.Context(), b.cfg, 5, b.topic, "event-created"); err != nil {
			t.Fatal(err)
		}
	}
	details, err := b.admin.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for name, d := range details {
		got[name] = len(d.Partitions)
	}
	if diff := cmp.Diff(map[string]int{b.topic: 3, "event-created": 5}, got); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
}

func TestEnsureTopicsWaitsForBrokers(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	b.broker.Close()
	done := make(chan error, 1)
	go func() { done <- kafka.EnsureTopics(t.Context(), b.cfg, 2, "late") }()
	// A broker at the same address, as after a restart.
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: b.broker.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("still waiting")
	}
}

func TestEnsureTopicsGivesUp(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	if err := kafka.EnsureTopics(t.Context(), b.cfg, 0, "none"); err == nil {
		t.Error("no partitions: no error")
	}
	b.broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := kafka.EnsureTopics(ctx, b.cfg, 1, "late"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no broker: error is %v", err)
	}
}

// TestRemove deletes a topic and a group, and once more what is not there.
func TestRemove(t *testing.T) {
	t.Parallel()
	onBoth(t, 3, func(t *testing.T, b *bundle) {
		if err := b.producer.Produce(t.Context(), []events.Record{{Topic: b.topic, Value: []byte("a record")}}); err != nil {
			t.Fatal(err)
		}
		offsets := make(kadm.Offsets)
		offsets.AddOffset(b.topic, 0, 1, -1)
		if err := b.admin.CommitAllOffsets(t.Context(), b.group(), offsets); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := kafka.Remove(t.Context(), b.cfg, b.topic); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the topic is gone", func() bool { // from what a broker says later than it answers
			topics, err := b.admin.ListTopics(t.Context()) // by name it would be made anew
			if err != nil {
				t.Fatal(err)
			}
			return !topics.Has(b.topic)
		})
		groups, err := b.admin.ListGroups(t.Context())
		if _, there := groups[b.group()]; err != nil || there {
			t.Errorf("groups: %v (%v)", groups, err)
		}
	})
}
