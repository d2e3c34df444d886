package sqliterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	listGenerations = `
SELECT g.projection, g.version, g.generation, g.position, g.link,
    p.active_generation IS g.generation,
    s.generation IS g.generation,
    p.active_generation IS g.generation AND w.act IS NOT NULL,
    g.kept
FROM generations AS g
LEFT JOIN projections AS p ON p.projection = g.projection
LEFT JOIN standbys AS s ON s.projection = g.projection
LEFT JOIN pauses AS w ON w.projection = g.projection
ORDER BY g.projection, g.generation`

	beginGeneration = `
INSERT INTO generations (projection, generation, version, position, kept)
SELECT ?1, {next}, ?2, 0, ?3
WHERE EXISTS (SELECT * FROM generations WHERE projection = ?1)
RETURNING generation`

	countCheckpoint = `
SELECT count(*)
FROM generations
WHERE projection = ?1 AND generation = ?2 AND version = ?3 AND position = ?4 AND link = ?5`

	countServed = `
SELECT count(*)
FROM projections
WHERE projection = ?1 AND active_generation = ?2`

	countUnserved = `
SELECT count(*)
FROM projections
WHERE projection = ?1 AND active_generation <> ?2`

	// keepStandby keeps no generation that Abandon made.
	keepStandby = `
INSERT INTO standbys (projection, generation)
SELECT projection, active_generation
FROM projections
JOIN generations USING (projection)
WHERE projection = ?1 AND active_generation <> ?2 AND generation = active_generation AND version > 0
ON CONFLICT (projection) DO UPDATE
SET generation = excluded.generation`

	activate = `
UPDATE projections
SET active_generation = ?2
WHERE projection = ?1 AND active_generation <> ?2`

	countEdit = `
UPDATE store
SET edits = edits + 1
WHERE id = 1`
)

// List implements [readmodel.Generations].
func (s *Store) List(ctx context.Context) ([]readmodel.GenerationState, error) {
	var all []readmodel.GenerationState
	err := forEach(ctx, s.reads[listGenerations], func(rows *sql.Rows) error {
		var g readmodel.GenerationState
		var kept int64
		err := rows.Scan(append(checkpointFields(&g.Checkpoint), &g.Active, &g.Standby, &g.Paused, &kept)...)
		g.Kept = kept != 0 && kept == s.description(g.Projection)
		all = append(all, g)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list generations: %w", err)
	}
	return all, nil
}

// Begin implements [readmodel.Generations].
func (s *Store) Begin(ctx context.Context, lease readmodel.Lease, projections []readmodel.Checkpoint) ([]readmodel.Checkpoint, error) {
	begun := slices.Clone(projections)
	err := s.underLease(ctx, lease, func(tx *sql.Tx) error {
		for i := range begun {
			at := &begun[i]
			at.Position, at.Link = 0, events.Link{}
			err := tx.QueryRowContext(ctx, s.registering(beginGeneration, at.Projection), at.Projection, at.Version, s.description(at.Projection)).Scan(&at.Generation)
			if errors.Is(err, sql.ErrNoRows) {
				return fmt.Errorf("%s is not registered", at.Projection)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("begin generations: %w", err)
	}
	return begun, nil
}

// Activate implements [readmodel.Generations].
func (s *Store) Activate(ctx context.Context, lease readmodel.Lease, op int64, generations []readmodel.Checkpoint) (readmodel.Revision, error) {
	revision, err := s.edit(ctx, lease, op, generations, func(tx *sql.Tx) error {
		for _, at := range generations {
			if _, err := tx.ExecContext(ctx, keepStandby, at.Projection, int64(at.Generation)); err != nil {
				return err
			}
			if err := one(ctx, tx, at.Projection+" serves it already", activate, at.Projection, int64(at.Generation)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("activate generations: %w", err)
	}
	return revision, nil
}

// edit runs do under the lease, in a transaction that finds the checkpoints as given, ends
// the operation and counts one edit. It returns the revision that it makes.
func (s *Store) edit(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint, do func(*sql.Tx) error) (revision readmodel.Revision, err error) {
	err = s.underLease(ctx, lease, func(tx *sql.Tx) error {
		if err := checkCheckpoints(ctx, tx, at); err != nil {
			return err
		}
		if err := do(tx); err != nil {
			return err
		}
		if err := end(ctx, tx, op); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, countEdit); err != nil {
			return err
		}
		revision, err = queryRevision(ctx, tx.StmtContext(ctx, s.commits[readRevision]))
		return err
	})
	return revision, err
}

// checkCheckpoints returns ErrFenced unless the checkpoints are as given. The file's write
// lock keeps them so.
func checkCheckpoints(ctx context.Context, tx *sql.Tx, at []readmodel.Checkpoint) error {
	for _, c := range at {
		what := fmt.Sprintf("%s, generation %d, position %d", c.Projection, c.Generation, c.Position)
		if err := found(ctx, tx, what, countCheckpoint, c.Projection, int64(c.Generation), c.Version, int64(c.Position), c.Link[:]); err != nil {
			return err
		}
	}
	return nil
}

// checkServing returns ErrFenced unless the query, countServed or countUnserved, finds
// each generation; otherwise is what the generation is where it does not.
func checkServing(ctx context.Context, tx *sql.Tx, query, otherwise string, at []readmodel.Checkpoint) error {
	for _, c := range at {
		what := fmt.Sprintf("%s, generation %d, is %s", c.Projection, c.Generation, otherwise)
		if err := found(ctx, tx, what, query, c.Projection, int64(c.Generation)); err != nil {
			return err
		}
	}
	return nil
}

// found returns ErrFenced unless the query counts one row.
func found(ctx context.Context, tx *sql.Tx, what, query string, args ...any) error {
	var n int
	if err := tx.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("%s: %w", what, readmodel.ErrFenced)
	}
	return nil
}
