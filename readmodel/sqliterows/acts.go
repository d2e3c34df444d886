package sqliterows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jangbu/readmodel"
)

const (
	actColumns = `
id, kind, projections, campaign, who, why, state, asked_at, began_at, ended_at, owner, at_position, to_position, error`

	askAct = `
INSERT INTO acts (kind, projections, campaign, who, why, asked_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (kind, projections, campaign) WHERE ended_at IS NULL DO NOTHING`

	readOpenAct = `
SELECT` + actColumns + `
FROM acts
WHERE kind = ?1 AND projections = ?2 AND campaign = ?3 AND ended_at IS NULL`

	readAct = `
SELECT` + actColumns + `
FROM acts
WHERE id = ?1`

	readActs = `
SELECT` + actColumns + `
FROM acts
ORDER BY id DESC
LIMIT ?1`

	// By itself SQLite would go through all that ended.
	nextAct = `
SELECT` + actColumns + `
FROM acts INDEXED BY acts_open
WHERE ended_at IS NULL
ORDER BY id
LIMIT 1`

	noteAct = `
UPDATE acts
SET state       = ?2,
    owner       = ?3,
    at_position = ?4,
    to_position = ?5,
    error       = ?6,
    began_at    = CASE WHEN ?2 = 'waiting' THEN began_at ELSE coalesce(began_at, ?7) END,
    ended_at    = CASE WHEN ?2 IN ('done', 'failed') THEN ?7 END
WHERE id = ?1 AND ended_at IS NULL`

	endAct = `
UPDATE acts
SET state = 'done', at_position = to_position, ended_at = ?2
WHERE id = ?1 AND ended_at IS NULL`
)

// Ask implements [readmodel.Acts].
func (s *Store) Ask(ctx context.Context, a readmodel.Act) (readmodel.Act, error) {
	if err := a.Validate(); err != nil {
		return readmodel.Act{}, fmt.Errorf("ask for an act: %w", err)
	}
	names, err := json.Marshal(a.Projections)
	if err != nil {
		return readmodel.Act{}, fmt.Errorf("ask for an act: %w", err)
	}
	var asked readmodel.Act
	err = s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, askAct, string(a.Kind), string(names), string(a.Campaign), a.Who, a.Why, time.Now().UnixMicro())
		if err != nil {
			return err
		}
		asked, err = scanAct(tx.QueryRowContext(ctx, readOpenAct, string(a.Kind), string(names), string(a.Campaign)))
		return err
	})
	if err != nil {
		return readmodel.Act{}, fmt.Errorf("ask for an act: %w", err)
	}
	return asked, nil
}

// Act implements [readmodel.Acts].
func (s *Store) Act(ctx context.Context, id int64) (readmodel.Act, error) {
	a, err := scanAct(s.reader.QueryRowContext(ctx, readAct, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = readmodel.ErrNoAct
	}
	if err != nil {
		return readmodel.Act{}, fmt.Errorf("read act %d: %w", id, err)
	}
	return a, nil
}

// Acts implements [readmodel.Acts].
func (s *Store) Acts(ctx context.Context, limit int) (acts []readmodel.Act, err error) {
	rows, err := s.reader.QueryContext(ctx, readActs, limit)
	if err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		a, err := scanAct(rows)
		if err != nil {
			return nil, fmt.Errorf("read acts: %w", err)
		}
		acts = append(acts, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	}
	return acts, nil
}

// Next implements [readmodel.Acts].
func (s *Store) Next(ctx context.Context) (readmodel.Act, bool, error) {
	a, err := scanAct(s.reads[nextAct].QueryRowContext(ctx))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return readmodel.Act{}, false, nil
	case err != nil:
		return readmodel.Act{}, false, fmt.Errorf("read the next act: %w", err)
	}
	return a, true, nil
}

// Note implements [readmodel.Acts].
func (s *Store) Note(ctx context.Context, lease readmodel.Lease, a readmodel.Act) error {
	err := s.held(ctx, lease, func(tx *sql.Tx) error {
		return one(ctx, tx, fmt.Sprintf("act %d", a.ID), noteAct,
			a.ID, string(a.State), a.Owner, int64(a.At), int64(a.To), a.Error, time.Now().UnixMicro())
	})
	if err != nil {
		return fmt.Errorf("note act: %w", err)
	}
	return nil
}

// held runs do in a transaction that holds the lease.
func (s *Store) held(ctx context.Context, lease readmodel.Lease, do func(*sql.Tx) error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.hold(ctx, tx, lease); err != nil {
			return err
		}
		return do(tx)
	})
}

// end ends the act that changes what is served.
func end(ctx context.Context, tx *sql.Tx, act int64) error {
	return one(ctx, tx, fmt.Sprintf("act %d", act), endAct, act, time.Now().UnixMicro())
}

// one demands that a statement changes one row.
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

// scanAct reads a row of actColumns.
func scanAct(row interface{ Scan(dest ...any) error }) (readmodel.Act, error) {
	var (
		a            readmodel.Act
		names        []byte
		asked        int64
		began, ended sql.NullInt64
	)
	err := row.Scan(&a.ID, (*string)(&a.Kind), &names, (*string)(&a.Campaign), &a.Who, &a.Why, (*string)(&a.State),
		&asked, &began, &ended, &a.Owner, (*int64)(&a.At), (*int64)(&a.To), &a.Error)
	if err != nil {
		return readmodel.Act{}, err
	}
	a.AskedAt, a.BeganAt, a.EndedAt = time.UnixMicro(asked).UTC(), timeOf(began), timeOf(ended)
	return a, json.Unmarshal(names, &a.Projections)
}
