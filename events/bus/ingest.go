package bus

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
	"jangbu/events/privacy"
)

// ingest appends the frames of one topic to the log. The router calls handle for several
// partitions at once; no field changes after [NewRouter].
type ingest struct {
	typ     events.Type
	log     events.Appender
	dead    events.DeadLetters
	privacy *privacy.Keeper
	logger  *slog.Logger
}

// handle returns nil once every record of the frame is in the log or a dead letter (I1).
func (h *ingest) handle(msg *message.Message) error {
	frame, err := events.DecodeFrame(msg.Payload)
	if err != nil {
		return fmt.Errorf("%w: read frame: %w", events.ErrCorrupt, err)
	}
	ctx := msg.Context()
	batch, err := judge(ctx, h.privacy, h.typ, frame.Records)
	if err != nil {
		return err
	}
	if err := h.append(ctx, batch); err != nil {
		return err
	}
	return h.bury(ctx, frame, batch.bad)
}

// append appends the good records and moves those that conflict (I4) to the bad ones.
func (h *ingest) append(ctx context.Context, b *batch) error {
	if len(b.good) == 0 {
		return nil
	}
	drafts := make([]events.Draft, len(b.good))
	for i, g := range b.good {
		drafts[i] = g.Draft
	}
	outcomes, err := h.log.Append(ctx, drafts)
	if err != nil {
		return err
	}
	for i, outcome := range outcomes {
		if outcome != events.Conflict {
			continue
		}
		g := b.good[i]
		b.bad = append(b.bad, refusal{g.record, events.ReasonConflict, events.ConflictDetail(g.ID)})
	}
	return nil
}

func (h *ingest) bury(ctx context.Context, frame events.Frame, refused []refusal) error {
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
			Timestamp: record.Timestamp.UTC().Truncate(time.Microsecond),
			Reason:    bad.reason, Detail: bad.detail, Sealed: sealed,
		}
	}
	if err := h.dead.Bury(ctx, letters); err != nil {
		return err
	}
	first := refused[0]
	h.logger.WarnContext(ctx, "ingest: records became dead letters",
		slog.Int("count", len(refused)), slog.Int("partition", int(frame.Partition)),
		slog.Int64("first_offset", frame.Records[first.record].Offset),
		slog.String("reason", string(first.reason)), slog.String("detail", first.detail))
	return nil
}
