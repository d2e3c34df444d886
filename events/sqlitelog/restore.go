package sqlitelog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/events/sqlite"
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
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		if len(recorded) > 0 {
			if err := l.restore(ctx, tx, recorded); err != nil {
				return err
			}
		}
		if whole == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, setRestoring, int64(whole))
		return err
	})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	l.grown.Broadcast()
	return nil
}

// restore writes the events that the log lacks.
func (l *Log) restore(ctx context.Context, tx *sql.Tx, recorded []events.Recorded) error {
	head, lastRecorded, err := lastEvent(ctx, tx)
	if err != nil {
		return fmt.Errorf("take the head: %w", err)
	}
	before := int64(recorded[0].Position) - 1
	rows, err := tx.QueryContext(ctx, readEvents, before, min(head, before+int64(len(recorded))))
	if err != nil {
		return fmt.Errorf("read stored events: %w", err)
	}
	stored, _, err := collect(rows, nil)
	if err != nil {
		return fmt.Errorf("read stored events: %w", err)
	}
	var last time.Time
	if lastRecorded.Valid {
		last = time.UnixMicro(lastRecorded.Int64)
	}
	rest, err := events.Unrestored(recorded, stored, events.Position(head), last)
	if err != nil || len(rest) == 0 {
		return err
	}
	mark, err := markOf(ctx, tx, events.Position(head))
	if err != nil {
		return err
	}
	insert := tx.StmtContext(ctx, l.insertEvent) //nolint:sqlclosecheck // closed with the transaction
	var payload []byte
	var from events.Origins
	for i := range rest {
		r := &rest[i]
		payload = events.AppendStored(payload[:0], r.Event)
		result, err := insert.ExecContext(ctx, int64(r.Position), r.OccurredAt.UnixMicro(), r.RecordedAt.UnixMicro(),
			int64(r.Event.Type()), r.ID[:], r.Digest[:], string(r.Event.Subject()), string(payload), int64(events.CurrentForm))
		if sqlite.Taken(err) {
			return fmt.Errorf("%w: position %d, which is next, is taken: %w", events.ErrCorrupt, r.Position, err)
		}
		if err != nil {
			return fmt.Errorf("insert event: %w", err)
		}
		switch inserted, err := result.RowsAffected(); {
		case err != nil:
			return err
		case inserted == 0:
			return fmt.Errorf("%w: the ID of position %d has another position", events.ErrNotNext, r.Position)
		}
		mark = mark.Next(r.Digest)
		from.Add(r.Origin)
	}
	if err := link(ctx, tx, mark, from); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, moveHead, len(rest), 0, rest[len(rest)-1].RecordedAt.UnixMicro()); err != nil {
		return fmt.Errorf("move the head: %w", err)
	}
	return nil
}
