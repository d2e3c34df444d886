package kafka_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
	"jangbu/events/bus/kafka"
)

func TestRecordsComeAsTheyWereProduced(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		at := time.Now().Add(-2 * time.Hour).UTC().Truncate(time.Millisecond) // retention deletes what is older than a week
		want := []events.Record{
			{Topic: b.topic, Timestamp: at, Key: []byte("evt-1"), Value: []byte("{}"), Headers: []events.Header{
				{Key: "ce_id", Value: []byte("7")}, {Key: "empty", Value: []byte{}}, {Key: "nil"},
			}},
			{Topic: b.topic, Timestamp: at.Add(time.Millisecond), Key: nil, Value: nil, Offset: 1},
			{Topic: b.topic, Timestamp: at.Add(time.Hour), Key: []byte{}, Value: []byte{}, Offset: 2},
		}
		if err := b.producer.Produce(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		frames, _ := b.subscribe(t)
		if diff := cmp.Diff(want, b.receiveAll(t, frames, 3)[0]); diff != "" {
			t.Errorf("records (-produced +received):\n%s", diff)
		}
	})
}

func TestOneKeyStaysInOnePartitionInOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, 12, func(t *testing.T, b *bundle) {
		b.produce(t, "a", 5_000) // keys evt-0 to evt-4999
		b.produce(t, "b", 5_000)
		frames, _ := b.subscribe(t)
		partition := make(map[string]int32)
		last := make(map[string]string)
		for p, records := range b.receiveAll(t, frames, 10_000) {
			for _, r := range records {
				key, value := string(r.Key), string(r.Value)
				if before, ok := partition[key]; ok && (before != p || last[key] > value) {
					t.Fatalf("%s: %s in partition %d after %s in %d", key, value, p, last[key], before)
				}
				partition[key], last[key] = p, value
			}
		}
	})
}

func TestProduceFails(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.producer.Produce(ended, b.recordsNamed("r", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: error is %v", err)
	}
	long := []events.Record{{Topic: b.topic, Value: make([]byte, 1<<20)}}
	if err := b.producer.Produce(t.Context(), long); err == nil {
		t.Error("a record longer than the client sends: no error")
	}
}

// TestProducerWithoutBrokers: producing ends with its context, and closing does not wait for what
// the brokers do not answer.
func TestProducerWithoutBrokers(t *testing.T) {
	t.Parallel()
	b := setup(t, 12)
	b.produce(t, "r", 12)
	b.broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := b.producer.Produce(ctx, b.recordsNamed("r", 10_000)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	produced := time.Since(began)
	if err := b.producer.Close(); !errors.Is(err, kafka.ErrNotAcknowledged) {
		t.Errorf("close: error is %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("producing ended after %v, and all after %v", produced, took)
	}
}

// TestProducerIsClosedWhileItProduces: what is under way is finished, what comes after
// it is refused, and closing again does nothing.
func TestProducerIsClosedWhileItProduces(t *testing.T) {
	t.Parallel()
	onBoth(t, 4, testProducerIsClosedWhileItProduces)
}

func testProducerIsClosedWhileItProduces(t *testing.T, b *bundle) {
	var producing sync.WaitGroup
	var produced atomic.Int64
	for range 4 {
		producing.Go(func() {
			for {
				err := b.producer.Produce(t.Context(), b.recordsNamed("r", 2_000))
				if errors.Is(err, kafka.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("Produce: %v", err)
					return
				}
				produced.Add(2_000)
			}
		})
	}
	deadline := time.Now().Add(patience)
	for produced.Load() == 0 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if err := errors.Join(b.producer.Close(), b.producer.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	producing.Wait()
	if produced.Load() == 0 {
		t.Error("nothing was produced")
	}
}

func TestPublisher(t *testing.T) {
	t.Parallel()
	onBoth(t, 12, func(t *testing.T, b *bundle) {
		p, err := kafka.NewPublisher(b.cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		msg := message.NewMessage("0190-1", []byte(`{"n":1}`))
		if err := p.Publish(b.topic, msg); err == nil {
			t.Error("a message without a key: no error")
		}
		msg.Metadata.Set(kafka.KeyMetadata, "evt-1")
		msg.Metadata.Set("ce_id", "7")
		if err := p.Publish(b.topic, msg); err != nil {
			t.Fatal(err)
		}
		// The producer puts the same key into the same partition.
		if err := b.producer.Produce(t.Context(), []events.Record{{Topic: b.topic, Key: []byte("evt-1"), Value: []byte(`{"n":2}`)}}); err != nil {
			t.Fatal(err)
		}

		frames, _ := b.subscribe(t)
		got := b.receiveAll(t, frames, 2)
		if len(got) != 1 {
			t.Fatalf("one key is in %d partitions", len(got))
		}
		for _, records := range got {
			want := events.Record{Topic: b.topic, Partition: records[0].Partition, Key: []byte("evt-1"), Value: []byte(`{"n":1}`)}
			if diff := cmp.Diff(want, records[0], cmpopts.IgnoreFields(events.Record{}, "Timestamp", "Headers")); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			headers := make(map[string]string)
			for _, h := range records[0].Headers {
				headers[h.Key] = string(h.Value)
			}
			if headers["ce_id"] != "7" {
				t.Errorf("headers are %v", headers)
			}
		}
	})
}
