package sqliterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"jangbu/readmodel"
)

const (
	holdLease = `
SELECT epoch
FROM leases
WHERE name = ?1 AND owner = ?2 AND epoch = ?3`

	advanceCheckpoint = `
UPDATE generations
SET position = ?5
WHERE projection = ?1 AND generation = ?2 AND version = ?3 AND position = ?4`
)

// Commit implements [readmodel.Store]. It is an error to hand in rows of a
// table whose projection is not among the advances, one projection twice, or an
// advance that goes back.
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

// claim checks the lease and moves the checkpoints. The file's write lock, held
// until the commit, keeps both as they are.
func (s *Store) claim(ctx context.Context, tx *sql.Tx, lease readmodel.Lease, advances []readmodel.Advance) error {
	if err := s.checkLease(ctx, tx, lease); err != nil {
		return err
	}
	advance := tx.StmtContext(ctx, s.commits[advanceCheckpoint])
	defer func() { _ = advance.Close() }()
	uncancelled := context.WithoutCancel(ctx) // as with upsert
	for _, a := range advances {
		result, err := advance.ExecContext(uncancelled, a.Projection, int64(a.Generation), a.Version, int64(a.Position), int64(a.To))
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

// checkLease demands that the lease is held, which the file's write lock keeps as it is.
func (s *Store) checkLease(ctx context.Context, tx *sql.Tx, lease readmodel.Lease) error {
	hold := tx.StmtContext(ctx, s.commits[holdLease])
	defer func() { _ = hold.Close() }()
	err := hold.QueryRowContext(context.WithoutCancel(ctx), lease.Name, lease.Owner, lease.Epoch).Scan(new(int64))
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("lease %s, epoch %d: %w", lease.Name, lease.Epoch, readmodel.ErrFenced)
	}
	return err
}

// replace writes rows, each into the generation of its table.
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
	return nil
}
