package pgrows

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"jangbu/events"
	"jangbu/events/postgres"
	"jangbu/readmodel"
)

// fillRows bounds the rows that one transaction of Fill or Prune writes, and with them how
// long a process that takes the lease waits.
const fillRows = 2_000

// copiedRows is fillRows where the rows are copied, which takes a fraction of the time.
const copiedRows = 5_000

const (
	leftovers = `
SELECT g.projection, g.generation
FROM jangbu_rows.generations AS g
WHERE NOT EXISTS (SELECT FROM jangbu_rows.projections AS p WHERE p.projection = g.projection AND p.active_generation = g.generation)
  AND NOT EXISTS (SELECT FROM jangbu_rows.standbys AS s WHERE s.projection = g.projection AND s.generation = g.generation)
ORDER BY g.projection, g.generation`

	dropGeneration = `
DELETE FROM jangbu_rows.generations
WHERE projection = $1 AND generation = $2`
)

// Fill implements [readmodel.Generations]. It writes with COPY where the generations have no
// rows yet.
func (s *Store) Fill(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows, between func()) error {
	of, at, err := readmodel.GenerationsOfAdvances(advances, rows)
	if err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	f := filling{s, lease, at, of, between}
	fill := f.fill
	if slices.ContainsFunc(at, func(c readmodel.Checkpoint) bool { return c.Position > 0 }) {
		fill = f.upsert
	}
	parts, err := s.parts(rows)
	if err == nil {
		err = f.clear(ctx, rows.Cleared())
	}
	if err == nil {
		err = fill(ctx, parts)
	}
	if err == nil {
		err = f.keep(ctx, rows.Snapshots())
	}
	if err == nil {
		_, err = s.Commit(ctx, lease, advances, readmodel.NewRows())
	}
	if err != nil {
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

// fill copies one half of the rows in one goroutine and the other half in a second one. It returns the
// first error, which ends both.
func (f *filling) fill(ctx context.Context, parts []part) error {
	group, running := errgroup.WithContext(ctx)
	one, other := halves(parts)
	for _, half := range [][]part{one, other} {
		group.Go(func() error {
			for _, p := range half {
				if err := f.copy(running, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// halves returns the parts in two halves of as many rows, each in the order of the keys. At most one
// table is in both: two that write into the same pages wait for each other.
func halves(parts []part) (one, other []part) {
	left := 0
	for _, p := range parts {
		left += len(p.rows)
	}
	left /= 2
	for _, p := range parts {
		n := min(left, len(p.rows))
		left -= n
		one, other = append(one, part{p.table, p.rows[:n]}), append(other, part{p.table, p.rows[n:]})
	}
	return one, other
}

// copy writes rows into their table, at most copiedRows in each transaction.
func (f *filling) copy(ctx context.Context, p part) error {
	var buffer copyBuffer
	for some := range slices.Chunk(p.rows, copiedRows) {
		f.between()
		buffer = buffer[:0].rows(p.Columns, f.of[p.Name], some)
		if err := f.write(ctx, func(ctx context.Context, tx pgx.Tx) error { return buffer.copyTo(ctx, tx, p.table) }); err != nil {
			return err
		}
	}
	return nil
}

// clear removes the rows of campaigns, each in a transaction of its own.
func (f *filling) clear(ctx context.Context, cleared []events.Campaign) error {
	for _, c := range cleared {
		f.between()
		batch := new(pgx.Batch)
		f.store.queueClears(batch, f.of, c)
		if err := f.write(ctx, func(ctx context.Context, tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() }); err != nil {
			return err
		}
	}
	return nil
}

// upsert replaces rows, at most fillRows in each transaction.
func (f *filling) upsert(ctx context.Context, parts []part) error {
	for _, p := range parts {
		for some := range slices.Chunk(p.rows, fillRows) {
			f.between()
			batch := new(pgx.Batch)
			p.queueUpsert(batch, f.of[p.Name], some)
			if err := f.write(ctx, func(ctx context.Context, tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() }); err != nil {
				return err
			}
		}
	}
	return nil
}

// write runs do in a transaction that finds the checkpoints as given and the generations not
// served.
func (f *filling) write(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	claim := new(pgx.Batch)
	queueHoldLease(claim, f.lease)
	queueLockCheckpoints(claim, shareCheckpoint, f.at)
	queueLockServing(claim, lockUnserved, "served", f.at)
	return f.store.pool.Write(ctx, postgres.Soon, claim, do)
}

// Prune implements [readmodel.Generations].
func (s *Store) Prune(ctx context.Context, lease readmodel.Lease, between func()) error {
	rows, _ := s.pool.Query(ctx, leftovers) // its error is that of the rows
	type generation struct {
		Projection string
		Generation int32
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[generation])
	if err != nil {
		return fmt.Errorf("prune generations: %w", err)
	}
	for _, g := range all {
		if err := s.prune(ctx, lease, g.Projection, g.Generation, between); err != nil {
			return fmt.Errorf("prune generation %d of %s: %w", g.Generation, g.Projection, err)
		}
	}
	return nil
}

// prune removes the generation's rows and snapshots, then its checkpoint.
func (s *Store) prune(ctx context.Context, lease readmodel.Lease, projection string, generation int32, between func()) error {
	if t := s.named(projection); t != nil { // a projection that was dropped from the program has no table
		if err := s.pruneRows(ctx, lease, t, generation, between); err != nil {
			return err
		}
	}
	for more := true; more; {
		between()
		batch := new(pgx.Batch)
		batch.Queue(pruneSnapshots, projection, generation, fillRows).Exec(func(tag pgconn.CommandTag) error {
			more = tag.RowsAffected() == fillRows
			return nil
		})
		if err := s.underLease(ctx, lease, postgres.Soon, batch); err != nil {
			return err
		}
	}
	batch := new(pgx.Batch)
	batch.Queue(dropGeneration, projection, generation)
	return s.underLease(ctx, lease, postgres.Durable, batch)
}

// pruneRows removes the generation's rows, some at a time in the order of their campaigns, until there
// is none from the first campaign on.
func (s *Store) pruneRows(ctx context.Context, lease readmodel.Lease, t *table, generation int32, between func()) error {
	for from := ""; ; {
		between()
		begin, n := from, 0
		batch := new(pgx.Batch)
		batch.Queue(t.prune, generation, begin, fillRows).QueryRow(func(row pgx.Row) error { return row.Scan(&n, &from) })
		if err := s.underLease(ctx, lease, postgres.Soon, batch); err != nil {
			return err
		}
		switch {
		case n == 0 && begin == "":
			return nil
		case n < fillRows: // the last ones, unless there are more before them
			from = ""
		}
	}
}
