package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"jangbu/events"
)

// ErrNotEmpty says that the log holds something that the export does not.
var ErrNotEmpty = errors.New("the log is not empty")

// Import appends the events of a whole export to an empty log, each at its
// position. Where the log holds a beginning of the export, as after an import
// that was killed, that is compared and gone on from. Nobody else may append
// meanwhile. done is told the last position compared or appended, after each
// batch; present is how many were there already.
//
// RecordedAt is the log's own and becomes the time of the import.
func Import(ctx context.Context, log events.Log, r *Reader, done func(events.Position)) (present int64, err error) {
	if err := r.Manifest.Importable(); err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	if !r.verified {
		if err := r.Verify(ctx, func(events.Position) {}); err != nil {
			return 0, err
		}
	}
	totals, err := log.Totals(ctx)
	if err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	head := totals.Head
	if head > r.Manifest.Last {
		return 0, fmt.Errorf("import: %w: it holds %d events, the export %d", ErrNotEmpty, head, r.Manifest.Last)
	}
	err = r.each(ctx, func(read []events.Recorded) error {
		here := int(max(0, min(head-read[0].Position+1, events.Position(len(read)))))
		if err := compare(ctx, log, read[:here]); err != nil {
			return err
		}
		if err := appendAll(ctx, log, read[here:]); err != nil {
			return err
		}
		done(read[len(read)-1].Position)
		return nil
	})
	if err != nil {
		return int64(head), fmt.Errorf("import: %w", err)
	}
	return int64(head), nil
}

// compare checks that the log holds these very events.
func compare(ctx context.Context, log events.Log, read []events.Recorded) error {
	if len(read) == 0 {
		return nil
	}
	held, err := log.Read(ctx, read[0].Position-1, len(read))
	if err != nil {
		return err
	}
	if len(held) != len(read) {
		return fmt.Errorf("read after %d: the log lost its head", read[0].Position-1)
	}
	for i := range read {
		mine, theirs := held[i], read[i]
		mine.RecordedAt = theirs.RecordedAt
		if !bytes.Equal(AppendLine(nil, mine), AppendLine(nil, theirs)) {
			return fmt.Errorf("%w: %w, from position %d on", ErrNotEmpty, ErrOtherLog, mine.Position)
		}
	}
	return nil
}

// appendAll appends the events, and makes sure that they got their positions.
func appendAll(ctx context.Context, log events.Log, read []events.Recorded) error {
	if len(read) == 0 {
		return nil
	}
	drafts := make([]events.Draft, len(read))
	for i, r := range read {
		drafts[i] = events.Draft{ID: r.ID, Digest: r.Digest, OccurredAt: r.OccurredAt, Event: r.Event}
	}
	outcomes, err := log.Append(ctx, drafts)
	if err != nil {
		return err
	}
	for i, outcome := range outcomes {
		if outcome != events.Appended {
			return fmt.Errorf("append position %d: %v; the export holds its ID twice, or somebody else appends to the log", read[i].Position, outcome)
		}
	}
	last := read[len(read)-1].Position
	head, err := log.Wait(ctx, last-1)
	if err != nil {
		return err
	}
	if head != last {
		return fmt.Errorf("append through position %d: the head is at %d; somebody else appends to the log", last, head)
	}
	return nil
}
