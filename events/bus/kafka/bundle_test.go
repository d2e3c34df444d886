package kafka_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// One for the whole process, started by sarama's metrics.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		// Sleeps for 10 s after a producer found no leader of a partition.
		goleak.IgnoreAnyFunction("github.com/eapache/go-resiliency/breaker.(*Breaker).timer"),
		// Tries some times more where its client was closed meanwhile, and ends.
		goleak.IgnoreAnyFunction("github.com/IBM/sarama.(*currentRefresh).start.func1"),
		// A message that comes again once Watermill's suite has read enough waits for a reader forever.
		goleak.IgnoreAnyFunction("github.com/ThreeDotsLabs/watermill/internal/subscriber.(*multiplier).Subscribe.func2"),
		goleak.IgnoreAnyFunction("github.com/ThreeDotsLabs/watermill/internal/subscriber.(*multiplier).Subscribe.func3"))
}

// patience is how long a test waits for what should come within moments, on a machine where servers
// and other tests take all there is, too.
const patience = time.Minute

// bundle is a topic of its own on a broker, a log, and what is needed to use them.
type bundle struct {
	broker   *embedded.Broker // nil on Apache Kafka
	cfg      kafka.Config
	topic    string
	producer *kafka.Producer
	kgo      *kgo.Client
	admin    *kadm.Client
	log      *sqlitelog.Log
}

// setup returns a bundle on an embedded broker.
func setup(t testing.TB, partitions int32) *bundle {
	t.Helper()
	const topic = "participant-registered"
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Topics: []string{topic}, Partitions: partitions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	b := on(t, broker.Addr(), topic, "jangbu")
	b.broker = broker
	return b
}

// onBoth runs a test on an embedded broker and on Apache Kafka.
func onBoth(t *testing.T, partitions int32, test func(*testing.T, *bundle)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, setup(t, partitions))
	})
	t.Run("Apache Kafka", func(t *testing.T) {
		t.Parallel()
		broker := services.Kafka(t)
		topic := services.Topic(t, broker, "participant-registered")
		b := on(t, broker, topic, topic)
		if err := kafka.EnsureTopics(t.Context(), b.cfg, partitions, topic); err != nil {
			t.Fatal(err)
		}
		test(t, b)
	})
}

func on(t testing.TB, broker, topic, group string) *bundle {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	b := &bundle{topic: topic, log: log, cfg: kafka.Config{
		Brokers: []string{broker}, Group: group, Log: log, Logger: slog.New(slog.DiscardHandler),
	}}
	if b.producer, err = kafka.NewProducer(b.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.producer.Close() })
	b.kgo = b.client(t)
	b.admin = kadm.NewClient(b.kgo)
	return b
}

// client returns a client of another library than ours.
func (b *bundle) client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.cfg.Brokers...), kgo.DefaultProduceTopic(b.topic))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (b *bundle) produce(t testing.TB, name string, n int) {
	t.Helper()
	if err := b.producer.Produce(t.Context(), b.recordsNamed(name, n)); err != nil {
		t.Fatal(err)
	}
}

// recordsNamed returns n records whose values are the name with a number.
func (b *bundle) recordsNamed(name string, n int) []events.Record {
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Topic: b.topic, Key: fmt.Appendf(nil, "evt-%d", i), Value: fmt.Appendf(nil, "%s-%d", name, i)}
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
	frames, err = sub.Subscribe(t.Context(), b.topic)
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

// read writes to the log how far a frame was read, as its handler does, and acknowledges it.
func (b *bundle) read(t testing.TB, msg *message.Message, f events.Frame) {
	t.Helper()
	_, err := b.log.Append(t.Context(), nil, events.Reading{
		Source: events.Source{Topic: f.Topic, TopicID: f.TopicID, Partition: f.Partition}, First: f.First, Next: f.Next(),
	})
	if err != nil {
		t.Fatal(err)
	}
	msg.Ack()
}

// readWaiting reads a frame if one waits.
func (b *bundle) readWaiting(t testing.TB, frames <-chan *message.Message) {
	t.Helper()
	select {
	case msg := <-frames:
		f, err := events.DecodeFrame(msg.Payload)
		if err != nil {
			t.Fatal(err)
		}
		b.read(t, msg, f)
	default:
	}
}

// receiveAll reads frames until n records came and returns these by partition.
func (b *bundle) receiveAll(t testing.TB, frames <-chan *message.Message, n int) map[int32][]events.Record {
	t.Helper()
	got := make(map[int32][]events.Record)
	for n > 0 {
		msg, f := receive(t, frames)
		b.read(t, msg, f)
		got[f.Partition] = append(got[f.Partition], f.Records...)
		n -= len(f.Records)
	}
	if n < 0 {
		t.Errorf("%d records too many", -n)
	}
	return got
}

// sources returns what the log knows of the topic's partitions, without the times.
func (b *bundle) sources(t testing.TB) []events.SourceState {
	t.Helper()
	all, err := b.log.Sources().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].ReadAt, all[i].GapAt = time.Time{}, time.Time{}
	}
	return all
}

// topicID returns the ID that the topic has now. kadm's listing would be a cached one.
func (b *bundle) topicID(t testing.TB) events.TopicID {
	t.Helper()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{{Topic: &b.topic}}
	response, err := request.RequestWith(t.Context(), b.kgo)
	if err != nil {
		t.Fatal(err)
	}
	return events.TopicID(response.Topics[0].TopicID)
}

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	within(t, patience, what, ok)
}

// within waits until ok holds.
func within(t testing.TB, patience time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// group returns the topic's consumer group.
func (b *bundle) group() string { return b.cfg.Group + "." + b.topic }

// committed returns the group's offsets by partition.
func (b *bundle) committed(t testing.TB) map[int32]int64 {
	t.Helper()
	offsets, err := b.admin.FetchOffsets(t.Context(), b.group())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[int32]int64)
	for p, o := range offsets[b.topic] {
		got[p] = o.At
	}
	return got
}
