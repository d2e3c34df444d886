package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cenkalti/backoff/v5"
)

// subscriber implements [message.Subscriber]. Each subscription has its own Watermill
// subscriber, and so is its own member of the group.
type subscriber struct {
	cfg    Config
	faults *faults
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool           // guarded by mu
	ends   []func() error // guarded by mu; each ends one subscription
}

// NewSubscriber returns a subscriber whose messages are encoded frames. A topic's channel
// is closed when the subscriber is closed or the context of Subscribe ends. After a
// negative acknowledgement the same frame comes again, later each time. Subscribe returns
// an error where no broker can be reached.
func NewSubscriber(cfg Config) (message.Subscriber, error) {
	cfg, err := cfg.withDefaults()
	if cfg.Group == "" {
		err = errors.Join(err, errors.New("group: none given"))
	}
	if cfg.Log == nil {
		err = errors.Join(err, errors.New("log: none given"))
	}
	if err != nil {
		return nil, fmt.Errorf("configure subscriber: %w", err)
	}
	return &subscriber{cfg: cfg, faults: new(faults)}, nil
}

// Subscribe implements [message.Subscriber].
func (s *subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("subscribe to %s: subscriber is closed", topic)
	}
	settings, err := s.cfg.consumer()
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	sub := &subscription{
		cfg:    s.cfg,
		faults: s.faults,
		topic:  topic,
		ended:  ctx.Done(),
		out:    make(chan *message.Message),
		again:  make(map[int32]*backoff.ExponentialBackOff),

		written: make(map[int32]int64),
	}
	inner, err := wkafka.NewSubscriber(wkafka.SubscriberConfig{
		Brokers:               s.cfg.Brokers,
		ConsumerGroup:         s.cfg.Group,
		Unmarshaler:           unmarshaler{},
		OverwriteSaramaConfig: settings,
		ReconnectRetrySleep:   retryPause,
		NackResendSleep:       wkafka.NoSleep, // deliver waits, as long as the session lasts
		Tracer:                tracer{sub},
	}, newLogger(s.cfg.Logger, s.faults))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	frames, err := inner.Subscribe(ctx, topic)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	s.wg.Go(func() { sub.forward(ctx, frames) })
	s.ends = append(s.ends, func() error {
		cancel()
		return inner.Close()
	})
	return sub.out, nil
}

// Close implements [message.Subscriber]. It does not wait for handlers; their later
// acknowledgements are ignored, and the frames come again.
func (s *subscriber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, end := range s.ends {
		errs = append(errs, end())
	}
	s.ends = nil
	s.wg.Wait()
	return errors.Join(errs...)
}

// subscription is the subscription to one topic.
type subscription struct {
	cfg    Config
	faults *faults
	topic  string
	ended  <-chan struct{}
	out    chan *message.Message
	// connected is when the last connection was made. It belongs to the goroutine
	// that connects.
	connected time.Time

	// mu guards what follows.
	mu sync.Mutex
	// session is closed at the end of the current membership of the group.
	session <-chan struct{}
	// written are the offsets up to which this session has written to the log what it read.
	written map[int32]int64
	// again has the pauses of each partition whose last frame was not acknowledged.
	again map[int32]*backoff.ExponentialBackOff
}

func (s *subscription) beginSession(done <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = done
	clear(s.again)
	clear(s.written)
}

// wrote says that the log has read the partition up to an offset.
func (s *subscription) wrote(partition int32, next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[partition] = next
}

// wroteUpTo returns the offsets up to which this session has written each partition.
func (s *subscription) wroteUpTo() map[int32]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.written)
}

// acked says that the next negative acknowledgement of the partition is a first one.
func (s *subscription) acked(partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.again, partition)
}

// nacked returns how long the partition's frame waits before it comes again.
func (s *subscription) nacked(partition int32) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.again[partition]
	if b == nil {
		b = backoff.NewExponentialBackOff()
		b.InitialInterval, b.Multiplier = nackPause, 2
		b.RandomizationFactor, b.MaxInterval = 1./3, nackPauseMax*3/4 // at most nackPauseMax
		s.again[partition] = b
	}
	return b.NextBackOff()
}

func (s *subscription) currentSession() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// forward passes frames from Watermill's subscriber to the handlers. Watermill waits for
// a handler's acknowledgement even after the session of the frame has ended; forward then
// acknowledges in place of the handler.
func (s *subscription) forward(ctx context.Context, frames <-chan *message.Message) {
	defer close(s.out)
	var delivering sync.WaitGroup
	defer delivering.Wait()
	for msg := range frames {
		// A session ends only after all its frames are acknowledged, so this is the
		// session of the frame.
		session := s.currentSession()
		delivering.Go(func() { s.deliver(ctx, session, msg) })
	}
}

func (s *subscription) deliver(ctx context.Context, session <-chan struct{}, msg *message.Message) {
	partition, _ := wkafka.MessagePartitionFromCtx(msg.Context())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	copied := message.NewMessageWithContext(ctx, msg.UUID, msg.Payload)

	select {
	case s.out <- copied:
	case <-session:
		msg.Ack()
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-copied.Acked():
		s.acked(partition)
		if last, ok := wkafka.MessagePartitionOffsetFromCtx(msg.Context()); ok {
			s.wrote(partition, last+1)
		}
		msg.Ack()
		return
	case <-copied.Nacked():
		select {
		case <-time.After(s.nacked(partition)):
			msg.Nack()
		case <-session:
			msg.Ack() // marks nothing: the session has ended
		case <-ctx.Done():
		}
		return
	case <-session:
		msg.Ack() // marks nothing: the session has ended
	case <-ctx.Done():
		return
	}
	// The handler's context lasts until the handler acknowledges.
	select {
	case <-copied.Acked():
	case <-copied.Nacked():
	case <-ctx.Done():
	}
}

// unmarshaler turns a frame into a message.
type unmarshaler struct{}

// Unmarshal implements [wkafka.Unmarshaler].
func (unmarshaler) Unmarshal(m *sarama.ConsumerMessage) (*message.Message, error) {
	uuid := m.Topic + "/" + strconv.FormatInt(int64(m.Partition), 10) + "/" + strconv.FormatInt(m.Offset, 10)
	return message.NewMessage(uuid, m.Value), nil
}
