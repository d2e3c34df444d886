package pgrows

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events/postgres"
	"jangbu/readmodel"
)

const (
	operationColumns = `
id, kind, projections, campaign, who, why, state, asked_at, began_at, ended_at, owner, at_position, to_position, error, lease, found`

	// lockOperations makes calls of Ask run one after another, so that numbers follow the
	// order of the calls, and no operation ends during a call.
	lockOperations = `
LOCK TABLE jangbu_rows.acts IN SHARE ROW EXCLUSIVE MODE`

	askOperation = `
INSERT INTO jangbu_rows.acts (kind, projections, campaign, who, why, found)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (kind, projections, campaign) WHERE ended_at IS NULL DO NOTHING`

	readOpenOperation = `
SELECT` + operationColumns + `
FROM jangbu_rows.acts
WHERE kind = $1 AND projections = $2 AND campaign = $3 AND ended_at IS NULL`

	readOperation = `
SELECT` + operationColumns + `
FROM jangbu_rows.acts
WHERE id = $1`

	readOperations = `
SELECT` + operationColumns + `
FROM jangbu_rows.acts
ORDER BY id DESC
LIMIT $1`

	countHeals = `
SELECT count(*) FILTER (WHERE state = 'done'),
       count(*) FILTER (WHERE state = 'failed'),
       count(*) FILTER (WHERE wrong),
       coalesce(max(id), 0),
       coalesce(min(id) FILTER (WHERE wrong), 0)
FROM (
    SELECT id, state, ended_at IS NULL OR state = 'failed'
        AND NOT EXISTS (
            SELECT 1
            FROM jangbu_rows.acts AS later
            WHERE later.kind = 'heal' AND later.campaign = heals.campaign AND later.id > heals.id AND later.projections = heals.projections)
        AND NOT EXISTS (
            SELECT 1
            FROM jangbu_rows.acts AS later
            WHERE later.kind = 'reset' AND later.campaign = heals.campaign AND later.id > heals.id AND later.projections = heals.projections
              AND later.state = 'done')
        AND NOT EXISTS (
            SELECT 1
            FROM jangbu_rows.acts AS later
            WHERE later.kind = 'rebuild' AND later.campaign = '' AND later.id > heals.id AND later.projections = heals.projections
              AND later.state = 'done') AS wrong
    FROM jangbu_rows.acts AS heals
    WHERE kind = 'heal'
) AS h`

	nextOperation = `
SELECT` + operationColumns + `
FROM jangbu_rows.acts
WHERE ended_at IS NULL
ORDER BY id
LIMIT 1`

	noteOperation = `
UPDATE jangbu_rows.acts
SET state       = $2,
    owner       = $3,
    at_position = $4,
    to_position = $5,
    error       = $6,
    began_at    = CASE WHEN $2 = 'waiting' THEN began_at ELSE coalesce(began_at, clock_timestamp()) END,
    ended_at    = CASE WHEN $2 IN ('done', 'failed') THEN clock_timestamp() END
WHERE id = $1 AND ended_at IS NULL`

	endOperation = `
UPDATE jangbu_rows.acts
SET state = 'done', at_position = to_position, ended_at = clock_timestamp()
WHERE id = $1 AND ended_at IS NULL`

	rewordOperation = `
UPDATE jangbu_rows.acts
SET campaign = $2, who = $3, why = $4, owner = $5, error = $6, found = $7
WHERE id = $1 AND ended_at IS NOT NULL`

	pause = `
INSERT INTO jangbu_rows.pauses (projection, act)
VALUES ($1, $2)
ON CONFLICT (projection) DO NOTHING`

	resume = `
DELETE FROM jangbu_rows.pauses
WHERE projection = $1`
)

// Ask implements [readmodel.Operations].
func (s *Store) Ask(ctx context.Context, op readmodel.Operation) (readmodel.Operation, error) {
	if err := op.Validate(); err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	found, err := readmodel.EncodeFound(op.Found)
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	var asked readmodel.Operation
	batch := new(pgx.Batch)
	batch.Queue(askOperation, string(op.Kind), op.Projections, string(op.Campaign), op.Who, op.Why, found)
	batch.Queue(readOpenOperation, string(op.Kind), op.Projections, string(op.Campaign)).QueryRow(func(row pgx.Row) (err error) {
		asked, err = scanOperation(row)
		return err
	})
	lock := new(pgx.Batch)
	lock.Queue(lockOperations) // before the others are prepared, which locks too
	err = s.pool.Write(ctx, postgres.Durable, lock, func(ctx context.Context, tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	return asked, nil
}

// Operation implements [readmodel.Operations].
func (s *Store) Operation(ctx context.Context, id int64) (readmodel.Operation, error) {
	op, err := scanOperation(s.pool.QueryRow(ctx, readOperation, id))
	if errors.Is(err, pgx.ErrNoRows) {
		err = readmodel.ErrNoOperation
	}
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("read operation %d: %w", id, away(err))
	}
	return op, nil
}

// Operations implements [readmodel.Operations].
func (s *Store) Operations(ctx context.Context, limit int) ([]readmodel.Operation, error) {
	rows, _ := s.pool.Query(ctx, readOperations, limit) // its error is that of the rows
	ops, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (readmodel.Operation, error) { return scanOperation(row) })
	if err != nil {
		return nil, fmt.Errorf("read operations: %w", err)
	}
	return ops, nil
}

// Heals implements [readmodel.Operations].
func (s *Store) Heals(ctx context.Context) (readmodel.Heals, error) {
	var (
		heals       readmodel.Heals
		last, wrong int64
	)
	err := s.pool.QueryRow(ctx, countHeals).Scan(&heals.Done, &heals.Failed, &heals.Wrong, &last, &wrong)
	if err != nil {
		return readmodel.Heals{}, fmt.Errorf("count heals: %w", err)
	}
	if err := heals.Name(ctx, s, last, wrong); err != nil {
		return readmodel.Heals{}, err
	}
	return heals, nil
}

// Next implements [readmodel.Operations].
func (s *Store) Next(ctx context.Context) (readmodel.Operation, bool, error) {
	op, err := scanOperation(s.pool.QueryRow(ctx, nextOperation))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return readmodel.Operation{}, false, nil
	case err != nil:
		return readmodel.Operation{}, false, fmt.Errorf("read the next operation: %w", err)
	}
	return op, true, nil
}

// Note implements [readmodel.Operations].
func (s *Store) Note(ctx context.Context, lease readmodel.Lease, op readmodel.Operation) error {
	batch := new(pgx.Batch)
	batch.Queue(noteOperation, op.ID, string(op.State), op.Owner, int64(op.At), int64(op.To), op.Error).Exec(one(fmt.Sprintf("operation %d", op.ID)))
	if err := s.underLease(ctx, lease, postgres.Durable, batch); err != nil {
		return fmt.Errorf("note operation: %w", err)
	}
	return nil
}

// Pause implements [readmodel.Operations].
func (s *Store) Pause(ctx context.Context, lease readmodel.Lease, op int64, projections []string, paused bool) error {
	batch := new(pgx.Batch)
	for _, p := range projections {
		if paused {
			batch.Queue(pause, p, op)
		} else {
			batch.Queue(resume, p)
		}
	}
	queueEndOperation(batch, op)
	if err := s.underLease(ctx, lease, postgres.Durable, batch); err != nil {
		return fmt.Errorf("pause projections: %w", err)
	}
	return nil
}

// Reword implements [readmodel.Operations].
func (s *Store) Reword(ctx context.Context, o readmodel.Operation) error {
	found, err := readmodel.EncodeFound(o.Found)
	if err == nil {
		err = s.pool.Write(ctx, postgres.Durable, nil, func(ctx context.Context, tx pgx.Tx) error {
			done, err := tx.Exec(ctx, rewordOperation, o.ID, string(o.Campaign), o.Who, o.Why, o.Owner, o.Error, found)
			if err == nil && done.RowsAffected() != 1 {
				err = readmodel.ErrNoOperation
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("reword operation %d: %w", o.ID, err)
	}
	return nil
}

// underLease runs the batch in one transaction, which holds the lease.
func (s *Store) underLease(ctx context.Context, lease readmodel.Lease, d postgres.Durability, batch *pgx.Batch) error {
	claim := new(pgx.Batch)
	queueHoldLease(claim, lease)
	return s.pool.Write(ctx, d, claim, func(ctx context.Context, tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
}

// queueEndOperation ends the operation, and fences the batch where it has ended already.
func queueEndOperation(batch *pgx.Batch, op int64) {
	batch.Queue(endOperation, op).Exec(one(fmt.Sprintf("operation %d", op)))
}

// one returns a check that a statement has changed one row; otherwise it returns ErrFenced.
func one(what string) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("%s: %w", what, readmodel.ErrFenced)
		}
		return nil
	}
}

// scanOperation reads a row of operationColumns.
func scanOperation(row pgx.Row) (readmodel.Operation, error) {
	var (
		op             readmodel.Operation
		began, endedAt pgtype.Timestamptz
		found          string
	)
	err := row.Scan(&op.ID, (*string)(&op.Kind), &op.Projections, (*string)(&op.Campaign), &op.Who, &op.Why, (*string)(&op.State),
		&op.AskedAt, &began, &endedAt, &op.Owner, (*int64)(&op.At), (*int64)(&op.To), &op.Error, &op.Lease, &found)
	if err != nil {
		return readmodel.Operation{}, err
	}
	op.AskedAt, op.BeganAt, op.EndedAt = op.AskedAt.UTC(), timeOf(began), timeOf(endedAt)
	op.Found, err = readmodel.DecodeFound(found)
	return op, err
}
