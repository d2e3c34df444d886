package pglog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events"
)

const readHeadForUpdate = `SELECT position, recorded_at FROM jangbu_log.log_head FOR UPDATE`

// setRestoring says up to where the log is being restored.
const setRestoring = `
UPDATE jangbu_log.log_head
SET restoring = CASE WHEN position < $1 THEN $1 ELSE 0 END
WHERE restoring <> CASE WHEN position < $1 THEN $1 ELSE 0 END`

// moveHead counts $1 restored events, the last of them recorded at $2.
const moveHead = `UPDATE jangbu_log.log_head SET position = position + $1, received = received + $1, recorded_at = $2`

// Restore implements [events.Log].
func (l *Log) Restore(ctx context.Context, recorded []events.Recorded, whole events.Position) error {
	if len(recorded) == 0 && whole == 0 {
		return nil
	}
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if len(recorded) > 0 {
			if err := restore(ctx, tx, recorded); err != nil {
				return err
			}
		}
		if whole == 0 {
			return nil
		}
		_, err := tx.Exec(ctx, setRestoring, whole)
		return err
	})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	l.grown.Broadcast()
	return nil
}

// restore writes the events that the log lacks.
func restore(ctx context.Context, tx pgx.Tx, recorded []events.Recorded) error {
	var head events.Position
	var lastRecorded *time.Time
	err := tx.QueryRow(ctx, readHeadForUpdate).Scan(&head, &lastRecorded)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoHead
	}
	if err != nil {
		return fmt.Errorf("take the head: %w", err)
	}
	before := recorded[0].Position - 1
	stored, _, err := collect(ctx, nil, func(ctx context.Context) (pgx.Rows, error) {
		return tx.Query(ctx, readEvents, pgx.QueryResultFormats{pgx.BinaryFormatCode}, before, min(head, before+events.Position(len(recorded))))
	})
	if err != nil {
		return fmt.Errorf("read stored events: %w", err)
	}
	var last time.Time
	if lastRecorded != nil {
		last = *lastRecorded
	}
	rest, err := events.Unrestored(recorded, stored, head, last)
	if err != nil || len(rest) == 0 {
		return err
	}
	var rows rowBuffer
	for i := range rest {
		r := &rest[i]
		rows = rows.add(r.Position, r.RecordedAt, &events.Draft{ID: r.ID, Digest: r.Digest, OccurredAt: r.OccurredAt, Event: r.Event})
	}
	err = rows.copyTo(ctx, tx.Conn())
	var violation *pgconn.PgError
	switch {
	case errors.As(err, &violation) && violation.Code == uniqueViolation && violation.ConstraintName == "events_identity":
		return fmt.Errorf("%w: an ID has another position", events.ErrNotNext)
	case errors.As(err, &violation) && violation.Code == uniqueViolation:
		return fmt.Errorf("%w: a position after %d, the head, is taken: %w", events.ErrCorrupt, head, err)
	case err != nil:
		return fmt.Errorf("copy events: %w", err)
	}
	mark := events.Mark{Position: head}
	if mark.Link, err = scanLink(tx.QueryRow(ctx, readLink, 0), head); err != nil {
		return err
	}
	var from events.Origins
	for i := range rest {
		mark = mark.Next(rest[i].Digest)
		from.Add(rest[i].Origin)
	}
	var end pgx.Batch
	queueLink(&end, mark, from)
	if err := tx.SendBatch(ctx, &end).Close(); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	if _, err := tx.Exec(ctx, moveHead, len(rest), rest[len(rest)-1].RecordedAt); err != nil {
		return fmt.Errorf("move the head: %w", err)
	}
	return nil
}
