package pgrows

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/postgres"
	"jangbu/readmodel"
)

const (
	// abandon makes a generation without rows the active one.
	abandon = `
WITH begun AS (
    INSERT INTO jangbu_rows.generations (projection, generation, version, position)
    SELECT projection, max(generation) + 1, 0, 0
    FROM jangbu_rows.generations
    WHERE projection = ANY ($1)
    GROUP BY projection
    RETURNING projection, generation
)
UPDATE jangbu_rows.projections AS p
SET active_generation = begun.generation
FROM begun
WHERE p.projection = begun.projection`

	dropStandbys = `
DELETE FROM jangbu_rows.standbys
WHERE projection = ANY ($1)`

	resumeAll = `
DELETE FROM jangbu_rows.pauses
WHERE projection = ANY ($1)`

	// renew locks the row of the store, as lockRevision does.
	renew = `
UPDATE jangbu_rows.store
SET incarnation = greatest(incarnation + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
WHERE id = 1`

	readRebuilding = `
SELECT EXISTS (
    SELECT
    FROM jangbu_rows.projections AS p
    JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
    WHERE g.version = 0
)`
)

// Abandon implements [readmodel.Generations].
func (s *Store) Abandon(ctx context.Context, lease readmodel.Lease, projections []string) (readmodel.Revision, error) {
	batch := new(pgx.Batch)
	names := slices.Sorted(slices.Values(projections))
	for _, statement := range []string{dropStandbys, resumeAll, abandon} {
		batch.Queue(statement, names)
	}
	revision, err := s.renew(ctx, lease, batch)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("abandon rows: %w", err)
	}
	return revision, nil
}

// Renew implements [readmodel.Generations].
func (s *Store) Renew(ctx context.Context, lease readmodel.Lease) (readmodel.Revision, error) {
	revision, err := s.renew(ctx, lease, new(pgx.Batch))
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("renew rows: %w", err)
	}
	return revision, nil
}

// renew runs the batch under the lease and gives the rows a new incarnation.
func (s *Store) renew(ctx context.Context, lease readmodel.Lease, batch *pgx.Batch) (revision readmodel.Revision, err error) {
	batch.Queue(renew)
	queueRevision(batch, &revision)
	err = s.underLease(ctx, lease, postgres.Durable, batch)
	return revision, err
}

// served returns what read queues, all of one snapshot. Where that is nothing it reads again,
// to tell what is not there from what is being rebuilt: abandoned generations have no rows.
func (s *Store) served(ctx context.Context, found func() bool, read func(*pgx.Batch)) error {
	batch := new(pgx.Batch)
	batch.Queue(beginSnapshot)
	read(batch)
	batch.Queue(endSnapshot)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil || found() {
		return away(err)
	}
	again, rebuilding := new(pgx.Batch), false
	again.Queue(beginSnapshot)
	again.Queue(readRebuilding).QueryRow(func(row pgx.Row) error { return row.Scan(&rebuilding) })
	read(again)
	again.Queue(endSnapshot)
	if err := s.pool.SendBatch(ctx, again).Close(); err != nil {
		return away(err)
	}
	if rebuilding {
		return readmodel.ErrRebuilding
	}
	return nil
}

// away adds [events.ErrAway] to an error where the database is.
func away(err error) error {
	if postgres.Away(err) {
		return fmt.Errorf("%w: %w", events.ErrAway, err)
	}
	return err
}

// checkpointFields returns what the columns of a checkpoint are scanned into.
func checkpointFields(c *readmodel.Checkpoint) []any {
	return []any{&c.Projection, &c.Version, &c.Generation, &c.Position, &c.Link}
}
