package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// produceBatch is how many records are handed over between two looks at the
// context.
const produceBatch = 10000

// ErrClosed says that a producer was closed before it was asked to produce.
var ErrClosed = errors.New("the producer is closed")

// Producer produces records in bulk. It is safe for concurrent use.
type Producer struct {
	// open is held while records are handed over: sarama panics where a producer is
	// closed under one that produces.
	open   sync.RWMutex
	closed bool
	sarama sarama.SyncProducer
}

// NewProducer connects to the brokers.
func NewProducer(cfg Config) (*Producer, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure producer: %w", err)
	}
	p, err := sarama.NewSyncProducer(cfg.Brokers, cfg.producer())
	if err != nil {
		return nil, fmt.Errorf("connect producer: %w", err)
	}
	return &Producer{sarama: p}, nil
}

// Produce writes the records to their topics and returns once all brokers that
// should have them have them. Records with one key go to one partition, in
// their order; partition and offset are not looked at, and a zero timestamp is
// the present. On an error some of the records may have been written: producing
// all of them again is always right (I4).
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

// Close waits for what is under way and disconnects. Who produces after that gets
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

// firstOf says how many records were not written, and why the first was not.
func firstOf(err error) error {
	var failed sarama.ProducerErrors
	if errors.As(err, &failed) && len(failed) > 0 {
		return fmt.Errorf("%d records not written: %w", len(failed), failed[0].Err)
	}
	return err
}
