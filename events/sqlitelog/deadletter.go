package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
)

const buryLetter = `
INSERT INTO dead_letters
    (id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING`

// countLetters accounts for ?1 letters, ?2 of them new.
const countLetters = `
UPDATE log_head
SET received      = received + ?1,
    dead_lettered = dead_lettered + ?2,
    duplicates    = duplicates + ?1 - ?2`

const listLetters = `
SELECT id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at
FROM dead_letters
ORDER BY buried_at DESC, id DESC
LIMIT ?1`

const listLettersByReason = `
SELECT id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at
FROM dead_letters
WHERE reason = ?2
ORDER BY buried_at DESC, id DESC
LIMIT ?1`

// Bury implements [events.DeadLetters].
func (l *Log) Bury(ctx context.Context, letters []events.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		now, buried := time.Now().UnixMicro(), int64(0)
		for i := range letters {
			d := &letters[i]
			result, err := tx.ExecContext(ctx, buryLetter, d.ID[:], d.Topic, d.Partition, d.Offset,
				d.Timestamp.UnixMicro(), string(d.Reason), d.Detail, d.Sealed, now)
			if err != nil {
				return err
			}
			inserted, err := result.RowsAffected()
			if err != nil {
				return err
			}
			buried += inserted
		}
		result, err := tx.ExecContext(ctx, countLetters, len(letters), buried)
		if err != nil {
			return err
		}
		if counted, err := result.RowsAffected(); err != nil || counted != 1 {
			return errors.Join(fmt.Errorf("%w: the head row is missing", events.ErrCorrupt), err)
		}
		return nil
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
	rows, err := l.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	letters, err := collectLetters(rows)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, nil
}

func collectLetters(rows *sql.Rows) (letters []events.DeadLetter, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d events.DeadLetter
		var id sql.RawBytes
		var timestamp, buriedAt int64
		if err := rows.Scan(&id, &d.Topic, &d.Partition, &d.Offset, &timestamp, &d.Reason, &d.Detail, &d.Sealed, &buriedAt); err != nil {
			return nil, err
		}
		if len(id) != len(d.ID) {
			return nil, fmt.Errorf("%w: a dead letter's id has %d bytes", events.ErrCorrupt, len(id))
		}
		d.ID = events.ID(id)
		d.Timestamp, d.BuriedAt = time.UnixMicro(timestamp).UTC(), time.UnixMicro(buriedAt).UTC()
		letters = append(letters, d)
	}
	return letters, rows.Err()
}
