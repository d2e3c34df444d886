package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	pause = `
INSERT INTO jangbu_rows.pauses (projection, act)
VALUES ($1, $2)
ON CONFLICT (projection) DO NOTHING`

	resume = `
DELETE FROM jangbu_rows.pauses
WHERE projection = $1`
)

// Replace implements [readmodel.Store].
func (s *Store) Replace(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, err := readmodel.GenerationsOfReplace(at, c, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	batch := new(pgx.Batch)
	queueLockCheckpoints(batch, lockCheckpoint, at)
	queueLockServed(batch, at)
	for _, t := range s.tables {
		if generation, ok := of[t.Name]; ok {
			batch.Queue(t.clear, int32(generation), string(c))
		}
	}
	if err := s.queueUpserts(batch, of, rows); err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	revision, err := s.edit(ctx, lease, op, batch)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	return revision, nil
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
	if err := s.held(ctx, lease, batch); err != nil {
		return fmt.Errorf("pause projections: %w", err)
	}
	return nil
}
