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

// ingest puts the frames of one topic into the log.
type ingest struct {
	typ     events.Type
	log     events.Appender
	dead    events.DeadLetters
	privacy *privacy.Keeper
	logger  *slog.Logger
}

// handle returns nil when every record of the frame has found its place.
func (h *ingest) handle(msg *message.Message) error {
	frame, err := events.DecodeFrame(msg.Payload)
	if err != nil {
		return fmt.Errorf("%w: read frame: %w", events.ErrCorrupt, err)
	}
	ctx := msg.Context()
	batch := h.decode(frame)
	if err := h.pseudonymise(ctx, batch.good); err != nil {
		return err
	}
	if err := h.append(ctx, batch); err != nil {
		return err
	}
	return h.bury(ctx, batch)
}

// batch is a frame after decoding.
type batch struct {
	frame events.Frame
	good  []registrable
	bad   []refusal
}

// registrable is a decoded record; e164 is set where it has a phone number.
type registrable struct {
	events.Decoded
	record int // index in the frame
	e164   string
}

// refusal is a record that can never become an event.
type refusal struct {
	record int
	reason events.Reason
	detail string
}

func (h *ingest) decode(frame events.Frame) *batch {
	b := &batch{frame: frame, good: make([]registrable, 0, len(frame.Records))}
	for i, record := range frame.Records {
		d, err := events.Decode(h.typ, record)
		if err != nil {
			b.bad = append(b.bad, refusal{i, events.ReasonOf(err), err.Error()})
			continue
		}
		g := registrable{Decoded: d, record: i}
		if d.Event.Type() == events.TypeParticipantRegistered {
			if g.e164, err = privacy.NormalizePhone(d.Phone.Reveal()); err != nil {
				b.bad = append(b.bad, refusal{i, events.ReasonMalformed, "phoneNumber: " + err.Error()})
				continue
			}
		}
		b.good = append(b.good, g)
	}
	return b
}

func (h *ingest) pseudonymise(ctx context.Context, good []registrable) error {
	var requests []privacy.Request
	for _, g := range good {
		if g.e164 != "" {
			requests = append(requests, privacy.Request{Campaign: g.Event.Subject(), Phone: g.e164})
		}
	}
	if len(requests) == 0 {
		return nil
	}
	pseudonyms, err := h.privacy.Pseudonyms(ctx, requests)
	if err != nil {
		return fmt.Errorf("pseudonymise: %w", err)
	}
	next := 0
	for i := range good {
		if good[i].e164 != "" {
			good[i].SetPseudonym(pseudonyms[next])
			next++
		}
	}
	return nil
}

// append appends what is good and moves conflicts to what is bad.
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
		b.bad = append(b.bad, refusal{g.record, events.ReasonConflict, "the log holds event " + g.ID.String() + " with other content"})
	}
	return nil
}

func (h *ingest) bury(ctx context.Context, b *batch) error {
	if len(b.bad) == 0 {
		return nil
	}
	letters := make([]events.DeadLetter, len(b.bad))
	for i, bad := range b.bad {
		record := b.frame.Records[bad.record]
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
	first := b.bad[0]
	h.logger.WarnContext(ctx, "ingest: records became dead letters",
		slog.Int("count", len(b.bad)), slog.Int("partition", int(b.frame.Partition)),
		slog.Int64("first_offset", b.frame.Records[first.record].Offset),
		slog.String("reason", string(first.reason)), slog.String("detail", first.detail))
	return nil
}
