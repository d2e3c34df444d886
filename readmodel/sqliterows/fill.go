package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"jangbu/readmodel"
)

// filledRows and prunedRows bound the rows that one transaction of Fill or Prune writes, and with
// them how long other writers wait for the file: some 10 ms.
const (
	filledRows = 4_000
	prunedRows = 2_000
)

const (
	leftovers = `
SELECT g.projection, g.generation
FROM generations AS g
WHERE NOT EXISTS (SELECT 1 FROM projections AS p WHERE p.projection = g.projection AND p.active_generation = g.generation)
  AND NOT EXISTS (SELECT 1 FROM standbys AS s WHERE s.projection = g.projection AND s.generation = g.generation)
ORDER BY g.projection, g.generation`

	dropGeneration = `
DELETE FROM generations
WHERE projection = ?1 AND generation = ?2`
)

// Fill implements [readmodel.Generations].
func (s *Store) Fill(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows, between func()) error {
	of, at, err := readmodel.GenerationsOfAdvances(advances, rows)
	if err == nil {
		err = s.fill(ctx, lease, of, at, rows, between)
	}
	if err == nil {
		_, err = s.Commit(ctx, lease, advances, readmodel.NewRows())
	}
	if err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	return nil
}

// fill writes the rows, at most filledRows in each transaction, which finds the
// checkpoints as given and the generations not served.
func (s *Store) fill(ctx context.Context, lease readmodel.Lease, of readmodel.GenerationOf, at []readmodel.Checkpoint, rows *readmodel.Rows, between func()) error {
	write := func(do func(tx *sql.Tx) error) error {
		between()
		return s.underLease(ctx, lease, func(tx *sql.Tx) error {
			if err := checkCheckpoints(ctx, tx, at); err != nil {
				return err
			}
			if err := checkServing(ctx, tx, countUnserved, "served", at); err != nil {
				return err
			}
			return do(tx)
		})
	}
	for _, c := range rows.Cleared() {
		if err := write(func(tx *sql.Tx) error { return s.clear(ctx, tx, of, c) }); err != nil {
			return err
		}
	}
	for described, all := range rows.All() {
		t, err := s.table(described)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(all, filledRows) {
			if err := write(func(tx *sql.Tx) error { return t.upsertRows(ctx, tx, of[t.Name], some) }); err != nil {
				return err
			}
		}
	}
	for some := range slices.Chunk(rows.Snapshots(), keptSnapshots) {
		if err := write(func(tx *sql.Tx) error { return s.keep(ctx, tx, of, some) }); err != nil {
			return err
		}
	}
	return nil
}

// Prune implements [readmodel.Generations].
func (s *Store) Prune(ctx context.Context, lease readmodel.Lease, between func()) error {
	type generation struct {
		projection string
		number     int64
	}
	var all []generation
	err := forEach(ctx, s.reads[leftovers], func(rows *sql.Rows) error {
		var g generation
		err := rows.Scan(&g.projection, &g.number)
		all = append(all, g)
		return err
	})
	if err != nil {
		return fmt.Errorf("prune generations: %w", err)
	}
	for _, g := range all {
		if err := s.prune(ctx, lease, g.projection, g.number, between); err != nil {
			return fmt.Errorf("prune generation %d of %s: %w", g.number, g.projection, err)
		}
	}
	return nil
}

// prune removes the generation's rows and snapshots, then its checkpoint.
func (s *Store) prune(ctx context.Context, lease readmodel.Lease, projection string, generation int64, between func()) error {
	t := s.named(projection)
	for more := t != nil; more; { // a projection that was dropped from the program has no table
		between()
		err := s.underLease(ctx, lease, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, t.prune, generation, prunedRows-1)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if more = n > 0; err != nil || more {
				return err
			}
			_, err = tx.ExecContext(ctx, t.pruneRest, generation)
			return err
		})
		if err != nil {
			return err
		}
	}
	for more := true; more; {
		between()
		err := s.underLease(ctx, lease, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, pruneSnapshots, projection, generation, prunedRows)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			more = n == prunedRows
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.underLease(ctx, lease, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, dropGeneration, projection, generation)
		return err
	})
}
