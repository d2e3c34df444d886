package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"jangbu/readmodel"
)

// fillRows is how many rows one transaction of Fill or Prune writes: so long may
// others have to wait for the file.
const fillRows = 500

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
	of, at, _, err := readmodel.GenerationsOfFill(advances, rows)
	if err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	f := filling{s, lease, at, of, between}
	if err := f.fill(ctx, rows); err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	if _, err := s.Commit(ctx, lease, advances, readmodel.NewRows()); err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	return nil
}

// filling is one Fill.
type filling struct {
	store *Store
	lease readmodel.Lease
	at    []readmodel.Checkpoint
	of    readmodel.GenerationOf
	// between is called before each transaction.
	between func()
}

// fill writes the rows, some in each transaction.
func (f *filling) fill(ctx context.Context, rows *readmodel.Rows) error {
	for described, all := range rows.All() {
		t, err := f.store.table(described)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(all, fillRows) {
			f.between()
			if err := f.write(ctx, func(tx *sql.Tx) error { return t.upsertRows(ctx, tx, f.of[t.Name], some) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// write runs do in a transaction in which the generations are as they were given and
// not served.
func (f *filling) write(ctx context.Context, do func(*sql.Tx) error) error {
	return f.store.held(ctx, f.lease, func(tx *sql.Tx) error {
		if err := lockCheckpoints(ctx, tx, f.at); err != nil {
			return err
		}
		if err := lockAllUnserved(ctx, tx, f.at); err != nil {
			return err
		}
		return do(tx)
	})
}

// Prune implements [readmodel.Generations].
func (s *Store) Prune(ctx context.Context, lease readmodel.Lease, between func()) error {
	type generation struct {
		projection string
		number     int64
	}
	var all []generation
	err := forEach(ctx, s.reads[leftovers], func(rows *sql.Rows) (g generation, err error) {
		err = rows.Scan(&g.projection, &g.number)
		return g, err
	}, func(g *generation) { all = append(all, *g) })
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

// prune removes the generation's rows and then what tells of it.
func (s *Store) prune(ctx context.Context, lease readmodel.Lease, projection string, generation int64, between func()) error {
	t := s.named(projection)
	for more := t != nil; more; { // a projection that is no longer there has no table
		between()
		err := s.held(ctx, lease, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, t.prune, generation, fillRows)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			more = n == fillRows
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.held(ctx, lease, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, dropGeneration, projection, generation)
		return err
	})
}
