package sqliterows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jangbu/events/sqlite"
	"jangbu/readmodel"
)

const (
	operationColumns = `
id, kind, projections, campaign, who, why, state, asked_at, began_at, ended_at, owner, at_position, to_position, error, lease, found`

	askOperation = `
INSERT INTO acts (kind, projections, campaign, who, why, found, asked_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (kind, projections, campaign) WHERE ended_at IS NULL DO NOTHING`

	readOpenOperation = `
SELECT` + operationColumns + `
FROM acts
WHERE kind = ?1 AND projections = ?2 AND campaign = ?3 AND ended_at IS NULL`

	readOperation = `
SELECT` + operationColumns + `
FROM acts
WHERE id = ?1`

	readOperations = `
SELECT` + operationColumns + `
FROM acts
ORDER BY id DESC
LIMIT ?1`

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
            FROM acts AS later
            WHERE later.kind = 'heal' AND later.campaign = heals.campaign AND later.id > heals.id AND later.projections = heals.projections)
        AND NOT EXISTS (
            SELECT 1
            FROM acts AS later
            WHERE later.kind = 'reset' AND later.campaign = heals.campaign AND later.id > heals.id AND later.projections = heals.projections
              AND later.state = 'done')
        AND NOT EXISTS (
            SELECT 1
            FROM acts AS later
            WHERE later.kind = 'rebuild' AND later.campaign = '' AND later.id > heals.id AND later.projections = heals.projections
              AND later.state = 'done') AS wrong
    FROM acts AS heals
    WHERE kind = 'heal'
) AS h`

	// Without INDEXED BY, SQLite would read all operations that have ended.
	nextOperation = `
SELECT` + operationColumns + `
FROM acts INDEXED BY acts_open
WHERE ended_at IS NULL
ORDER BY id
LIMIT 1`

	noteOperation = `
UPDATE acts
SET state       = ?2,
    owner       = ?3,
    at_position = ?4,
    to_position = ?5,
    error       = ?6,
    began_at    = CASE WHEN ?2 = 'waiting' THEN began_at ELSE coalesce(began_at, ?7) END,
    ended_at    = CASE WHEN ?2 IN ('done', 'failed') THEN ?7 END
WHERE id = ?1 AND ended_at IS NULL`

	endOperation = `
UPDATE acts
SET state = 'done', at_position = to_position, ended_at = ?2
WHERE id = ?1 AND ended_at IS NULL`

	rewordOperation = `
UPDATE acts
SET campaign = ?2, who = ?3, why = ?4, owner = ?5, error = ?6, found = ?7
WHERE id = ?1 AND ended_at IS NOT NULL`

	pause = `
INSERT INTO pauses (projection, act)
VALUES (?1, ?2)
ON CONFLICT (projection) DO NOTHING`

	resume = `
DELETE FROM pauses
WHERE projection = ?1`
)

// Ask implements [readmodel.Operations].
func (s *Store) Ask(ctx context.Context, op readmodel.Operation) (readmodel.Operation, error) {
	if err := op.Validate(); err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	names, err := json.Marshal(op.Projections)
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	found, err := readmodel.EncodeFound(op.Found)
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	var asked readmodel.Operation
	err = s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, askOperation, string(op.Kind), string(names), string(op.Campaign), op.Who, op.Why, found, time.Now().UnixMicro())
		if err != nil {
			return err
		}
		asked, err = scanOperation(tx.QueryRowContext(ctx, readOpenOperation, string(op.Kind), string(names), string(op.Campaign)))
		return err
	})
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("ask for an operation: %w", err)
	}
	return asked, nil
}

// Operation implements [readmodel.Operations].
func (s *Store) Operation(ctx context.Context, id int64) (readmodel.Operation, error) {
	op, err := scanOperation(s.reader.QueryRowContext(ctx, readOperation, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = readmodel.ErrNoOperation
	}
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("read operation %d: %w", id, sqlite.Away(err))
	}
	return op, nil
}

// Operations implements [readmodel.Operations].
func (s *Store) Operations(ctx context.Context, limit int) (ops []readmodel.Operation, err error) {
	err = forEach(ctx, s.reads[readOperations], func(rows *sql.Rows) error {
		op, err := scanOperation(rows)
		ops = append(ops, op)
		return err
	}, limit)
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
	err := s.reads[countHeals].QueryRowContext(ctx).Scan(&heals.Done, &heals.Failed, &heals.Wrong, &last, &wrong)
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
	op, err := scanOperation(s.reads[nextOperation].QueryRowContext(ctx))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return readmodel.Operation{}, false, nil
	case err != nil:
		return readmodel.Operation{}, false, fmt.Errorf("read the next operation: %w", err)
	}
	return op, true, nil
}

// Note implements [readmodel.Operations].
func (s *Store) Note(ctx context.Context, lease readmodel.Lease, op readmodel.Operation) error {
	err := s.underLease(ctx, lease, func(tx *sql.Tx) error {
		return one(ctx, tx, fmt.Sprintf("operation %d", op.ID), noteOperation,
			op.ID, string(op.State), op.Owner, int64(op.At), int64(op.To), op.Error, time.Now().UnixMicro())
	})
	if err != nil {
		return fmt.Errorf("note operation: %w", err)
	}
	return nil
}

// Pause implements [readmodel.Operations].
func (s *Store) Pause(ctx context.Context, lease readmodel.Lease, op int64, projections []string, paused bool) error {
	err := s.underLease(ctx, lease, func(tx *sql.Tx) error {
		for _, p := range projections {
			statement, args := resume, []any{p}
			if paused {
				statement, args = pause, []any{p, op}
			}
			if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
				return err
			}
		}
		return end(ctx, tx, op)
	})
	if err != nil {
		return fmt.Errorf("pause projections: %w", err)
	}
	return nil
}

// Reword implements [readmodel.Operations].
func (s *Store) Reword(ctx context.Context, o readmodel.Operation) error {
	found, err := readmodel.EncodeFound(o.Found)
	if err == nil {
		err = s.write(ctx, func(tx *sql.Tx) error {
			err := one(ctx, tx, "operation", rewordOperation, o.ID, string(o.Campaign), o.Who, o.Why, o.Owner, o.Error, found)
			if errors.Is(err, readmodel.ErrFenced) {
				return readmodel.ErrNoOperation
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("reword operation %d: %w", o.ID, err)
	}
	return nil
}

// underLease runs do in a transaction, which holds the lease.
func (s *Store) underLease(ctx context.Context, lease readmodel.Lease, do func(*sql.Tx) error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.checkLease(ctx, tx, lease); err != nil {
			return err
		}
		return do(tx)
	})
}

// end ends the operation. It returns ErrFenced where the operation has ended already.
func end(ctx context.Context, tx *sql.Tx, op int64) error {
	return one(ctx, tx, fmt.Sprintf("operation %d", op), endOperation, op, time.Now().UnixMicro())
}

// one returns ErrFenced unless the statement changes one row.
func one(ctx context.Context, tx *sql.Tx, what, statement string, args ...any) error {
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("%s: %w", what, readmodel.ErrFenced)
	}
	return nil
}

// scanOperation reads a row of operationColumns.
func scanOperation(row interface{ Scan(dest ...any) error }) (readmodel.Operation, error) {
	var (
		op           readmodel.Operation
		names        []byte
		asked        int64
		began, ended sql.NullInt64
		found        string
	)
	err := row.Scan(&op.ID, (*string)(&op.Kind), &names, (*string)(&op.Campaign), &op.Who, &op.Why, (*string)(&op.State),
		&asked, &began, &ended, &op.Owner, (*int64)(&op.At), (*int64)(&op.To), &op.Error, &op.Lease, &found)
	if err != nil {
		return readmodel.Operation{}, err
	}
	op.AskedAt, op.BeganAt, op.EndedAt = time.UnixMicro(asked).UTC(), timeOf(began), timeOf(ended)
	if op.Found, err = readmodel.DecodeFound(found); err != nil {
		return readmodel.Operation{}, err
	}
	return op, json.Unmarshal(names, &op.Projections)
}
