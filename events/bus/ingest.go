package bus

import (
	"context"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/privacy"
)

// ingest appends the frames of one topic to the log. The router calls handle for several
// partitions at once; no field changes after [NewRouter].
type ingest struct {
	typ      events.Type
	log      events.Log
	appender events.Appender
	privacy  *privacy.Keeper
	trouble  *trouble
	burials  *burials
}

// handle returns nil once every record of the frame is in the log or a dead letter (I1).
func (h *ingest) handle(msg *message.Message) error {
	frame, err := events.DecodeFrame(msg.Payload)
	if err != nil {
		return fmt.Errorf("%w: read frame: %w", events.ErrCorrupt, err)
	}
	if len(frame.Records) == 0 {
		return fmt.Errorf("%w: an empty frame", events.ErrCorrupt)
	}
	err = h.write(msg.Context(), &frame)
	h.trouble.note(msg.Context(), frame.Partition, err)
	return err
}

func (h *ingest) write(ctx context.Context, frame *events.Frame) error {
	batch, err := judge(ctx, h.privacy, h.typ, frame.Records, time.Now())
	if err != nil {
		return err
	}
	if err := h.recognise(ctx, frame, batch); err != nil {
		return err
	}
	if err := h.append(ctx, frame, batch); err != nil {
		return err
	}
	return h.bury(ctx, frame, batch.bad)
}

// append appends the good records and moves those that the log refuses (I4) to the bad ones.
// Where there is none to bury, the same transaction writes how far the partition has been
// read.
func (h *ingest) append(ctx context.Context, frame *events.Frame, b *batch) error {
	if len(b.good) == 0 {
		return nil
	}
	drafts := make([]events.Draft, len(b.good))
	for i, g := range b.good {
		drafts[i] = g.Draft
	}
	read := reading(frame, len(drafts))
	if len(b.bad) > 0 {
		read.Next = read.First // the records that are bad are not yet buried
	}
	receipt, err := h.appender.Append(ctx, drafts, read)
	if err != nil {
		return err
	}
	for i, outcome := range receipt.Outcomes {
		g := b.good[i]
		if reason, detail := outcome.Refusal(g.ID); reason != "" {
			b.bad = append(b.bad, refusal{g.record, reason, detail})
		}
	}
	return nil
}

// reading says that the frame has been read, of which so many drafts came.
func reading(frame *events.Frame, drafts int) events.Reading {
	return events.Reading{
		Source: events.Source{Topic: frame.Topic, TopicID: frame.TopicID, Partition: frame.Partition},
		First:  frame.First, Next: frame.Next(), To: drafts,
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
