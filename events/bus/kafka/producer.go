package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// produceBatch is how many records are sent between two checks of the context.
const produceBatch = 10000

// ErrClosed is the error of producing on a closed producer.
var ErrClosed = errors.New("the producer is closed")

// Producer produces records in bulk. It is safe for concurrent use.
type Producer struct {
	sarama sarama.SyncProducer

	// open is read-locked while records are sent: sarama panics where a producer is
	// closed during a send.
	open   sync.RWMutex
	closed bool // guarded by open
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
	p, err := sarama.NewSyncProducer(cfg.Brokers, settings)
	if err != nil {
		return nil, fmt.Errorf("connect producer: %w", err)
	}
	return &Producer{sarama: p}, nil
}

// Produce writes the records to their topics and returns once all in-sync replicas have
// them. Records with the same key go to one partition, in their order. Partition and
// Offset are ignored, and a zero timestamp means now. After an error some of the records
// may have been written; producing all of them again is harmless (I4).
func (p *Producer) Produce(ctx context.Context, records []events.Record) error {
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		n := min(len(records), produceBatch)
		if err := p.send(messages(records[:n])); err != nil {
			return fmt.Errorf("produce: %w", firstOf(err))
		}
		records = records[n:]
	}
	return nil
}

func (p *Producer) send(some []*sarama.ProducerMessage) error {
	p.open.RLock()
	defer p.open.RUnlock()
	if p.closed {
		return ErrClosed
	}
	return p.sarama.SendMessages(some)
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

// Close waits for the sends that have begun and disconnects. Produce then returns
// [ErrClosed].
func (p *Producer) Close() error {
	p.open.Lock()
	defer p.open.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	if err := p.sarama.Close(); err != nil {
		return fmt.Errorf("close producer: %w", err)
	}
	return nil
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
