package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"

	"jangbu/events"
)

// Bounds of a frame. A partition has one frame in a transaction, and so goes no faster than its
// frames are long. The frames that grow at once share their records by how far the partitions are
// behind: otherwise the one with the hottest campaign is alone in the end, and its
// transactions are small ones.
const (
	sharedRecords   = 48_000 // of the frames of all partitions that a session reads
	minFrameRecords = 1_000
	maxFrameRecords = 12_000
	bytesEach       = 256     // of keys, values and headers: a frame may have as many for each record,
	minFrameBytes   = 1 << 20 // but always these
)

// tracer is the hook through which Watermill's subscriber gets frames instead of records.
type tracer struct{ sub *subscription }

// WrapConsumerGroupHandler is called for each connection.
func (t tracer) WrapConsumerGroupHandler(inner sarama.ConsumerGroupHandler) sarama.ConsumerGroupHandler {
	t.sub.pace()
	return &handler{inner: inner, sub: t.sub}
}

// WrapConsumer implements the tracer.
func (tracer) WrapConsumer(c sarama.Consumer) sarama.Consumer { return c }

// WrapPartitionConsumer implements the tracer.
func (tracer) WrapPartitionConsumer(c sarama.PartitionConsumer) sarama.PartitionConsumer { return c }

// WrapSyncProducer implements the tracer.
func (tracer) WrapSyncProducer(_ *sarama.Config, p sarama.SyncProducer) sarama.SyncProducer { return p }

// pace keeps this member from rejoining in a tight loop a group that refuses it.
func (s *subscription) pace() {
	if wait := reconnectPause - time.Since(s.connected); wait > 0 {
		select {
		case <-time.After(wait):
		case <-s.ended:
		}
	}
	s.connected = time.Now()
}

// handler wraps Watermill's handler of the sessions of sarama's group, which follow each
// other. Its fields but the first two are set by Setup, before ConsumeClaim reads them.
//
// The group says which partitions the member has, and keeps offsets for the tools of Kafka. The
// handler reads the partitions itself, by a client of its own: on the group's connections a
// rebalance, which waits for each member, would hold up the fetches of all partitions that a
// broker leads.
type handler struct {
	inner sarama.ConsumerGroupHandler
	sub   *subscription

	session *session
	client  sarama.Client // until Cleanup; nil where it could not connect
	reader  sarama.Consumer
	working sync.WaitGroup // of what Cleanup waits for
	// ending is done when the session ends, or topic or log are no longer as they were in
	// Setup, and the session is to end.
	ending  context.Context //nolint:containedctx // of one session
	end     context.CancelFunc
	topicID events.TopicID
}

// Setup implements [sarama.ConsumerGroupHandler]. Sarama calls Cleanup also where it
// fails.
func (h *handler) Setup(sess sarama.ConsumerGroupSession) error {
	if err := h.inner.Setup(sess); err != nil {
		return err
	}
	h.ending, h.end = context.WithCancel(sess.Context())
	h.session = &session{
		ConsumerGroupSession: sess, topic: h.sub.topic,
		held: make(map[int32]<-chan struct{}), written: make(map[int32]int64), behind: make(map[int32]int64),
	}
	if err := h.connect(); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	id, partitions, err := identify(h.client, h.sub.topic)
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	h.topicID = id
	h.sub.beginSession(h.session)
	h.working.Go(func() { h.watch(len(partitions)) })
	return nil
}

func (h *handler) connect() error {
	settings, err := h.sub.cfg.consumer()
	if err != nil {
		return err
	}
	client, err := sarama.NewClient(h.sub.cfg.Brokers, settings)
	if err != nil {
		return err
	}
	if h.reader, err = sarama.NewConsumerFromClient(client); err != nil {
		_ = client.Close()
		return err
	}
	h.client = client
	return nil
}

// Cleanup implements [sarama.ConsumerGroupHandler].
func (h *handler) Cleanup(sess sarama.ConsumerGroupSession) error {
	h.end()
	if h.client != nil {
		_ = h.client.Close() // what is pending then fails
		h.working.Wait()
		_ = h.reader.Close()
		h.client = nil
	}
	return h.inner.Cleanup(sess)
}

// ConsumeClaim implements [sarama.ConsumerGroupHandler]. It returns as soon as the session
// ends or the partition is revoked: the subscription then acknowledges in place of the
// handlers.
func (h *handler) ConsumeClaim(_ sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	partition := claim.Partition()
	held, letGo := context.WithCancel(h.ending)
	defer letGo()
	if !h.sub.hold(partition, letGo) {
		return nil
	}
	h.session.hold(partition, held.Done())
	defer h.session.release(partition)
	for held.Err() == nil {
		err := h.consume(held, claim)
		if err == nil || held.Err() != nil {
			continue
		}
		newLogger(h.sub.cfg.Logger, h.sub.faults).Error("cannot read partition", err, watermill.LogFields{"topic": h.sub.topic, "partition": partition})
		select {
		case <-time.After(reconnectPause):
		case <-held.Done():
		}
	}
	return nil
}

// consume reads a partition from where the log ends with it, until the partition is let go or
// the brokers no longer have its next record.
func (h *handler) consume(held context.Context, of sarama.ConsumerGroupClaim) error {
	partition := of.Partition()
	from, err := h.begin(held, partition)
	if errors.Is(err, errMadeAnew) {
		h.end()
	}
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	claim, err := h.reader.ConsumePartition(h.sub.topic, partition, from)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) { // since the log was asked
		return nil
	}
	if err != nil {
		return err
	}
	h.working.Go(func() {
		log := newLogger(h.sub.cfg.Logger, h.sub.faults)
		for err := range claim.Errors() {
			log.Error("cannot fetch", err, watermill.LogFields{"topic": h.sub.topic, "partition": partition})
		}
	})
	defer func() {
		claim.AsyncClose()
		h.working.Go(func() {
			for range claim.Messages() { // until it is closed
			}
		})
	}()
	if h.sub.faults.clear() {
		h.sub.cfg.Logger.InfoContext(held, "consuming again", slog.String("topic", h.sub.topic))
	}
	frames := make(chan *sarama.ConsumerMessage)
	consumed := make(chan struct{})
	go func() {
		defer close(consumed)
		err = h.inner.ConsumeClaim(h.session, frameClaim{of, from, frames})
	}()
	h.drain(held, partition, claim, from, frames, consumed)
	close(frames)
	<-consumed
	return err
}

// drain cuts the records of a partition from an offset on into frames until the partition is let
// go, or its records or the consumer end. Records end where the brokers no longer have the next
// offset; what came before that is delivered.
func (h *handler) drain(held context.Context, partition int32, claim sarama.PartitionConsumer, from int64, frames chan<- *sarama.ConsumerMessage, consumed <-chan struct{}) {
	var (
		// next grows until the consumer takes it.
		next  = frame{topicID: h.topicID, first: from}
		extra *sarama.ConsumerMessage // the record that had no room in next
		ended bool                    // claim has no more records
		// position is the offset after the last record.
		position = from
	)
	next.most = minFrameRecords
	take := func(m *sarama.ConsumerMessage, ok bool) {
		if !ok {
			ended = true
			return
		}
		position = m.Offset + 1
		if !next.add(m) {
			extra = m
		}
	}
	idle := time.NewTicker(watchInterval)
	defer idle.Stop()
	for !ended || next.records > 0 {
		records := claim.Messages()
		if ended || extra != nil || next.records == next.most {
			records = nil
		}
		select { // records that are there join the frame before it is offered
		case m, ok := <-records:
			take(m, ok)
			continue
		default:
		}
		ready := frames
		if next.records == 0 {
			ready = nil
		}
		select {
		case m, ok := <-records:
			take(m, ok)
		case ready <- next.message:
			next = next.following()
			next.most = h.session.share(partition, claim.HighWaterMarkOffset()-next.first)
			if m := extra; m != nil {
				extra = nil
				next.add(m)
			}
		case <-idle.C:
			if next.records == 0 && position < claim.HighWaterMarkOffset() {
				if beyond := h.passTail(held, partition, position); beyond > position {
					position, next.first = beyond, beyond
					h.session.wrote(partition, beyond)
				}
			}
		case <-held.Done():
			return
		case <-consumed:
			return
		}
	}
}

// frame is an encoded frame that can still grow.
type frame struct {
	message *sarama.ConsumerMessage // Value is the frame, Offset that of its last record
	records int
	bytes   int
	most    int             // records that it may have
	headers []events.Header // reused from record to record
	grow    int             // capacity of the first allocation, in bytes
	topicID events.TopicID
	first   int64 // see events.Frame
}

// following returns an empty frame with room for as many bytes as f has.
func (f *frame) following() frame {
	return frame{headers: f.headers, grow: len(f.message.Value), topicID: f.topicID, first: f.message.Offset + 1}
}

// add appends a record and reports whether there was room. A first record always has
// room.
func (f *frame) add(m *sarama.ConsumerMessage) bool {
	size := len(m.Key) + len(m.Value)
	f.headers = f.headers[:0]
	for _, h := range m.Headers {
		size += len(h.Key) + len(h.Value)
		f.headers = append(f.headers, events.Header{Key: string(h.Key), Value: h.Value})
	}
	if f.records > 0 && f.bytes+size > max(minFrameBytes, f.most*bytesEach) {
		return false
	}
	if f.records == 0 {
		f.message = &sarama.ConsumerMessage{Topic: m.Topic, Partition: m.Partition}
		f.message.Value = events.AppendFrame(make([]byte, 0, max(f.grow, size)), events.Frame{
			Topic: m.Topic, TopicID: f.topicID, Partition: m.Partition, First: f.first,
		})
	}
	f.message.Value = events.AppendFrameRecord(f.message.Value, events.Record{
		Offset: m.Offset, Timestamp: m.Timestamp, Key: m.Key, Value: m.Value, Headers: f.headers,
	})
	f.message.Offset, f.message.Timestamp = m.Offset, m.Timestamp
	f.records++
	f.bytes += size
	return true
}

// frameClaim is a claim whose messages are frames.
type frameClaim struct {
	sarama.ConsumerGroupClaim
	from   int64
	frames <-chan *sarama.ConsumerMessage
}

// InitialOffset implements [sarama.ConsumerGroupClaim].
func (c frameClaim) InitialOffset() int64 { return c.from }

// Messages implements [sarama.ConsumerGroupClaim].
func (c frameClaim) Messages() <-chan *sarama.ConsumerMessage { return c.frames }
