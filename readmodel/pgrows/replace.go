package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

// Replace implements [readmodel.Store].
func (s *Store) Replace(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, err := readmodel.GenerationsOfReplace(at, c, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	batch := new(pgx.Batch)
	queueLockCheckpoints(batch, lockCheckpoint, at)
	queueLockServing(batch, lockServed, "not served", at)
	s.queueClears(batch, of, c)
	if err := s.queueUpserts(batch, of, rows); err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	s.queueSnapshots(batch, of, rows.Snapshots())
	revision, err := s.edit(ctx, lease, op, batch)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	return revision, nil
}
