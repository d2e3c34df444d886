package kafka

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"

	"jangbu/events"
)

// Bounds of a frame.
const (
	maxFrameRecords = 1000
	maxFrameBytes   = 1 << 20 // of keys, values and headers
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

// handler wraps Watermill's handler of a session of sarama's group.
type handler struct {
	inner   sarama.ConsumerGroupHandler
	sub     *subscription
	offsets *offsets // set by Setup, before ConsumeClaim reads it
}

// Setup implements [sarama.ConsumerGroupHandler]. Sarama calls Cleanup also where it
// fails.
func (h *handler) Setup(sess sarama.ConsumerGroupSession) error {
	if err := h.inner.Setup(sess); err != nil {
		return err
	}
	var err error
	if h.offsets, err = openOffsets(h.sub.cfg); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	committed, err := h.offsets.committed(h.sub.cfg.Group, h.sub.topic, sess.Claims()[h.sub.topic])
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	h.sub.beginSession(sess.Context().Done(), committed)
	if h.sub.faults.clear() {
		h.sub.cfg.Logger.InfoContext(sess.Context(), "consuming again", slog.String("topic", h.sub.topic))
	}
	return nil
}

// Cleanup implements [sarama.ConsumerGroupHandler].
func (h *handler) Cleanup(sess sarama.ConsumerGroupSession) error {
	h.offsets.close()
	return h.inner.Cleanup(sess)
}

// ConsumeClaim implements [sarama.ConsumerGroupHandler]. It returns as soon as the
// session ends: the subscription then acknowledges in place of the handlers.
func (h *handler) ConsumeClaim(sess sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	frames := make(chan *sarama.ConsumerMessage)
	consumed := make(chan struct{})
	var err error
	go func() {
		defer close(consumed)
		err = h.inner.ConsumeClaim(ackedSession{sess, h.sub}, frameClaim{claim, frames})
	}()
	h.drain(sess, claim, frames, consumed)
	close(frames)
	<-consumed
	return err
}

// drain cuts a claim's records into frames until the session, the claim or the consumer
// ends.
func (h *handler) drain(sess sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim, frames chan<- *sarama.ConsumerMessage, consumed <-chan struct{}) {
	var (
		next  frame                   // grows until the consumer takes it
		extra *sarama.ConsumerMessage // the record that had no room in next
		track = tracker{handler: h, sess: sess}
	)
	track.expected, track.committed = h.sub.expected(claim.Partition())
	take := func(m *sarama.ConsumerMessage) {
		track.see(m)
		if !next.add(m) {
			extra = m
		}
	}
	for {
		records := claim.Messages()
		if extra != nil || next.records == maxFrameRecords {
			records = nil
		}
		select { // records that are there join the frame before it is offered
		case m, ok := <-records:
			if !ok {
				return
			}
			take(m)
			continue
		default:
		}
		ready := frames
		if next.records == 0 {
			ready = nil
		}
		select {
		case m, ok := <-records:
			if !ok {
				return
			}
			take(m)
		case ready <- next.message:
			next = next.following()
			if m := extra; m != nil {
				extra = nil
				next.add(m)
			}
		case <-sess.Context().Done():
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
	headers []events.Header // reused from record to record
	grow    int             // capacity of the first allocation, in bytes
}

// following returns an empty frame with room for as many bytes as f has.
func (f *frame) following() frame {
	return frame{headers: f.headers, grow: len(f.message.Value)}
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
	if f.records > 0 && f.bytes+size > maxFrameBytes {
		return false
	}
	if f.records == 0 {
		f.message = &sarama.ConsumerMessage{Topic: m.Topic, Partition: m.Partition}
		f.message.Value = events.AppendFrame(make([]byte, 0, max(f.grow, size)), events.Frame{Topic: m.Topic, Partition: m.Partition})
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
	frames <-chan *sarama.ConsumerMessage
}

// Messages implements [sarama.ConsumerGroupClaim].
func (c frameClaim) Messages() <-chan *sarama.ConsumerMessage { return c.frames }

// ackedSession notes acknowledged offsets.
type ackedSession struct {
	sarama.ConsumerGroupSession
	sub *subscription
}

// MarkMessage implements [sarama.ConsumerGroupSession].
func (s ackedSession) MarkMessage(m *sarama.ConsumerMessage, metadata string) {
	s.ConsumerGroupSession.MarkMessage(m, metadata)
	s.sub.mu.Lock()
	defer s.sub.mu.Unlock()
	s.sub.acked[m.Partition] = m.Offset + 1
}
