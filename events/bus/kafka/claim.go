package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"

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
type handler struct {
	inner sarama.ConsumerGroupHandler
	sub   *subscription

	session  *session
	client   sarama.Client // until Cleanup; nil where it could not connect
	watching sync.WaitGroup
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
	h.session = &session{ConsumerGroupSession: sess, topic: h.sub.topic, ended: h.ending.Done(), written: make(map[int32]int64), behind: make(map[int32]int64)}
	settings, err := h.sub.cfg.client()
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	if h.client, err = sarama.NewClient(h.sub.cfg.Brokers, settings); err != nil {
		h.client = nil
		return fmt.Errorf("begin session: %w", err)
	}
	if err := h.begin(sess); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	h.sub.beginSession(h.session)
	if h.sub.faults.clear() {
		h.sub.cfg.Logger.InfoContext(sess.Context(), "consuming again", slog.String("topic", h.sub.topic))
	}
	return nil
}

// Cleanup implements [sarama.ConsumerGroupHandler].
func (h *handler) Cleanup(sess sarama.ConsumerGroupSession) error {
	if h.client != nil {
		h.end()
		_ = h.client.Close() // nothing is pending but a look of watch's, which fails then
		h.watching.Wait()
		h.client = nil
	}
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
		err = h.inner.ConsumeClaim(h.session, frameClaim{claim, frames})
	}()
	h.drain(sess, claim, frames, consumed)
	close(frames)
	<-consumed
	return err
}

// drain cuts a claim's records into frames until the session, the claim or the consumer
// ends. A claim ends by itself where the brokers no longer have its next offset; what came
// before that is delivered.
func (h *handler) drain(sess sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim, frames chan<- *sarama.ConsumerMessage, consumed <-chan struct{}) {
	var (
		// next grows until the consumer takes it.
		next  = frame{topicID: h.topicID, first: claim.InitialOffset()}
		extra *sarama.ConsumerMessage // the record that had no room in next
		ended bool                    // claim has no more records
		// position is the offset after the last record.
		position = claim.InitialOffset()
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
			next.most = h.session.share(claim.Partition(), claim.HighWaterMarkOffset()-next.first)
			if m := extra; m != nil {
				extra = nil
				next.add(m)
			}
		case <-idle.C:
			if next.records == 0 && position < claim.HighWaterMarkOffset() {
				if beyond := h.passTail(sess.Context(), claim.Partition(), position); beyond > position {
					position, next.first = beyond, beyond
					h.session.wrote(claim.Partition(), beyond)
				}
			}
		case <-h.ending.Done():
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
	frames <-chan *sarama.ConsumerMessage
}

// Messages implements [sarama.ConsumerGroupClaim].
func (c frameClaim) Messages() <-chan *sarama.ConsumerMessage { return c.frames }
