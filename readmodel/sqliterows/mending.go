package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	pause = `
INSERT INTO pauses (projection, act)
VALUES (?1, ?2)
ON CONFLICT (projection) DO NOTHING`

	resume = `
DELETE FROM pauses
WHERE projection = ?1`
)

// Replace implements [readmodel.Store].
func (s *Store) Replace(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, err := readmodel.GenerationsOfReplace(at, c, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	revision, err := s.edit(ctx, lease, op, at, func(tx *sql.Tx) error {
		if err := lockAllServed(ctx, tx, at); err != nil {
			return err
		}
		for _, t := range s.tables {
			if generation, ok := of[t.Name]; ok {
				if _, err := tx.ExecContext(ctx, t.clear, int64(generation), string(c)); err != nil {
					return err
				}
			}
		}
		return s.replace(ctx, tx, of, rows)
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	return revision, nil
}

// Pause implements [readmodel.Store].
func (s *Store) Pause(ctx context.Context, lease readmodel.Lease, op int64, projections []string, paused bool) error {
	err := s.held(ctx, lease, func(tx *sql.Tx) error {
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
