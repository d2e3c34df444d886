package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/readmodel"
)

const (
	addProjection = `
INSERT INTO projections (projection, active_generation)
VALUES (?1, 1)
ON CONFLICT (projection) DO NOTHING`

	addGeneration = `
INSERT INTO generations (projection, generation, version, position)
SELECT projection, active_generation, ?2, 0
FROM projections
WHERE projection = ?1
ON CONFLICT (projection, generation) DO NOTHING`

	activeCheckpoint = `
SELECT g.projection, g.version, g.generation, g.position, g.link
FROM projections AS p
JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
WHERE p.projection = ?1`
)

// Register implements [readmodel.Store].
func (s *Store) Register(ctx context.Context, projections []readmodel.Checkpoint) ([]readmodel.Checkpoint, error) {
	active := make([]readmodel.Checkpoint, len(projections))
	err := s.write(ctx, func(tx *sql.Tx) error {
		for i, p := range projections {
			if err := register(ctx, tx, p, &active[i]); err != nil {
				return fmt.Errorf("%s: %w", p.Projection, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("register projections: %w", err)
	}
	return active, nil
}

func register(ctx context.Context, tx *sql.Tx, p readmodel.Checkpoint, at *readmodel.Checkpoint) error {
	if _, err := tx.ExecContext(ctx, addProjection, p.Projection); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, addGeneration, p.Projection, p.Version); err != nil {
		return err
	}
	err := tx.QueryRowContext(ctx, activeCheckpoint, p.Projection).
		Scan(checkpointFields(at)...)
	if err != nil {
		return err
	}
	if at.Version > p.Version {
		return fmt.Errorf("rows are of version %d, the projection is of version %d: %w", at.Version, p.Version, readmodel.ErrVersion)
	}
	return nil
}
