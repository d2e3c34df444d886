package pgrows

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/postgres"
	"jangbu/readmodel"
)

const (
	listGenerations = `
SELECT g.projection, g.version, g.generation, g.position, g.link,
    p.active_generation IS NOT DISTINCT FROM g.generation,
    s.generation IS NOT DISTINCT FROM g.generation,
    p.active_generation IS NOT DISTINCT FROM g.generation AND w.act IS NOT NULL,
    g.kept
FROM jangbu_rows.generations AS g
LEFT JOIN jangbu_rows.projections AS p ON p.projection = g.projection
LEFT JOIN jangbu_rows.standbys AS s ON s.projection = g.projection
LEFT JOIN jangbu_rows.pauses AS w ON w.projection = g.projection
ORDER BY g.projection, g.generation`

	beginGeneration = `
INSERT INTO jangbu_rows.generations (projection, generation, version, position, kept)
SELECT $1, {next}, $2, 0, $3
WHERE EXISTS (SELECT FROM jangbu_rows.generations WHERE projection = $1)
RETURNING generation`

	// lockCheckpoint excludes commits to the generation until the transaction ends.
	// shareCheckpoint does too, and lets transactions that fill other tables run beside.
	lockCheckpoint = `
SELECT position
FROM jangbu_rows.generations
WHERE projection = $1 AND generation = $2 AND version = $3 AND position = $4 AND link = $5
FOR UPDATE`

	shareCheckpoint = `
SELECT position
FROM jangbu_rows.generations
WHERE projection = $1 AND generation = $2 AND version = $3 AND position = $4 AND link = $5
FOR SHARE`

	// lockServed and lockUnserved exclude the activation of a generation.
	lockServed = `
SELECT active_generation
FROM jangbu_rows.projections
WHERE projection = $1 AND active_generation = $2
FOR SHARE`

	lockUnserved = `
SELECT active_generation
FROM jangbu_rows.projections
WHERE projection = $1 AND active_generation <> $2
FOR SHARE`

	// keepStandby keeps no generation that Abandon made.
	keepStandby = `
INSERT INTO jangbu_rows.standbys (projection, generation)
SELECT projection, active_generation
FROM jangbu_rows.projections
JOIN jangbu_rows.generations USING (projection)
WHERE projection = $1 AND active_generation <> $2 AND generation = active_generation AND version > 0
ON CONFLICT (projection) DO UPDATE
SET generation = EXCLUDED.generation`

	activate = `
UPDATE jangbu_rows.projections
SET active_generation = $2
WHERE projection = $1 AND active_generation <> $2`

	// countEdit locks the row of the store, as lockRevision does.
	countEdit = `
UPDATE jangbu_rows.store
SET edits = edits + 1
WHERE id = 1`
)

// List implements [readmodel.Generations].
func (s *Store) List(ctx context.Context) ([]readmodel.GenerationState, error) {
	rows, _ := s.pool.Query(ctx, listGenerations) // its error is that of the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (g readmodel.GenerationState, err error) {
		var kept int64
		err = row.Scan(append(checkpointFields(&g.Checkpoint), &g.Active, &g.Standby, &g.Paused, &kept)...)
		g.Kept = kept != 0 && kept == s.description(g.Projection)
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("list generations: %w", err)
	}
	return all, nil
}

// Begin implements [readmodel.Generations].
func (s *Store) Begin(ctx context.Context, lease readmodel.Lease, projections []readmodel.Checkpoint) ([]readmodel.Checkpoint, error) {
	begun := slices.Clone(projections)
	batch := new(pgx.Batch)
	for i := range begun {
		at := &begun[i]
		at.Position, at.Link = 0, events.Link{}
		batch.Queue(s.registering(beginGeneration, at.Projection), at.Projection, at.Version, s.description(at.Projection)).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&at.Generation)
			if errors.Is(err, pgx.ErrNoRows) {
				return fmt.Errorf("%s is not registered", at.Projection)
			}
			return err
		})
	}
	if err := s.underLease(ctx, lease, postgres.Durable, batch); err != nil {
		return nil, fmt.Errorf("begin generations: %w", err)
	}
	return begun, nil
}

// Activate implements [readmodel.Generations].
func (s *Store) Activate(ctx context.Context, lease readmodel.Lease, op int64, generations []readmodel.Checkpoint) (readmodel.Revision, error) {
	batch := new(pgx.Batch)
	queueLockCheckpoints(batch, lockCheckpoint, generations)
	for _, at := range generations {
		batch.Queue(keepStandby, at.Projection, int32(at.Generation))
		batch.Queue(activate, at.Projection, int32(at.Generation)).Exec(one(at.Projection + " serves it already"))
	}
	revision, err := s.edit(ctx, lease, op, batch)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("activate generations: %w", err)
	}
	return revision, nil
}

// edit runs the batch under the lease, in a transaction that also ends the operation and
// counts one edit. It returns the revision that it makes.
func (s *Store) edit(ctx context.Context, lease readmodel.Lease, op int64, batch *pgx.Batch) (readmodel.Revision, error) {
	var revision readmodel.Revision
	queueEndOperation(batch, op)
	batch.Queue(countEdit)
	queueRevision(batch, &revision)
	err := s.underLease(ctx, lease, postgres.Durable, batch)
	return revision, err
}

// queueLockCheckpoints locks the generations with the statement, and fences the batch unless
// their checkpoints are as given.
func queueLockCheckpoints(batch *pgx.Batch, lock string, at []readmodel.Checkpoint) {
	// Every process locks in this order; otherwise two could wait for each other.
	inOrder := slices.SortedFunc(slices.Values(at), func(a, b readmodel.Checkpoint) int {
		return cmp.Or(cmp.Compare(a.Projection, b.Projection), cmp.Compare(a.Generation, b.Generation))
	})
	for _, c := range inOrder {
		batch.Queue(lock, c.Projection, int32(c.Generation), c.Version, int64(c.Position), c.Link[:]).Exec(
			one(fmt.Sprintf("%s, generation %d, position %d", c.Projection, c.Generation, c.Position)))
	}
}

// queueLockServing fences the batch unless the lock, lockServed or lockUnserved, finds
// each generation; otherwise is what the generation is where it does not.
func queueLockServing(batch *pgx.Batch, lock, otherwise string, at []readmodel.Checkpoint) {
	for _, c := range at {
		batch.Queue(lock, c.Projection, int32(c.Generation)).Exec(one(fmt.Sprintf("%s, generation %d, is %s", c.Projection, c.Generation, otherwise)))
	}
}
