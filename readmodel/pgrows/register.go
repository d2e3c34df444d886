package pgrows

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"jangbu/events/postgres"
	"jangbu/readmodel"
)

const (
	// nextGeneration is above every generation of a projection, and above the one that
	// lastRows of its table, or snapshots, carry, which may have lost its entry.
	nextGeneration = `1 + greatest((SELECT coalesce(max(generation), 0) FROM jangbu_rows.generations WHERE projection = $1),
    (SELECT coalesce(max(generation), 0) FROM jangbu_rows.snapshots WHERE projection = $1), {last})`
	lastRows = `(SELECT coalesce(max(generation), 0) FROM jangbu_rows.{table})`

	addProjection = `
INSERT INTO jangbu_rows.projections (projection, active_generation)
SELECT $1, {next}
WHERE NOT EXISTS (SELECT * FROM jangbu_rows.projections WHERE projection = $1)
ON CONFLICT (projection) DO NOTHING`

	// repairProjection makes another generation the active one where its entry is lost.
	repairProjection = `
UPDATE jangbu_rows.projections
SET active_generation = {next}
WHERE projection = $1
  AND NOT EXISTS (SELECT * FROM jangbu_rows.generations AS g WHERE g.projection = $1 AND g.generation = active_generation)`

	// addGeneration gives a projection that is new its first generation. Where there was
	// another, whose entry is lost, its rows are abandoned.
	addGeneration = `
INSERT INTO jangbu_rows.generations (projection, generation, version, position, kept)
SELECT projection, active_generation, CASE active_generation WHEN 1 THEN $2::integer ELSE 0 END, 0, $3
FROM jangbu_rows.projections
WHERE projection = $1
ON CONFLICT (projection, generation) DO NOTHING`

	activeCheckpoint = `
SELECT g.projection, g.version, g.generation, g.position, g.link
FROM jangbu_rows.projections AS p
JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
WHERE p.projection = $1`
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
	batch := new(pgx.Batch)
	// Every process locks in this order; otherwise two could wait for each other.
	byName := slices.SortedFunc(slices.Values(projections), func(a, b readmodel.Checkpoint) int {
		return cmp.Compare(a.Projection, b.Projection)
	})
	for _, p := range byName {
		batch.Queue(s.registering(addProjection, p.Projection), p.Projection)
		batch.Queue(s.registering(repairProjection, p.Projection), p.Projection)
		batch.Queue(addGeneration, p.Projection, p.Version, s.description(p.Projection))
	}
	active := make([]readmodel.Checkpoint, len(projections))
	for i, p := range projections {
		batch.Queue(activeCheckpoint, p.Projection).QueryRow(func(row pgx.Row) error {
			at := &active[i]
			if err := row.Scan(checkpointFields(at)...); err != nil {
				return err
			}
			if at.Version > p.Version {
				return fmt.Errorf("%s: rows are of version %d, the projection is of version %d: %w: run the program that built them, or drop schema jangbu_rows, which serve makes anew",
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
