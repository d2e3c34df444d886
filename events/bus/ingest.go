package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/privacy"
)

// ingest appends the frames of one topic to the log. The router calls handle for several
// frames at once: those of several partitions, and of one partition the one that is being
// written and the one that follows it.
type ingest struct {
	typ      events.Type
	log      events.Log
	appender events.Queue
	privacy  *privacy.Keeper
	trouble  *trouble
	burials  *burials
	// decoders bounds the frames that are decoded at once, of all topics: a processor is left to
	// what waits for the database, which would find each of its answers late by what a decoder
	// may take before it is interrupted, 10 ms.
	decoders chan struct{}

	mu   sync.Mutex
	last map[int32]*turn // of each partition; guarded by mu
}

// turn is the handling of a frame.
type turn struct {
	source events.Source
	next   int64         // offset after the frame
	done   chan struct{} // closed once the frame is written or err is set
	err    error         // written before done is closed
}

// handle returns nil once every record of the frame is in the log or a dead letter (I1), or read if
// it is a canary.
func (h *ingest) handle(msg *message.Message) error {
	frame, err := events.DecodeFrame(msg.Payload)
	if err != nil {
		return fmt.Errorf("%w: read frame: %w", events.ErrCorrupt, err)
	}
	if len(frame.Records) == 0 {
		return fmt.Errorf("%w: an empty frame", events.ErrCorrupt)
	}
	before, t := h.begin(&frame)
	t.err = events.ErrCorrupt // should write panic
	defer close(t.done)
	t.err = h.write(msg.Context(), &frame, before)
	h.trouble.note(msg.Context(), frame.Partition, t.err)
	return t.err
}

// begin returns the frame's turn, and that of the frame before it where this process has handled it,
// which was begun before this one was delivered.
func (h *ingest) begin(frame *events.Frame) (before, t *turn) {
	t = &turn{source: frame.Source(), next: frame.Next(), done: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if last := h.last[frame.Partition]; last != nil && last.source == t.source && last.next == frame.First {
		before = last
	}
	h.last[frame.Partition] = t
	return before, t
}

// write writes the records of a frame to the log and the dead letters. Where it finds the log
// behind the frame because the one before it is not written yet, it waits for that.
func (h *ingest) write(ctx context.Context, frame *events.Frame, before *turn) error {
	batch, err := h.decode(ctx, frame)
	if err != nil {
		return err
	}
	if err := batch.pseudonymise(ctx, h.privacy); err != nil {
		return err
	}
	if err := h.recognise(ctx, frame, batch); err != nil {
		return err
	}
	err = h.store(ctx, frame, batch)
	if before == nil || !errors.Is(err, events.ErrBehind) {
		return err
	}
	select {
	case <-before.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if before.err != nil {
		return fmt.Errorf("after the frame before it: %w", before.err)
	}
	return h.store(ctx, frame, batch)
}

// decode decodes the records of a frame. Canaries, which cannot be events, are passed over.
func (h *ingest) decode(ctx context.Context, frame *events.Frame) (*batch, error) {
	select {
	case h.decoders <- struct{}{}:
		defer func() { <-h.decoders }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b := judge(h.typ, frame.Records, time.Now())
	b.bad = slices.DeleteFunc(b.bad, func(r refusal) bool { return frame.Records[r.record].Canary() })
	return b, nil
}

// store appends the good records, and buries the bad ones and those that the log refuses.
// After an error it may be called again.
func (h *ingest) store(ctx context.Context, frame *events.Frame, b *batch) error {
	refused, err := h.append(ctx, frame, b)
	if err != nil {
		return err
	}
	return h.bury(ctx, frame, slices.Concat(b.bad, refused))
}

// append appends the good records and returns those that the log refuses (I4).
// Where there is none to bury, the same transaction writes how far the partition has been
// read, and the following frame may come meanwhile.
func (h *ingest) append(ctx context.Context, frame *events.Frame, b *batch) ([]refusal, error) {
	if len(b.good) == 0 && len(b.bad) > 0 {
		return nil, nil
	}
	drafts := make([]events.Draft, len(b.good))
	for i, g := range b.good {
		drafts[i] = g.Draft
	}
	read := reading(frame, len(drafts))
	if len(b.bad) > 0 {
		read.Next = read.First // the records that are bad are not yet buried
	}
	wait := h.appender.Begin(ctx, drafts, read)
	if len(b.bad) == 0 {
		events.DeliverFollowing(ctx)
	}
	receipt, err := wait()
	if err != nil {
		return nil, err
	}
	var refused []refusal
	for i, outcome := range receipt.Outcomes {
		g := b.good[i]
		if reason, detail := outcome.Refusal(g.ID); reason != "" {
			refused = append(refused, refusal{g.record, reason, detail})
		}
	}
	return refused, nil
}

// reading says that the frame has been read, of which so many drafts came.
func reading(frame *events.Frame, drafts int) events.Reading {
	return events.Reading{
		Source: frame.Source(), First: frame.First, Next: frame.Next(), To: drafts,
	}
}

// bury keeps the refused records, and writes how far the partition has been read.
func (h *ingest) bury(ctx context.Context, frame *events.Frame, refused []refusal) error {
	if len(refused) == 0 {
		return nil
	}
	letters := make([]events.DeadLetter, len(refused))
	for i, bad := range refused {
		record := frame.Records[bad.record]
		id, sealed, err := h.privacy.Seal(record)
		if err != nil {
			return fmt.Errorf("seal dead letter: %w", err)
		}
		letters[i] = events.DeadLetter{
			ID: id, Topic: record.Topic, Partition: record.Partition, Offset: record.Offset,
			Timestamp: record.Timestamp, Reason: bad.reason, Detail: bad.detail, Sealed: sealed,
		}
	}
	if err := h.log.DeadLetters().Bury(ctx, letters, reading(frame, 0)); err != nil {
		return err
	}
	h.burials.tell(ctx, frame, refused)
	return nil
}
