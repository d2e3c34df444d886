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

const addAccess = `INSERT INTO accesses (accessed_at, command, subject, who, why) VALUES (?, ?, ?, ?, ?)`

const listAccesses = `
SELECT id, accessed_at, command, subject, who, why
FROM accesses
WHERE id < ?
ORDER BY id DESC
LIMIT ?`

const rewordAccess = `UPDATE accesses SET subject = ?, who = ?, why = ? WHERE id = ?`

// accesses implements [events.Accesses] in the file of its log.
type accesses struct{ *Log }

var _ events.Accesses = accesses{}

// Accesses implements [events.Log].
func (l *Log) Accesses() events.Accesses { return accesses{l} }

// Add implements [events.Accesses].
func (l accesses) Add(ctx context.Context, a events.Access) error {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, addAccess, time.Now().UnixMicro(), a.Command, a.Subject, a.Who, a.Why)
		return err
	})
	if err != nil {
		return fmt.Errorf("record access: %w", err)
	}
	return nil
}

// List implements [events.Accesses].
func (l accesses) List(ctx context.Context, before int64, limit int) ([]events.Access, error) {
	all, err := l.list(ctx, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list accesses: %w", err)
	}
	return all, nil
}

func (l accesses) list(ctx context.Context, before int64, limit int) (all []events.Access, err error) {
	rows, err := l.reader.QueryContext(ctx, listAccesses, cmp.Or(before, math.MaxInt64), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a events.Access
		var at int64
		if err := rows.Scan(&a.ID, &at, &a.Command, &a.Subject, &a.Who, &a.Why); err != nil {
			return nil, err
		}
		a.At = time.UnixMicro(at).UTC()
		all = append(all, a)
	}
	return all, rows.Err()
}

// Reword implements [events.Accesses].
func (l accesses) Reword(ctx context.Context, a events.Access) error {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, rewordAccess, a.Subject, a.Who, a.Why, a.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("reword access: %w", err)
	}
	return nil
}
