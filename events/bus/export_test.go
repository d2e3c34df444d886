package bus

import (
	"context"
	"log/slog"

	"jangbu/events"
)

// NewTrouble returns what logs that frames fail.
func NewTrouble(logger *slog.Logger) *trouble { return newTrouble(logger) }

// Note notes the result of writing a frame of a partition.
func (t *trouble) Note(ctx context.Context, partition int32, err error) { t.note(ctx, partition, err) }

// NewBurials returns what logs that records became dead letters.
func NewBurials(logger *slog.Logger) *burials { return newBurials(logger) }

// Tell notes that each record of the frame was buried for the reason at its index.
func (b *burials) Tell(ctx context.Context, frame *events.Frame, reasons []events.Reason, detail string) {
	var refused []refusal
	for i, reason := range reasons {
		refused = append(refused, refusal{record: i, reason: reason, detail: detail})
	}
	b.tell(ctx, frame, refused)
}

// Decode decodes frames one after another, where so many of all decoders are busy.
func Decode(ctx context.Context, busy, decoders int, frames ...*events.Frame) error {
	h := ingest{typ: events.TypeParticipantRegistered, decoders: make(chan struct{}, decoders)}
	for range busy {
		h.decoders <- struct{}{}
	}
	for _, frame := range frames {
		if _, err := h.decode(ctx, frame); err != nil {
			return err
		}
	}
	return nil
}
