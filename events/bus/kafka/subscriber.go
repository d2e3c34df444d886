package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cenkalti/backoff/v5"

	"jangbu/events"
)

// subscriber implements [message.Subscriber]. Each subscription has its own Watermill
// subscriber, and is a member of the topic's own group.
type subscriber struct {
	cfg    Config
	faults *faults
	wg     sync.WaitGroup
	leaves bool // the groups when it is closed, whose members have names

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
	s := &subscriber{cfg: cfg, faults: new(faults)}
	if cfg.Instance == "" {
		// A member without a name that has lost its coordinator joins as another one, and so waits
		// until the session of the former one expires.
		s.cfg.Instance, s.leaves = cfg.ClientID+"-"+rand.Text(), true
	}
	return s, nil
}

// Subscribe implements [message.Subscriber].
func (s *subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("subscribe to %s: subscriber is closed", topic)
	}
	settings, err := s.cfg.member()
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
	}
	settings.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{newStrategy(sub)}
	inner, err := wkafka.NewSubscriber(wkafka.SubscriberConfig{
		Brokers:               s.cfg.Brokers,
		ConsumerGroup:         s.cfg.group(topic),
		Unmarshaler:           unmarshaler{},
		OverwriteSaramaConfig: settings,
		ReconnectRetrySleep:   retryPause,
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
		err := inner.Close()
		if s.leaves {
			sub.leave()
		}
		return err
	})
	return sub.out, nil
}

// Close implements [message.Subscriber]. It does not wait for handlers; their later
// acknowledgements are ignored, and the frames come again.
func (s *subscriber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	errs := make([]error, len(s.ends))
	for i, end := range s.ends {
		s.wg.Go(func() { errs[i] = end() })
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

	mu      sync.Mutex
	session *session // the current one, nil before the first; guarded by mu
	// given are the partitions that the group gives this member; guarded by mu. What lets one go
	// that is read is called when it is given to another member.
	given map[int32]context.CancelFunc
}

// session is a membership of the group. While it lasts, partitions come and go.
type session struct {
	sarama.ConsumerGroupSession
	topic string

	mu sync.Mutex
	// held are the partitions that the session reads, each with what is closed when it does so
	// no longer: by then handlers' acknowledgements count for nothing. Guarded by mu.
	held map[int32]<-chan struct{}
	// written are the offsets up to which the session has written to the log what it read;
	// guarded by mu.
	written map[int32]int64
	// behind is how many records of each partition were not in a frame when its last one was
	// taken; guarded by mu.
	behind map[int32]int64
}

// MarkMessage shadows that of sarama. Watermill calls it as soon as a frame lets the next one
// come, which may be before the frame is written.
func (*session) MarkMessage(*sarama.ConsumerMessage, string) {}

// hold notes that the session reads a partition, until ended is closed.
func (s *session) hold(partition int32, ended <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[partition] = ended
}

// release forgets a partition, which may be another member's now.
func (s *session) release(partition int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, partition)
	delete(s.written, partition)
	delete(s.behind, partition)
}

// holding returns what is closed when the session reads a partition no longer.
func (s *session) holding(partition int32) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[partition]
}

// holdsNone reports whether the session reads no partition.
func (s *session) holdsNone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held) == 0
}

// wrote says that the log has read the partition up to an offset.
func (s *session) wrote(partition int32, next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[partition] == nil {
		return
	}
	s.MarkOffset(s.topic, partition, next, "")
	s.written[partition] = max(s.written[partition], next)
}

// share notes how many records of a partition are not in a frame yet, and returns how many the next
// one may have.
func (s *session) share(partition int32, behind int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind[partition] = max(1, behind)
	var all int64
	for _, n := range s.behind {
		all += n
	}
	return int(min(max(minFrameRecords, sharedRecords*s.behind[partition]/all), maxFrameRecords))
}

// wroteUpTo returns the offsets up to which the session has written each partition.
func (s *session) wroteUpTo() map[int32]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.written)
}

func (s *subscription) beginSession(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = sess
}

func (s *subscription) currentSession() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// give notes which partitions the group gives this member, and lets go those that it has no more.
func (s *subscription) give(partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	former := s.given
	s.given = make(map[int32]context.CancelFunc, len(partitions))
	for _, p := range partitions {
		s.given[p] = former[p]
		delete(former, p)
	}
	for _, letGo := range former {
		if letGo != nil {
			letGo()
		}
	}
}

// hold notes how to let go a partition, and reports whether the group gives it to this member.
func (s *subscription) hold(partition int32, letGo context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, given := s.given[partition]
	if given {
		s.given[partition] = letGo
	}
	return given
}

// leave withdraws this member's name from the topic's group, which gives its partitions to others
// at once.
func (s *subscription) leave() {
	err := func() error {
		settings, err := s.cfg.client()
		if err != nil {
			return err
		}
		settings.Net.DialTimeout, settings.Net.ReadTimeout, settings.Metadata.Retry.Max = leaveTimeout, leaveTimeout, 0
		admin, err := sarama.NewClusterAdmin(s.cfg.Brokers, settings)
		if err != nil {
			return err
		}
		defer func() { _ = admin.Close() }() // nothing is pending
		_, err = admin.RemoveMemberFromConsumerGroup(s.cfg.group(s.topic), []string{s.cfg.Instance})
		return err
	}()
	if err != nil {
		s.cfg.Logger.Debug("kafka: partitions stand until the session expires", slog.String("topic", s.topic), slog.Any("error", err))
	}
}

// delivery is the delivery of one frame.
type delivery struct {
	*message.Message // its acknowledgement lets Watermill pass on the next frame of the partition
	session          *session
	ended            <-chan struct{} // closed once the session reads the partition no longer
	partition        int32
	next             int64           // offset after the frame
	before           <-chan struct{} // closed once the frame before it in the session is settled
	settled          chan struct{}   // closed once the frame is acknowledged, or ended is closed
}

// forward passes frames from Watermill's subscriber to the handlers. Watermill waits for
// the acknowledgement of a frame even after the session reads its partition no longer; forward
// then acknowledges in place of the handler.
func (s *subscription) forward(ctx context.Context, frames <-chan *message.Message) {
	defer close(s.out)
	var delivering sync.WaitGroup
	defer delivering.Wait()
	last := make(map[int32]*delivery)
	first := make(chan struct{})
	close(first)
	for msg := range frames {
		// A partition is let go only after Watermill was acknowledged all its frames, so this is
		// the session of the frame.
		d := &delivery{Message: msg, session: s.currentSession(), before: first, settled: make(chan struct{})}
		d.partition, _ = wkafka.MessagePartitionFromCtx(msg.Context())
		d.ended = d.session.holding(d.partition)
		offset, _ := wkafka.MessagePartitionOffsetFromCtx(msg.Context())
		d.next = offset + 1
		if of := last[d.partition]; of != nil && of.ended == d.ended {
			d.before = of.settled
		}
		last[d.partition] = d
		delivering.Go(func() {
			defer close(d.settled)
			s.deliver(ctx, d)
		})
	}
}

// deliver passes a frame to a handler, and again after a pause for as long as it is not
// acknowledged and its session reads the partition. The following frame of the partition may come before
// that, where the handler asks for it and the frame before has been acknowledged: two at
// most are with handlers.
func (s *subscription) deliver(ctx context.Context, d *delivery) {
	defer d.Ack()
	again := backoff.NewExponentialBackOff()
	again.InitialInterval, again.Multiplier = nackPause, 2
	again.RandomizationFactor, again.MaxInterval = 1./3, nackPauseMax*3/4 // at most nackPauseMax
	for !s.handled(ctx, d) {
		// The frame may have failed only because the one before it did.
		if !await(ctx, d, time.After(again.NextBackOff())) || !await(ctx, d, d.before) {
			return
		}
	}
}

// await waits for ready and reports whether the frame's session still reads the partition.
func await[T any](ctx context.Context, d *delivery, ready <-chan T) bool {
	select {
	case <-ready:
		return true
	case <-d.ended:
	case <-ctx.Done():
	}
	return false
}

// handled passes a frame to a handler, once, and returns false where the handler does not
// acknowledge it while its session reads the partition.
func (s *subscription) handled(ctx context.Context, d *delivery) bool {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	asked := make(chan struct{})
	copied := message.NewMessageWithContext(events.WithFollowing(within, sync.OnceFunc(func() { close(asked) })), d.UUID, d.Payload)
	select {
	case s.out <- copied:
	case <-d.ended:
		return true
	case <-ctx.Done():
		return true
	}
	var before <-chan struct{} // nil until the following frame is asked for
	for {
		select {
		case <-asked:
			asked, before = nil, d.before
		case <-before:
			before = nil
			d.Ack()
		case <-copied.Acked():
			d.session.wrote(d.partition, d.next)
			return true
		case <-copied.Nacked():
			return false
		case <-d.ended:
			d.Ack()
			select { // the handler's context lasts until the handler acknowledges
			case <-copied.Acked():
			case <-copied.Nacked():
			case <-ctx.Done():
			}
			return true
		case <-ctx.Done():
			return true
		}
	}
}

// unmarshaler turns a frame into a message.
type unmarshaler struct{}

// Unmarshal implements [wkafka.Unmarshaler].
func (unmarshaler) Unmarshal(m *sarama.ConsumerMessage) (*message.Message, error) {
	uuid := m.Topic + "/" + strconv.FormatInt(int64(m.Partition), 10) + "/" + strconv.FormatInt(m.Offset, 10)
	return message.NewMessage(uuid, m.Value), nil
}
