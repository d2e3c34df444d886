package kafka_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// One for the whole process, started by sarama's metrics.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

const (
	topic = "participant-registered"
	// patience is how long a test waits for what should come within moments.
	patience = 15 * time.Second
)

// bundle is a broker and what is needed to use it.
type bundle struct {
	broker   *embedded.Broker
	cfg      kafka.Config
	producer *kafka.Producer
	admin    *kadm.Client
	gaps     chan kafka.Gap
}

func setup(t testing.TB, partitions int32) *bundle {
	t.Helper()
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Topics: []string{topic}, Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	b := &bundle{broker: broker, gaps: make(chan kafka.Gap, 100)}
	b.cfg = kafka.Config{
		Brokers: []string{broker.Addr()}, Group: "jangbu", Logger: slog.New(slog.DiscardHandler),
		OnGap: func(g kafka.Gap) { b.gaps <- g },
	}
	if b.producer, err = kafka.NewProducer(b.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.producer.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	b.admin = kadm.NewClient(client)
	return b
}

func (b *bundle) produce(t testing.TB, name string, n int) {
	t.Helper()
	if err := b.producer.Produce(t.Context(), recordsNamed(name, n)); err != nil {
		t.Fatal(err)
	}
}

// recordsNamed returns n records whose values are the name with a number.
func recordsNamed(name string, n int) []events.Record {
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Topic: topic, Key: fmt.Appendf(nil, "evt-%d", i), Value: fmt.Appendf(nil, "%s-%d", name, i)}
	}
	return records
}

// subscribe joins the group; the subscriber is closed when the test ends, or
// before that by the returned function.
func (b *bundle) subscribe(t testing.TB) (frames <-chan *message.Message, closeIt func()) {
	t.Helper()
	sub, err := kafka.NewSubscriber(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	frames, err = sub.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	closeIt = sync.OnceFunc(func() {
		if err := sub.Close(); err != nil {
			t.Errorf("close subscriber: %v", err)
		}
	})
	t.Cleanup(closeIt)
	return frames, closeIt
}

// receive returns the next message and its frame.
func receive(t testing.TB, frames <-chan *message.Message) (*message.Message, events.Frame) {
	t.Helper()
	select {
	case msg, ok := <-frames:
		if !ok {
			t.Fatal("the subscription has ended")
		}
		f, err := events.DecodeFrame(msg.Payload)
		if err != nil {
			t.Fatal(err)
		}
		return msg, f
	case <-time.After(patience):
		t.Fatal("no frame came")
	}
	panic("unreachable")
}

// receiveAll acknowledges frames until n records came and returns them by
// partition.
func receiveAll(t testing.TB, frames <-chan *message.Message, n int) map[int32][]events.Record {
	t.Helper()
	got := make(map[int32][]events.Record)
	for n > 0 {
		msg, f := receive(t, frames)
		msg.Ack()
		got[f.Partition] = append(got[f.Partition], f.Records...)
		n -= len(f.Records)
	}
	if n < 0 {
		t.Errorf("%d records too many", -n)
	}
	return got
}

func (b *bundle) gap(t testing.TB) kafka.Gap {
	t.Helper()
	select {
	case g := <-b.gaps:
		return g
	case <-time.After(patience):
		t.Fatal("no gap was reported")
	}
	panic("unreachable")
}

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// committed returns the group's offsets by partition.
func (b *bundle) committed(t testing.TB) map[int32]int64 {
	t.Helper()
	offsets, err := b.admin.FetchOffsets(t.Context(), b.cfg.Group)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[int32]int64)
	for p, o := range offsets[topic] {
		got[p] = o.At
	}
	return got
}
