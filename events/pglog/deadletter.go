package pglog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
)

// lockHead comes first in every write of dead letters: all writers lock the head
// row first, so no two of them can deadlock.
const lockHead = `SELECT FROM jangbu_log.log_head FOR UPDATE`

const buryLetters = `
WITH buried AS (
    INSERT INTO jangbu_log.dead_letters
        (id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at)
    SELECT l.*, now()
    FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::timestamptz[], $6::text[], $7::text[], $8::bytea[]) AS l
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), counted AS (SELECT count(*) AS new FROM buried)
UPDATE jangbu_log.log_head
SET received      = received + $9,
    dead_lettered = dead_lettered + counted.new,
    duplicates    = duplicates + $9 - counted.new
FROM counted`

// letterColumns are the columns that letterOf scans, in this order.
const letterColumns = `
id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at, discarded_at, discarded_by, discarded_why`

const listLetters = `
SELECT` + letterColumns + `
FROM jangbu_log.dead_letters
WHERE (buried_at, id) < ($2, $3)
ORDER BY buried_at DESC, id DESC
LIMIT $1`

const listLettersByReason = `
SELECT` + letterColumns + `
FROM jangbu_log.dead_letters
WHERE (buried_at, id) < ($2, $3) AND reason = $4
ORDER BY buried_at DESC, id DESC
LIMIT $1`

const readLetter = `
SELECT` + letterColumns + `
FROM jangbu_log.dead_letters
WHERE id = $1`

const countLetters = `
SELECT reason, count(*) - count(discarded_at), count(discarded_at), min(buried_at), max(buried_at)
FROM jangbu_log.dead_letters
GROUP BY reason
ORDER BY reason`

const rewordLetter = `
UPDATE jangbu_log.dead_letters
SET detail = $2, discarded_by = $3, discarded_why = $4
WHERE id = $1`

// deadLetters implements [events.DeadLetters] in the database of its log.
type deadLetters struct{ *Log }

var _ events.DeadLetters = deadLetters{}

// DeadLetters implements [events.Log].
func (l *Log) DeadLetters() events.DeadLetters { return deadLetters{l} }

// Bury implements [events.DeadLetters].
func (l deadLetters) Bury(ctx context.Context, letters []events.DeadLetter, read ...events.Reading) error {
	if len(letters) == 0 && len(read) == 0 {
		return nil
	}
	n := len(letters)
	ids := make([]pgtype.UUID, n)
	topics, reasons, details := make([]string, n), make([]string, n), make([]string, n)
	partitions, offsets := make([]int32, n), make([]int64, n)
	timestamps, sealed := make([]time.Time, n), make([][]byte, n)
	for i := range letters {
		d := letters[i].Storable()
		ids[i] = pgtype.UUID{Bytes: d.ID, Valid: true}
		topics[i], partitions[i], offsets[i], timestamps[i] = d.Topic, d.Partition, d.Offset, d.Timestamp
		reasons[i], details[i], sealed[i] = string(d.Reason), d.Detail, d.Sealed
	}
	err := l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var firsts pgx.Batch
		queueFirsts(&firsts, read)
		if err := tx.SendBatch(ctx, &firsts).Close(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, buryLetters, ids, topics, partitions, offsets, timestamps, reasons, details, sealed, n); err != nil {
			return err
		}
		var sources pgx.Batch
		queueReadings(&sources, events.Unrefused(read, nil))
		return tx.SendBatch(ctx, &sources).Close()
	})
	if err != nil {
		return fmt.Errorf("bury: %w", err)
	}
	return nil
}

// writeLetters runs f in a transaction that holds the head row.
func (l *Log) writeLetters(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	return l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		locked, err := tx.Exec(ctx, lockHead)
		if err != nil {
			return fmt.Errorf("take the head: %w", err)
		}
		if locked.RowsAffected() != 1 {
			return errNoHead
		}
		return f(ctx, tx)
	})
}

// List implements [events.DeadLetters].
func (l deadLetters) List(ctx context.Context, q events.DeadLetterQuery) ([]events.DeadLetter, error) {
	after := pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	id := pgtype.UUID{Valid: true}
	if q.After != nil {
		after, id.Bytes = pgtype.Timestamptz{Time: q.After.BuriedAt, Valid: true}, q.After.ID
	}
	query, args := listLetters, []any{q.Limit, after, id}
	if q.Reason != "" {
		query, args = listLettersByReason, append(args, string(q.Reason))
	}
	letters, err := l.letters(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, nil
}

// Get implements [events.DeadLetters].
func (l deadLetters) Get(ctx context.Context, id events.ID) (events.DeadLetter, error) {
	letters, err := l.letters(ctx, readLetter, pgtype.UUID{Bytes: id, Valid: true})
	if err == nil && len(letters) == 0 {
		err = events.ErrNoDeadLetter
	}
	if err != nil {
		return events.DeadLetter{}, fmt.Errorf("read dead letter %s: %w", id, err)
	}
	return letters[0], nil
}

// Groups implements [events.DeadLetters].
func (l deadLetters) Groups(ctx context.Context) ([]events.DeadLetterGroup, error) {
	rows, err := l.pool.Query(ctx, countLetters)
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	groups, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (events.DeadLetterGroup, error) {
		var g events.DeadLetterGroup
		err := row.Scan(&g.Reason, &g.Waiting, &g.Discarded, &g.First, &g.Last)
		g.First, g.Last = g.First.UTC(), g.Last.UTC()
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	return groups, nil
}

func (l deadLetters) letters(ctx context.Context, query string, args ...any) ([]events.DeadLetter, error) {
	rows, err := l.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, letterOf)
}

func letterOf(row pgx.CollectableRow) (events.DeadLetter, error) {
	var d events.DeadLetter
	var at *time.Time
	var by, why *string
	err := row.Scan((*[16]byte)(&d.ID), &d.Topic, &d.Partition, &d.Offset, &d.Timestamp, &d.Reason, &d.Detail, &d.Sealed, &d.BuriedAt, &at, &by, &why)
	if err != nil {
		return d, err
	}
	d.Timestamp, d.BuriedAt = d.Timestamp.UTC(), d.BuriedAt.UTC()
	if at != nil { // a constraint makes by and why non-null too
		d.Discarded = &events.Discarded{At: at.UTC(), By: *by, Why: *why}
	}
	return d, nil
}

// Reword implements [events.DeadLetters].
func (l deadLetters) Reword(ctx context.Context, d events.DeadLetter) error {
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var by, why *string
		if d.Discarded != nil {
			by, why = &d.Discarded.By, &d.Discarded.Why
		}
		done, err := tx.Exec(ctx, rewordLetter, d.ID, d.Detail, by, why)
		if err == nil && done.RowsAffected() != 1 {
			err = events.ErrNoDeadLetter
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reword dead letter: %w", err)
	}
	return nil
}
