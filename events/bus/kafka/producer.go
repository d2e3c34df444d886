package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// produceBatch is how many records are sent between two checks of the context.
const produceBatch = 10000

// Bounds of a producer whose brokers do not answer. Sarama itself pauses before it gives up each
// record: of 10,000 for many minutes.
const (
	produceTimeout = 30 * time.Second
	closeTimeout   = 2 * time.Second
)

// The errors of a producer.
var (
	// ErrClosed is that of producing on a closed producer.
	ErrClosed = errors.New("the producer is closed")
	// ErrNotAcknowledged says that records may have been written, or not.
	ErrNotAcknowledged = errors.New("the brokers did not acknowledge the records in time")
)

// Producer produces records in bulk. It is safe for concurrent use.
type Producer struct {
	client sarama.Client
	sarama sarama.SyncProducer
	// sending are the sends that have begun: sarama panics where a producer is closed during
	// one.
	sending sync.WaitGroup
	hasty   atomic.Bool // what is left is to fail without pauses

	mu     sync.Mutex
	closed bool // guarded by mu
}

// NewProducer connects to the brokers.
func NewProducer(cfg Config) (*Producer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure producer: %w", err)
	}
	settings, err := cfg.producer()
	if err != nil {
		return nil, fmt.Errorf("connect producer: %w", err)
	}
	p := new(Producer)
	settings.Producer.Retry.BackoffFunc = func(int, int) time.Duration {
		if p.hasty.Load() {
			return 0
		}
		return retryPause
	}
	if p.client, err = sarama.NewClient(cfg.Brokers, settings); err != nil {
		return nil, fmt.Errorf("connect producer: %w", err)
	}
	if p.sarama, err = sarama.NewSyncProducerFromClient(p.client); err != nil {
		_ = p.client.Close() // nothing is pending
		return nil, fmt.Errorf("connect producer: %w", err)
	}
	return p, nil
}

// Produce writes the records to their topics and returns once all in-sync replicas have
// them. Records with the same key go to one partition, in their order. Partition and
// Offset are ignored, and a zero timestamp means now. It returns soon after ctx ends, and after
// 30 s in which the brokers do not acknowledge a batch. After an error some of the records may have
// been written, or still be; producing all of them again is harmless (I4).
func (p *Producer) Produce(ctx context.Context, records []events.Record) error {
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		n := min(len(records), produceBatch)
		if err := p.send(ctx, messages(records[:n])); err != nil {
			return fmt.Errorf("produce: %w", firstOf(err))
		}
		records = records[n:]
	}
	return nil
}

func (p *Producer) send(ctx context.Context, some []*sarama.ProducerMessage) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	sent := make(chan error, 1)
	p.sending.Go(func() { sent <- p.sarama.SendMessages(some) })
	p.mu.Unlock()
	late := time.NewTimer(produceTimeout)
	defer late.Stop()
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return ErrNotAcknowledged
	}
}

// SendCanary sends a canary to a topic: see [events.CanaryHeader]. It returns where it is.
func SendCanary(cfg Config, topic string) (partition int32, offset int64, err error) {
	p, err := NewProducer(cfg)
	if err != nil {
		return 0, 0, fmt.Errorf("send canary: %w", err)
	}
	// A topic that is compacted takes no record without a key.
	canary := events.Record{Topic: topic, Key: []byte(events.CanaryHeader), Headers: []events.Header{{Key: events.CanaryHeader}}}
	partition, offset, err = p.sarama.SendMessage(messages([]events.Record{canary})[0])
	if err = errors.Join(err, p.Close()); err != nil {
		return 0, 0, fmt.Errorf("send canary: %w", err)
	}
	return partition, offset, nil
}

// Close waits for the sends that have begun, but not for long, and disconnects. Produce then
// returns [ErrClosed].
func (p *Producer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	closed := make(chan error, 1)
	go func() {
		p.sending.Wait()
		closed <- p.sarama.Close()
	}()
	defer func() { _ = p.client.Close() }() // what is still sent then fails
	select {
	case err := <-closed:
		if err != nil {
			return fmt.Errorf("close producer: %w", err)
		}
		return nil
	case <-time.After(closeTimeout):
		p.hasty.Store(true)
		return fmt.Errorf("close producer: %w", ErrNotAcknowledged)
	}
}

func messages(records []events.Record) []*sarama.ProducerMessage {
	all := make([]sarama.ProducerMessage, len(records))
	refs := make([]*sarama.ProducerMessage, len(records))
	for i, r := range records {
		m := &all[i]
		m.Topic, m.Timestamp = r.Topic, r.Timestamp
		if r.Key != nil { // nil and empty differ on the wire
			m.Key = sarama.ByteEncoder(r.Key)
		}
		if r.Value != nil {
			m.Value = sarama.ByteEncoder(r.Value)
		}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
		}
		refs[i] = m
	}
	return refs
}

// firstOf returns an error with the number of records that were not written and the
// first one's error.
func firstOf(err error) error {
	var failed sarama.ProducerErrors
	if errors.As(err, &failed) && len(failed) > 0 {
		return fmt.Errorf("%d records not written: %w", len(failed), failed[0].Err)
	}
	return err
}
