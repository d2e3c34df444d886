package sqlitelog

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"jangbu/events"
)

const buryLetter = `
INSERT INTO dead_letters
    (id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING`

// countBuried counts ?1 letters, ?2 of them new.
const countBuried = `
UPDATE log_head
SET received      = received + ?1,
    dead_lettered = dead_lettered + ?2,
    duplicates    = duplicates + ?1 - ?2`

// letterColumns are the columns that letterOf scans, in this order.
const letterColumns = `
id, topic, part, record_offset, record_timestamp, reason, detail, sealed, buried_at, discarded_at, discarded_by, discarded_why`

const listLetters = `
SELECT` + letterColumns + `
FROM dead_letters
WHERE (buried_at, id) < (?2, ?3)
ORDER BY buried_at DESC, id DESC
LIMIT ?1`

const listLettersByReason = `
SELECT` + letterColumns + `
FROM dead_letters
WHERE (buried_at, id) < (?2, ?3) AND reason = ?4
ORDER BY buried_at DESC, id DESC
LIMIT ?1`

const readLetter = `
SELECT` + letterColumns + `
FROM dead_letters
WHERE id = ?1`

const countLetters = `
SELECT reason, count(*) - count(discarded_at), count(discarded_at), min(buried_at), max(buried_at)
FROM dead_letters
GROUP BY reason
ORDER BY reason`

const rewordLetter = `UPDATE dead_letters SET detail = ?, discarded_by = ?, discarded_why = ? WHERE id = ?`

// deadLetters implements [events.DeadLetters] in the file of its log.
type deadLetters struct{ *Log }

var _ events.DeadLetters = deadLetters{}

// DeadLetters implements [events.Log].
func (l *Log) DeadLetters() events.DeadLetters { return deadLetters{l} }

// Bury implements [events.DeadLetters].
func (l deadLetters) Bury(ctx context.Context, letters []events.DeadLetter, read ...events.Reading) error {
	if len(letters) == 0 && len(read) == 0 {
		return nil
	}
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		if err := checkFirsts(ctx, tx, read); err != nil {
			return err
		}
		now, buried := time.Now().UnixMicro(), int64(0)
		for i := range letters {
			d := letters[i].Storable()
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
		result, err := tx.ExecContext(ctx, countBuried, len(letters), buried)
		if err != nil {
			return err
		}
		if err := oneHead(result); err != nil {
			return err
		}
		return writeReadings(ctx, tx, events.Unrefused(read, nil))
	})
	if err != nil {
		return fmt.Errorf("bury: %w", err)
	}
	return nil
}

// oneHead returns an error unless an update of the head row changed it.
func oneHead(result sql.Result) error {
	if counted, err := result.RowsAffected(); err != nil || counted != 1 {
		return errors.Join(errNoHead, err)
	}
	return nil
}

// List implements [events.DeadLetters].
func (l deadLetters) List(ctx context.Context, q events.DeadLetterQuery) ([]events.DeadLetter, error) {
	after, id := int64(math.MaxInt64), events.ID{}
	if q.After != nil {
		after, id = q.After.BuriedAt.UnixMicro(), q.After.ID
	}
	query, args := listLetters, []any{q.Limit, after, id[:]}
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
	letters, err := l.letters(ctx, readLetter, id[:])
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
	groups, err := l.groups(ctx)
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	return groups, nil
}

func (l *Log) groups(ctx context.Context) (groups []events.DeadLetterGroup, err error) {
	rows, err := l.reader.QueryContext(ctx, countLetters)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var g events.DeadLetterGroup
		var first, last int64
		if err := rows.Scan(&g.Reason, &g.Waiting, &g.Discarded, &first, &last); err != nil {
			return nil, err
		}
		g.First, g.Last = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC()
		groups = append(groups, g)
	}
	return groups, rows.Err()
}

func (l deadLetters) letters(ctx context.Context, query string, args ...any) (letters []events.DeadLetter, err error) {
	rows, err := l.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		d, err := letterOf(rows)
		if err != nil {
			return nil, err
		}
		letters = append(letters, d)
	}
	return letters, rows.Err()
}

func letterOf(rows *sql.Rows) (events.DeadLetter, error) {
	var d events.DeadLetter
	var id sql.RawBytes
	var timestamp, buriedAt int64
	var at sql.NullInt64
	var by, why sql.NullString
	err := rows.Scan(&id, &d.Topic, &d.Partition, &d.Offset, &timestamp, &d.Reason, &d.Detail, &d.Sealed, &buriedAt, &at, &by, &why)
	if err != nil {
		return d, err
	}
	if len(id) != len(d.ID) {
		return d, fmt.Errorf("%w: a dead letter's id has %d bytes", events.ErrCorrupt, len(id))
	}
	d.ID = events.ID(id)
	d.Timestamp, d.BuriedAt = time.UnixMicro(timestamp).UTC(), time.UnixMicro(buriedAt).UTC()
	if at.Valid { // a constraint makes by and why non-null too
		d.Discarded = &events.Discarded{At: time.UnixMicro(at.Int64).UTC(), By: by.String, Why: why.String}
	}
	return d, nil
}

// Reword implements [events.DeadLetters].
func (l deadLetters) Reword(ctx context.Context, d events.DeadLetter) error {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		var by, why sql.NullString
		if d.Discarded != nil {
			by, why = sql.NullString{String: d.Discarded.By, Valid: true}, sql.NullString{String: d.Discarded.Why, Valid: true}
		}
		done, err := tx.ExecContext(ctx, rewordLetter, d.Detail, by, why, d.ID[:])
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return cmp.Or(err, events.ErrNoDeadLetter)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reword dead letter: %w", err)
	}
	return nil
}
