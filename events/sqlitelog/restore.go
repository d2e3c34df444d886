package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"jangbu/events"
	"jangbu/events/segments"
	"jangbu/events/sqlitelog/beside"
)

// setRestoring says up to where the log is being restored.
const setRestoring = `
UPDATE log_head
SET restoring = iif(position < ?1, ?1, 0)
WHERE restoring <> iif(position < ?1, ?1, 0)`

// Restore implements [events.Log].
func (l *Log) Restore(ctx context.Context, recorded []events.Recorded, whole events.Position) error {
	if len(recorded) == 0 && whole == 0 {
		return nil
	}
	full := l.tender.Known(ctx, len(recorded))
	var head events.Position
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) (err error) {
		if len(recorded) > 0 {
			if head, err = l.restore(ctx, tx, full, recorded); err != nil {
				return err
			}
		}
		if whole == 0 {
			return nil
		}
		_, err = tx.ExecContext(ctx, setRestoring, int64(whole))
		return err
	})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	l.grown.Broadcast()
	l.tender.Grown(head)
	return nil
}

// restore writes the events that the log lacks, and returns the head.
func (l *Log) restore(ctx context.Context, tx *sql.Tx, full *segments.Known, recorded []events.Recorded) (events.Position, error) {
	head, err := headOf(ctx, tx)
	if err != nil {
		return 0, fmt.Errorf("take the head: %w", err)
	}
	before := recorded[0].Position - 1
	rows, err := tx.QueryContext(ctx, readEvents, int64(before), int64(min(head.position, before+events.Position(len(recorded)))))
	if err != nil {
		return 0, fmt.Errorf("read stored events: %w", err)
	}
	stored, _, err := collect(rows, nil)
	if err != nil {
		return 0, fmt.Errorf("read stored events: %w", err)
	}
	rest, err := events.Unrestored(recorded, stored, head.position, head.recordedAt)
	if err != nil || len(rest) == 0 {
		return head.position, err
	}
	mark, err := markOf(ctx, tx, head.position)
	if err != nil {
		return 0, err
	}
	to, err := l.room(ctx, tx, head, full)
	if err != nil {
		return 0, err
	}
	if err := l.insertRest(ctx, to, rest); err != nil {
		return 0, err
	}
	var from events.Origins
	for i := range rest {
		mark = mark.Next(rest[i].Digest)
		from.Add(rest[i].Origin)
	}
	if err := link(ctx, tx, mark, from); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, moveHead, len(rest), 0, rest[len(rest)-1].RecordedAt.UnixMicro()); err != nil {
		return 0, fmt.Errorf("move the head: %w", err)
	}
	return mark.Position, nil
}

// insertRest inserts the events and their identities. [events.ErrNotNext] if the log holds one of
// these.
func (l *Log) insertRest(ctx context.Context, to *room, rest []events.Recorded) error {
	of := make(identities, len(rest))
	for i := range rest {
		of[i] = identity{rest[i].Event.Subject(), rest[i].ID}
	}
	if i, ok := of.repeated(); ok {
		return fmt.Errorf("%w: position %d has the ID of one before", events.ErrNotNext, rest[i].Position)
	}
	if err := to.make(ctx, len(rest), l.tender.Size); err != nil {
		return err
	}
	known, err := to.known(ctx, len(rest), false, of)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(known, func(d *events.Digest) bool { return d != nil }); i >= 0 {
		return fmt.Errorf("%w: the ID of position %d has another position", events.ErrNotNext, rest[i].Position)
	}
	into := l.insert(ctx, to.tx, to.before+1)
	for i := range rest {
		r := &rest[i]
		form := string(events.AppendStored(nil, r.Event))
		if err := into.add(ctx, r.OccurredAt.UnixMicro(), r.RecordedAt.UnixMicro(), &of[i], r.Event.Type(), &r.Digest, form); err != nil {
			return err
		}
	}
	if err := into.end(ctx); err != nil {
		return err
	}
	err = to.identify(ctx, len(rest))
	if errors.Is(err, errKnown) {
		return fmt.Errorf("%w: an ID has another position", events.ErrNotNext)
	}
	return err
}

// RestoreBeside implements [events.Companions].
func (l *Log) RestoreBeside(ctx context.Context, b events.Beside) error {
	return write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := headOf(ctx, tx); err != nil {
			return fmt.Errorf("take the head: %w", err)
		}
		return beside.Restore(ctx, tx, b)
	})
}
