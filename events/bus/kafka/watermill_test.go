package kafka_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/sqlitelog"
)

// TestWatermillsOwnSuite runs Watermill's tests of publishers and subscribers on ours: in their
// short form, or with JANGBU_TEST_KAFKA_FAULTS with thousands of messages and 50 subscribers.
//
// Two of them do not apply: TestReconnect restarts the brokers by a command, as TestOneBroker does
// by itself; and TestNewSubscriberReceivesOldMessages has a second subscriber read what the first
// has read, where ours goes on where their log ends.
func TestWatermillsOwnSuite(t *testing.T) {
	t.Parallel()
	features := tests.Features{
		ConsumerGroups: true, GuaranteedOrder: true, Persistent: true,
		// A message whose acknowledgement is lost comes again; the log drops it (I4).
		ExactlyOnceDelivery: false,
		ContextPreserved:    false, // a broker carries none
		ForceShort:          os.Getenv("JANGBU_TEST_KAFKA_FAULTS") == "",
	}
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		s := &suite{b: b, logs: make(map[string]events.Log)}
		for name, test := range map[string]func(*testing.T, tests.TestContext, tests.PubSubConstructor){
			"TestPublishSubscribe": tests.TestPublishSubscribe, "TestConcurrentSubscribe": tests.TestConcurrentSubscribe,
			"TestConcurrentSubscribeMultipleTopics": tests.TestConcurrentSubscribeMultipleTopics,
			"TestResendOnError":                     tests.TestResendOnError, "TestNoAck": tests.TestNoAck,
			"TestContinueAfterSubscribeClose": tests.TestContinueAfterSubscribeClose, "TestConcurrentClose": tests.TestConcurrentClose,
			"TestContinueAfterErrors": tests.TestContinueAfterErrors, "TestPublishSubscribeInOrder": tests.TestPublishSubscribeInOrder,
			"TestPublisherClose": tests.TestPublisherClose, "TestTopic": tests.TestTopic,
			"TestMessageCtx": tests.TestMessageCtx, "TestSubscribeCtx": tests.TestSubscribeCtx,
			"TestConsumerGroups": func(t *testing.T, of tests.TestContext, _ tests.PubSubConstructor) {
				tests.TestConsumerGroups(t, of, s.in)
			},
		} {
			t.Run(name, func(t *testing.T) {
				of := tests.TestContext{TestID: tests.NewTestID(), Features: features}
				if name == "TestContinueAfterErrors" {
					of.Features.ForceShort = true // a frame that is refused comes again later each time
				}
				test(t, of, func(t *testing.T) (message.Publisher, message.Subscriber) { return s.in(t, string(of.TestID)) })
			})
		}
	})
}

// suite makes publishers and subscribers of single messages on the brokers of a bundle.
type suite struct {
	b    *bundle
	mu   sync.Mutex
	logs map[string]events.Log // by group: what has been read is in the log; guarded by mu
}

func (s *suite) in(t *testing.T, group string) (message.Publisher, message.Subscriber) {
	t.Helper()
	cfg := s.b.cfg
	cfg.Group, cfg.Log = s.b.topic+"-"+group, s.log(t, group)
	publisher, err := kafka.NewPublisher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	subscriber, err := kafka.NewSubscriber(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sub := &single{Subscriber: subscriber, cfg: cfg}
	t.Cleanup(func() { // the suite leaves some open
		if err := errors.Join(publisher.Close(), sub.Close(), kafka.Remove(context.WithoutCancel(t.Context()), cfg, sub.made...)); err != nil {
			t.Error(err)
		}
	})
	return keyed{publisher}, sub
}

func (s *suite) log(t *testing.T, group string) events.Log {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs[group] == nil {
		log, err := sqlitelog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"), sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		s.logs[group] = log
	}
	return s.logs[group]
}

// keyed is a publisher whose messages all have one key, and so one partition and an order.
type keyed struct{ message.Publisher }

func (k keyed) Publish(topic string, messages ...*message.Message) error {
	copies := make([]*message.Message, len(messages))
	for i, msg := range messages {
		copies[i] = msg.Copy()
		copies[i].Metadata.Set(kafka.KeyMetadata, "one")
	}
	return k.Publisher.Publish(topic, copies...)
}

// single is a subscriber whose messages are the records of frames, one after another. A frame is
// written to the log once all of its records were acknowledged, and refused with the first that is
// refused.
type single struct {
	message.Subscriber
	cfg  kafka.Config
	mu   sync.Mutex
	made []string // topics; guarded by mu
	wg   sync.WaitGroup
}

// SubscribeInitialize implements [message.SubscribeInitializer].
func (s *single) SubscribeInitialize(topic string) error {
	s.mu.Lock()
	s.made = append(s.made, topic)
	s.mu.Unlock()
	return kafka.EnsureTopics(context.Background(), s.cfg, 4, topic)
}

func (s *single) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	frames, err := s.Subscriber.Subscribe(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := make(chan *message.Message)
	s.wg.Go(func() {
		defer close(out)
		var passing sync.WaitGroup
		defer passing.Wait()
		for msg := range frames {
			passing.Go(func() { s.pass(msg, out) })
		}
	})
	return out, nil
}

// pass passes the records of a frame on.
func (s *single) pass(msg *message.Message, out chan<- *message.Message) {
	f, err := events.DecodeFrame(msg.Payload)
	if err != nil {
		msg.Nack()
		return
	}
	for i, r := range f.Records {
		if !s.passRecord(msg.Context(), r, out) {
			msg.Nack()
			return
		}
		_, err := s.cfg.Log.Append(msg.Context(), nil, events.Reading{
			Source: events.Source{Topic: f.Topic, TopicID: f.TopicID, Partition: f.Partition}, First: f.First, Next: f.Records[i].Offset + 1,
		})
		if err != nil {
			msg.Nack()
			return
		}
	}
	msg.Ack()
}

// passRecord passes a record on and reports whether it was acknowledged.
func (s *single) passRecord(frame context.Context, r events.Record, out chan<- *message.Message) bool {
	ctx, cancel := context.WithCancel(frame)
	defer cancel()
	msg := message.NewMessageWithContext(ctx, watermill.NewUUID(), r.Value)
	for _, h := range r.Headers {
		if h.Key == "_watermill_message_uuid" {
			msg.UUID = string(h.Value)
		} else {
			msg.Metadata.Set(h.Key, string(h.Value))
		}
	}
	select {
	case out <- msg:
	case <-ctx.Done():
		return false
	}
	select {
	case <-msg.Acked():
		return true
	case <-msg.Nacked():
	case <-ctx.Done():
	}
	return false
}

func (s *single) Close() error {
	err := s.Subscriber.Close()
	s.wg.Wait()
	return err
}
