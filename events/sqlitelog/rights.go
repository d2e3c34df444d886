package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
)

// withdrawRight adds a record that is not before the last one.
const withdrawRight = `
INSERT INTO withdrawn_rights (withdrawn_at, subject, shop, who, why)
SELECT max(?, coalesce(max(withdrawn_at), 0)), ?, ?, ?, ? FROM withdrawn_rights
RETURNING withdrawn_at`

const listWithdrawnRights = `
SELECT withdrawn_at, subject, shop, who, why
FROM withdrawn_rights
WHERE withdrawn_at >= ?
ORDER BY withdrawn_at, id`

// rights implements [events.Rights] in the file of its log.
type rights struct{ *Log }

var _ events.Rights = rights{}

// Rights implements [events.Log].
func (l *Log) Rights() events.Rights { return rights{l} }

// Withdraw implements [events.Rights].
func (l rights) Withdraw(ctx context.Context, w events.WithdrawnRight) (events.WithdrawnRight, error) {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		var at int64
		err := tx.QueryRowContext(ctx, withdrawRight, time.Now().UnixMicro(), w.Subject, string(w.Shop), w.Who, w.Why).Scan(&at)
		w.At = time.UnixMicro(at).UTC()
		return err
	})
	if err != nil {
		return events.WithdrawnRight{}, fmt.Errorf("withdraw a right: %w", err)
	}
	return w, nil
}

// Withdrawn implements [events.Rights].
func (l rights) Withdrawn(ctx context.Context, since time.Time) ([]events.WithdrawnRight, error) {
	all, err := l.withdrawn(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("list withdrawn rights: %w", err)
	}
	return all, nil
}

func (l rights) withdrawn(ctx context.Context, since time.Time) (all []events.WithdrawnRight, err error) {
	rows, err := l.reader.QueryContext(ctx, listWithdrawnRights, since.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var w events.WithdrawnRight
		var at int64
		if err := rows.Scan(&at, &w.Subject, &w.Shop, &w.Who, &w.Why); err != nil {
			return nil, err
		}
		w.At = time.UnixMicro(at).UTC()
		all = append(all, w)
	}
	return all, rows.Err()
}
