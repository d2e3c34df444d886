package pgrows

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/readmodel"
)

const (
	actColumns = `
id, kind, projections, campaign, who, why, state, asked_at, began_at, ended_at, owner, at_position, to_position, error`

	// lockActs lets acts be asked for one after the other, or who comes later could be
	// given the lower number; and none ends meanwhile.
	lockActs = `
LOCK TABLE jangbu_rows.acts IN SHARE ROW EXCLUSIVE MODE`

	askAct = `
INSERT INTO jangbu_rows.acts (kind, projections, campaign, who, why)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, projections, campaign) WHERE ended_at IS NULL DO NOTHING`

	readOpenAct = `
SELECT` + actColumns + `
FROM jangbu_rows.acts
WHERE kind = $1 AND projections = $2 AND campaign = $3 AND ended_at IS NULL`

	readAct = `
SELECT` + actColumns + `
FROM jangbu_rows.acts
WHERE id = $1`

	readActs = `
SELECT` + actColumns + `
FROM jangbu_rows.acts
ORDER BY id DESC
LIMIT $1`

	nextAct = `
SELECT` + actColumns + `
FROM jangbu_rows.acts
WHERE ended_at IS NULL
ORDER BY id
LIMIT 1`

	noteAct = `
UPDATE jangbu_rows.acts
SET state       = $2,
    owner       = $3,
    at_position = $4,
    to_position = $5,
    error       = $6,
    began_at    = CASE WHEN $2 = 'waiting' THEN began_at ELSE coalesce(began_at, clock_timestamp()) END,
    ended_at    = CASE WHEN $2 IN ('done', 'failed') THEN clock_timestamp() END
WHERE id = $1 AND ended_at IS NULL`

	endAct = `
UPDATE jangbu_rows.acts
SET state = 'done', at_position = to_position, ended_at = clock_timestamp()
WHERE id = $1 AND ended_at IS NULL`
)

// Ask implements [readmodel.Acts].
func (s *Store) Ask(ctx context.Context, a readmodel.Act) (readmodel.Act, error) {
	if err := a.Validate(); err != nil {
		return readmodel.Act{}, fmt.Errorf("ask for an act: %w", err)
	}
	var asked readmodel.Act
	batch := new(pgx.Batch)
	batch.Queue(askAct, string(a.Kind), a.Projections, string(a.Campaign), a.Who, a.Why)
	batch.Queue(readOpenAct, string(a.Kind), a.Projections, string(a.Campaign)).QueryRow(func(row pgx.Row) (err error) {
		asked, err = scanAct(row)
		return err
	})
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockActs); err != nil { // before the others are even prepared, which locks too
			return err
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return readmodel.Act{}, fmt.Errorf("ask for an act: %w", err)
	}
	return asked, nil
}

// Act implements [readmodel.Acts].
func (s *Store) Act(ctx context.Context, id int64) (readmodel.Act, error) {
	a, err := scanAct(s.pool.QueryRow(ctx, readAct, id))
	if errors.Is(err, pgx.ErrNoRows) {
		err = readmodel.ErrNoAct
	}
	if err != nil {
		return readmodel.Act{}, fmt.Errorf("read act %d: %w", id, err)
	}
	return a, nil
}

// Acts implements [readmodel.Acts].
func (s *Store) Acts(ctx context.Context, limit int) ([]readmodel.Act, error) {
	rows, err := s.pool.Query(ctx, readActs, limit)
	if err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	}
	acts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (readmodel.Act, error) { return scanAct(row) })
	if err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	}
	return acts, nil
}

// Next implements [readmodel.Acts].
func (s *Store) Next(ctx context.Context) (readmodel.Act, bool, error) {
	a, err := scanAct(s.pool.QueryRow(ctx, nextAct))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return readmodel.Act{}, false, nil
	case err != nil:
		return readmodel.Act{}, false, fmt.Errorf("read the next act: %w", err)
	}
	return a, true, nil
}

// Note implements [readmodel.Acts].
func (s *Store) Note(ctx context.Context, lease readmodel.Lease, a readmodel.Act) error {
	batch := new(pgx.Batch)
	batch.Queue(noteAct, a.ID, string(a.State), a.Owner, int64(a.At), int64(a.To), a.Error).Exec(one(fmt.Sprintf("act %d", a.ID)))
	if err := s.held(ctx, lease, batch); err != nil {
		return fmt.Errorf("note act: %w", err)
	}
	return nil
}

// held runs the batch in one transaction that holds the lease.
func (s *Store) held(ctx context.Context, lease readmodel.Lease, batch *pgx.Batch) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		claim := new(pgx.Batch)
		queueHoldLease(claim, lease)
		if err := tx.SendBatch(ctx, claim).Close(); err != nil {
			return err
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}

// queueEndAct ends the act that changes what is served.
func queueEndAct(batch *pgx.Batch, act int64) {
	batch.Queue(endAct, act).Exec(one(fmt.Sprintf("act %d", act)))
}

// one returns what demands that a statement has changed one row.
func one(what string) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("%s: %w", what, readmodel.ErrFenced)
		}
		return nil
	}
}

// scanAct reads a row of actColumns.
func scanAct(row pgx.Row) (readmodel.Act, error) {
	var (
		a              readmodel.Act
		began, endedAt pgtype.Timestamptz
	)
	err := row.Scan(&a.ID, (*string)(&a.Kind), &a.Projections, (*string)(&a.Campaign), &a.Who, &a.Why, (*string)(&a.State),
		&a.AskedAt, &began, &endedAt, &a.Owner, (*int64)(&a.At), (*int64)(&a.To), &a.Error)
	a.AskedAt, a.BeganAt, a.EndedAt = a.AskedAt.UTC(), timeOf(began), timeOf(endedAt)
	return a, err
}
