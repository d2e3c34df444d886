package pglog

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

const addAccess = `
INSERT INTO jangbu_log.accesses (command, subject, who, why) VALUES ($1, $2, $3, $4)`

const listAccesses = `
SELECT id, accessed_at, command, subject, who, why
FROM jangbu_log.accesses
WHERE id < $1
ORDER BY id DESC
LIMIT $2`

const rewordAccess = `
UPDATE jangbu_log.accesses SET subject = $1, who = $2, why = $3 WHERE id = $4`

// accesses implements [events.Accesses] in the database of its log.
type accesses struct{ *Log }

var _ events.Accesses = accesses{}

// Accesses implements [events.Log].
func (l *Log) Accesses() events.Accesses { return accesses{l} }

// Add implements [events.Accesses].
func (l accesses) Add(ctx context.Context, a events.Access) error {
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, addAccess, a.Command, a.Subject, a.Who, a.Why)
		return err
	})
	if err != nil {
		return fmt.Errorf("record access: %w", err)
	}
	return nil
}

// List implements [events.Accesses].
func (l accesses) List(ctx context.Context, before int64, limit int) ([]events.Access, error) {
	rows, err := l.pool.Query(ctx, listAccesses, cmp.Or(before, math.MaxInt64), limit)
	if err != nil {
		return nil, fmt.Errorf("list accesses: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a events.Access, err error) {
		err = row.Scan(&a.ID, &a.At, &a.Command, &a.Subject, &a.Who, &a.Why)
		a.At = a.At.UTC()
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("list accesses: %w", err)
	}
	return all, nil
}

// Reword implements [events.Accesses].
func (l accesses) Reword(ctx context.Context, a events.Access) error {
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, rewordAccess, a.Subject, a.Who, a.Why, a.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("reword access: %w", err)
	}
	return nil
}
