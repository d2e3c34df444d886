package pgrows

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"jangbu/events/postgres"
	"jangbu/readmodel"
)

const (
	addProjection = `
INSERT INTO jangbu_rows.projections (projection, active_generation)
VALUES ($1, 1)
ON CONFLICT (projection) DO NOTHING`

	addGeneration = `
INSERT INTO jangbu_rows.generations (projection, generation, version, position)
SELECT projection, active_generation, $2, 0
FROM jangbu_rows.projections
WHERE projection = $1
ON CONFLICT (projection, generation) DO NOTHING`

	activeCheckpoint = `
SELECT g.projection, g.version, g.generation, g.position, g.link
FROM jangbu_rows.projections AS p
JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
WHERE p.projection = $1`
)

// Register implements [readmodel.Store].
func (s *Store) Register(ctx context.Context, projections []readmodel.Checkpoint) ([]readmodel.Checkpoint, error) {
	batch := new(pgx.Batch)
	// Every process locks in this order; otherwise two could wait for each other.
	byName := slices.SortedFunc(slices.Values(projections), func(a, b readmodel.Checkpoint) int {
		return cmp.Compare(a.Projection, b.Projection)
	})
	for _, p := range byName {
		batch.Queue(addProjection, p.Projection)
		batch.Queue(addGeneration, p.Projection, p.Version)
	}
	active := make([]readmodel.Checkpoint, len(projections))
	for i, p := range projections {
		batch.Queue(activeCheckpoint, p.Projection).QueryRow(func(row pgx.Row) error {
			at := &active[i]
			if err := row.Scan(checkpointFields(at)...); err != nil {
				return err
			}
			if at.Version > p.Version {
				return fmt.Errorf("%s: rows are of version %d, the projection is of version %d: %w",
					p.Projection, at.Version, p.Version, readmodel.ErrVersion)
			}
			return nil
		})
	}
	err := s.pool.Write(ctx, postgres.Durable, nil, func(ctx context.Context, tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("register projections: %w", err)
	}
	return active, nil
}
