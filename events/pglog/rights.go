package pglog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

// withdrawRight adds a record that is not before the last one, which the lock of the head keeps
// from being of a transaction that commits later.
const withdrawRight = `
INSERT INTO jangbu_log.withdrawn_rights (withdrawn_at, subject, shop, who, why)
SELECT greatest(clock_timestamp(), max(withdrawn_at)), $1, $2, $3, $4
FROM jangbu_log.withdrawn_rights
RETURNING withdrawn_at`

const listWithdrawnRights = `
SELECT withdrawn_at, subject, shop, who, why
FROM jangbu_log.withdrawn_rights
WHERE withdrawn_at >= $1
ORDER BY withdrawn_at, id`

// rights implements [events.Rights] in the database of its log.
type rights struct{ *Log }

var _ events.Rights = rights{}

// Rights implements [events.Log].
func (l *Log) Rights() events.Rights { return rights{l} }

// Withdraw implements [events.Rights].
func (l rights) Withdraw(ctx context.Context, w events.WithdrawnRight) (events.WithdrawnRight, error) {
	err := l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, withdrawRight, w.Subject, string(w.Shop), w.Who, w.Why).Scan(&w.At)
		w.At = w.At.UTC()
		return err
	})
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("withdraw a right: %w", err)
	}
	return w, nil
}

// Withdrawn implements [events.Rights].
func (l rights) Withdrawn(ctx context.Context, since time.Time) ([]events.WithdrawnRight, error) {
	rows, err := l.pool.Query(ctx, listWithdrawnRights, since)
	if err != nil {
		return nil, fmt.Errorf("list withdrawn rights: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w events.WithdrawnRight, err error) {
		err = row.Scan(&w.At, &w.Subject, &w.Shop, &w.Who, &w.Why)
		w.At = w.At.UTC()
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("list withdrawn rights: %w", err)
	}
	return all, nil
}
