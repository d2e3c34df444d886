package pglog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/events"
	"jangbu/events/pglog/beside"
	"jangbu/events/segments"
)

const readHeadForUpdate = `SELECT position, recorded_at, renamed FROM jangbu_log.log_head FOR UPDATE`

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
	full := l.tender.Known(ctx, len(recorded))
	var head events.Position
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		if len(recorded) > 0 {
			if head, err = l.restore(ctx, tx, full, recorded); err != nil {
				return err
			}
		}
		if whole == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, setRestoring, whole)
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
func (l *Log) restore(ctx context.Context, tx pgx.Tx, full *segments.Known, recorded []events.Recorded) (head events.Position, err error) {
	var lastRecorded *time.Time
	var renamed segments.Renaming
	err = tx.QueryRow(ctx, readHeadForUpdate).Scan(&head, &lastRecorded, &renamed)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errNoHead
	}
	if err != nil {
		return 0, fmt.Errorf("take the head: %w", err)
	}
	before := recorded[0].Position - 1
	stored, _, err := collect(ctx, nil, func(ctx context.Context) (pgx.Rows, error) {
		return tx.Query(ctx, readEvents, pgx.QueryResultFormats{pgx.BinaryFormatCode}, before, max(0, min(head-before, events.Position(len(recorded)))))
	})
	if err != nil {
		return 0, fmt.Errorf("read stored events: %w", err)
	}
	var last time.Time
	if lastRecorded != nil {
		last = *lastRecorded
	}
	rest, err := events.Unrestored(recorded, stored, head, last)
	if err != nil || len(rest) == 0 {
		return head, err
	}
	mark, to := events.Mark{Position: head}, &room{before: head, full: full}
	if mark.Link, err = l.scanLinks(tx.QueryRow(ctx, readLink, 0, full.At()), head, to, renamed); err != nil {
		return 0, err
	}
	if err := copyRest(ctx, tx, to, rest, l.tender.Size); err != nil {
		return 0, err
	}
	var from events.Origins
	for i := range rest {
		mark = mark.Next(rest[i].Digest)
		from.Add(rest[i].Origin)
	}
	var end pgx.Batch
	queueLink(&end, mark, from)
	if err := tx.SendBatch(ctx, &end).Close(); err != nil {
		return 0, fmt.Errorf("link: %w", err)
	}
	if _, err := tx.Exec(ctx, moveHead, len(rest), rest[len(rest)-1].RecordedAt); err != nil {
		return 0, fmt.Errorf("move the head: %w", err)
	}
	return mark.Position, nil
}

// copyRest copies the events into their segments. [events.ErrNotNext] if the log holds one of
// their identities.
func copyRest(ctx context.Context, tx pgx.Tx, to *room, rest []events.Recorded, size events.Position) error {
	var read pgx.Batch
	to.queueRead(&read)
	if err := tx.SendBatch(ctx, &read).Close(); err != nil {
		return fmt.Errorf("read the segments: %w", err)
	}
	if err := to.make(ctx, tx.Conn(), len(rest), size); err != nil {
		return fmt.Errorf("add a segment: %w", err)
	}
	var of identities
	for i := range rest {
		of.add(rest[i].Event.Subject(), rest[i].ID)
	}
	first, last := rest[0].Position, rest[len(rest)-1].Position
	newest := to.segments[to.last(len(rest))]
	if i, ok := of.repeated(); ok && !newest.Holds(first) {
		return fmt.Errorf("%w: position %d has the ID of one before", events.ErrNotNext, rest[i].Position)
	}
	known, err := to.elsewhere(ctx, tx.Conn(), len(rest), of)
	if err != nil {
		return fmt.Errorf("look up events of full segments: %w", err)
	}
	if i := slices.IndexFunc(known, func(d *events.Digest) bool { return d != nil }); i >= 0 {
		return fmt.Errorf("%w: the ID of position %d has another one", events.ErrNotNext, rest[i].Position)
	}
	copied := 0
	err = copyRows(ctx, tx.Conn(), to.segments, first, last, func() row {
		r := &rest[copied]
		copied++
		return row{r.Position, r.RecordedAt, &events.Draft{ID: r.ID, Digest: r.Digest, OccurredAt: r.OccurredAt, Event: r.Event}}
	})
	var violation *pgconn.PgError
	switch {
	case errors.As(err, &violation) && violation.Code == uniqueViolation && violation.ConstraintName == identityOf(newest):
		return fmt.Errorf("%w: an ID has another position", events.ErrNotNext)
	case errors.As(err, &violation) && violation.Code == uniqueViolation:
		return fmt.Errorf("%w: a position after %d, the head, is taken: %w", events.ErrCorrupt, to.before, err)
	case err != nil:
		return fmt.Errorf("copy events: %w", err)
	}
	return nil
}

// RestoreBeside implements [events.Companions].
func (l *Log) RestoreBeside(ctx context.Context, b events.Beside) error {
	return l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error { return beside.Restore(ctx, tx, b) })
}
