package sqliterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	holdLease = `
SELECT epoch
FROM leases
WHERE name = ?1 AND owner = ?2 AND epoch = ?3`

	advanceCheckpoint = `
UPDATE generations
SET position = ?6, link = ?7
WHERE projection = ?1 AND generation = ?2 AND version = ?3 AND position = ?4 AND link = ?5`
)

// Commit implements [readmodel.Store]. Rows of a table whose projection does not advance, a
// projection that is named twice, or an advance that goes back is an error.
func (s *Store) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, _, err := readmodel.GenerationsOfAdvances(advances, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	var revision readmodel.Revision
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.claim(ctx, tx, lease, advances); err != nil {
			return err
		}
		if err := s.clear(ctx, tx, of, rows.Cleared()...); err != nil {
			return err
		}
		if err := s.replace(ctx, tx, of, rows); err != nil {
			return err
		}
		revision, err = queryRevision(context.WithoutCancel(ctx), tx.StmtContext(ctx, s.commits[readRevision]))
		return err
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	return revision, nil
}

// claim checks the lease and moves the checkpoints. The file's write lock keeps both until
// the commit.
func (s *Store) claim(ctx context.Context, tx *sql.Tx, lease readmodel.Lease, advances []readmodel.Advance) error {
	if err := s.checkLease(ctx, tx, lease); err != nil {
		return err
	}
	advance := tx.StmtContext(ctx, s.commits[advanceCheckpoint])
	defer func() { _ = advance.Close() }()
	uncancelled := context.WithoutCancel(ctx) // as in upsertRows
	for _, a := range advances {
		result, err := advance.ExecContext(uncancelled, a.Projection, int64(a.Generation), a.Version, int64(a.Position), a.Checkpoint.Link[:], int64(a.To), a.Link[:])
		if err != nil {
			return err
		}
		moved, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if moved == 0 {
			return fmt.Errorf("%s, generation %d, position %d: %w", a.Projection, a.Generation, a.Position, readmodel.ErrFenced)
		}
	}
	return nil
}

// checkLease returns ErrFenced unless the lease is held. The file's write lock keeps it so.
func (s *Store) checkLease(ctx context.Context, tx *sql.Tx, lease readmodel.Lease) error {
	hold := tx.StmtContext(ctx, s.commits[holdLease])
	defer func() { _ = hold.Close() }()
	err := hold.QueryRowContext(context.WithoutCancel(ctx), lease.Name, lease.Owner, lease.Epoch).Scan(new(int64))
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("lease %s, epoch %d: %w", lease.Name, lease.Epoch, readmodel.ErrFenced)
	}
	return err
}

// clear removes the stored rows and snapshots of the campaigns.
func (s *Store) clear(ctx context.Context, tx *sql.Tx, of readmodel.GenerationOf, cleared ...events.Campaign) error {
	for _, c := range cleared {
		for _, t := range s.tables {
			if generation, ok := of[t.Name]; ok {
				if _, err := tx.ExecContext(ctx, t.clear, int64(generation), string(c)); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, clearSnapshots, t.Name, int64(generation), string(c)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// replace replaces rows in the generations of their tables, and stores their snapshots.
func (s *Store) replace(ctx context.Context, tx *sql.Tx, of readmodel.GenerationOf, rows *readmodel.Rows) error {
	for described, some := range rows.All() {
		t, err := s.table(described)
		if err != nil {
			return err
		}
		if err := t.upsertRows(ctx, tx, of[t.Name], some); err != nil {
			return err
		}
	}
	return s.keep(ctx, tx, of, rows.Snapshots())
}
