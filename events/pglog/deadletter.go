package pglog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/events"
)

// lockHead comes first in every write that is not an append, so that no two
// writers can wait for each other in a circle.
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

const listLetters = `
SELECT id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at
FROM jangbu_log.dead_letters
ORDER BY buried_at DESC, id DESC
LIMIT $1`

const listLettersByReason = `
SELECT id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at
FROM jangbu_log.dead_letters
WHERE reason = $2
ORDER BY buried_at DESC, id DESC
LIMIT $1`

// Bury implements [events.DeadLetters].
func (l *Log) Bury(ctx context.Context, letters []events.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	n := len(letters)
	ids := make([]pgtype.UUID, n)
	topics, reasons, details := make([]string, n), make([]string, n), make([]string, n)
	partitions, offsets := make([]int32, n), make([]int64, n)
	timestamps, sealed := make([]time.Time, n), make([][]byte, n)
	for i := range letters {
		d := &letters[i]
		ids[i] = pgtype.UUID{Bytes: d.ID, Valid: true}
		topics[i], partitions[i], offsets[i], timestamps[i] = d.Topic, d.Partition, d.Offset, d.Timestamp
		reasons[i], details[i], sealed[i] = string(d.Reason), d.Detail, d.Sealed
	}
	err := l.write(ctx, func(conn *pgxpool.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			locked, err := tx.Exec(ctx, lockHead)
			if err != nil {
				return fmt.Errorf("take the head: %w", err)
			}
			if locked.RowsAffected() != 1 {
				return fmt.Errorf("%w: the head row is missing", events.ErrCorrupt)
			}
			_, err = tx.Exec(ctx, buryLetters, ids, topics, partitions, offsets, timestamps, reasons, details, sealed, n)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("bury: %w", err)
	}
	return nil
}

// DeadLetters implements [events.DeadLetters].
func (l *Log) DeadLetters(ctx context.Context, q events.DeadLetterQuery) ([]events.DeadLetter, error) {
	query, args := listLetters, []any{q.Limit}
	if q.Reason != "" {
		query, args = listLettersByReason, []any{q.Limit, string(q.Reason)}
	}
	rows, err := l.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	letters, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (events.DeadLetter, error) {
		var d events.DeadLetter
		err := row.Scan((*[16]byte)(&d.ID), &d.Topic, &d.Partition, &d.Offset, &d.Timestamp, &d.Reason, &d.Detail, &d.Sealed, &d.BuriedAt)
		d.Timestamp, d.BuriedAt = d.Timestamp.UTC(), d.BuriedAt.UTC()
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, nil
}
