package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"jangbu/readmodel"
)

const (
	// nextGeneration is above every generation of a projection, and above the one that
	// lastRows of its table, or snapshots, carry, which may have lost its entry.
	nextGeneration = `1 + max((SELECT coalesce(max(generation), 0) FROM generations WHERE projection = ?1),
    (SELECT coalesce(max(generation), 0) FROM snapshots WHERE projection = ?1), {last})`
	lastRows = `(SELECT coalesce(max(generation), 0) FROM {table})`

	addProjection = `
INSERT INTO projections (projection, active_generation)
SELECT ?1, {next}
WHERE NOT EXISTS (SELECT * FROM projections WHERE projection = ?1)
ON CONFLICT (projection) DO NOTHING`

	// repairProjection makes another generation the active one where its entry is lost.
	repairProjection = `
UPDATE projections
SET active_generation = {next}
WHERE projection = ?1
  AND NOT EXISTS (SELECT * FROM generations AS g WHERE g.projection = ?1 AND g.generation = active_generation)`

	// addGeneration gives a projection that is new its first generation. Where there was
	// another, whose entry is lost, its rows are abandoned.
	addGeneration = `
INSERT INTO generations (projection, generation, version, position, kept)
SELECT projection, active_generation, CASE active_generation WHEN 1 THEN ?2 ELSE 0 END, 0, ?3
FROM projections
WHERE projection = ?1
ON CONFLICT (projection, generation) DO NOTHING`

	activeCheckpoint = `
SELECT g.projection, g.version, g.generation, g.position, g.link
FROM projections AS p
JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
WHERE p.projection = ?1`
)

// registering returns a statement for the projection, with the number of its next generation.
func (s *Store) registering(statement, projection string) string {
	last := "0"
	if t := s.named(projection); t != nil {
		last = t.statement(lastRows)
	}
	return strings.ReplaceAll(statement, "{next}", strings.ReplaceAll(nextGeneration, "{last}", last))
}

// Register implements [readmodel.Store].
func (s *Store) Register(ctx context.Context, projections []readmodel.Checkpoint) ([]readmodel.Checkpoint, error) {
	active := make([]readmodel.Checkpoint, len(projections))
	err := s.write(ctx, func(tx *sql.Tx) error {
		for i, p := range projections {
			if err := s.register(ctx, tx, p, &active[i]); err != nil {
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

func (s *Store) register(ctx context.Context, tx *sql.Tx, p readmodel.Checkpoint, at *readmodel.Checkpoint) error {
	for _, statement := range []string{addProjection, repairProjection} {
		if _, err := tx.ExecContext(ctx, s.registering(statement, p.Projection), p.Projection); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, addGeneration, p.Projection, p.Version, s.description(p.Projection)); err != nil {
		return err
	}
	err := tx.QueryRowContext(ctx, activeCheckpoint, p.Projection).
		Scan(checkpointFields(at)...)
	if err != nil {
		return err
	}
	if at.Version > p.Version {
		return fmt.Errorf("rows are of version %d, the projection is of version %d: %w: run the program that built them, or remove the file of the rows, which serve makes anew", at.Version, p.Version, readmodel.ErrVersion)
	}
	return nil
}
