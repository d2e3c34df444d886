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
	holdLease = `
SELECT epoch
FROM jangbu_rows.leases
WHERE name = $1 AND owner = $2 AND epoch = $3
FOR SHARE`

	advanceCheckpoint = `
UPDATE jangbu_rows.generations
SET position = $6, link = $7
WHERE projection = $1 AND generation = $2 AND version = $3 AND position = $4 AND link = $5`
)

// Commit implements [readmodel.Store]. Rows of a table whose projection does not advance, a
// projection that is named twice, or an advance that goes back is an error.
func (s *Store) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, _, err := readmodel.GenerationsOfAdvances(advances, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	var revision readmodel.Revision
	claim, upserts := claimBatch(lease, advances), new(pgx.Batch)
	s.queueClears(upserts, of, rows.Cleared()...)
	if err := s.queueUpserts(upserts, of, rows); err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	if upserts.Len() > 0 {
		queueRevision(upserts, &revision)
	} else {
		queueRevision(claim, &revision)
	}
	if err := s.commit(ctx, claim, upserts); err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	return revision, nil
}

// commit makes three round trips: claim, write, commit. It does not wait for the disk: a
// crash of the server takes back rows and checkpoints together, and the events are folded
// again.
func (s *Store) commit(ctx context.Context, claim, upserts *pgx.Batch) error {
	return s.pool.Write(ctx, postgres.Soon, claim, func(ctx context.Context, tx pgx.Tx) error {
		if upserts.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, upserts).Close()
	})
}

// claimBatch locks the lease's row, then moves the checkpoints. Their rows stay locked
// until the commit, so two commits to one generation never overlap.
func claimBatch(lease readmodel.Lease, advances []readmodel.Advance) *pgx.Batch {
	batch := new(pgx.Batch)
	queueHoldLease(batch, lease)
	// Every process locks in this order; otherwise two could wait for each other.
	inOrder := slices.SortedFunc(slices.Values(advances), func(a, b readmodel.Advance) int {
		return cmp.Compare(a.Projection, b.Projection)
	})
	for _, a := range inOrder {
		batch.Queue(advanceCheckpoint, a.Projection, int32(a.Generation), a.Version, int64(a.Position), a.Checkpoint.Link[:], int64(a.To), a.Link[:]).
			Exec(one(fmt.Sprintf("%s, generation %d, position %d", a.Projection, a.Generation, a.Position)))
	}
	return batch
}

// queueHoldLease fences the batch unless the lease is held, and keeps it held until the
// commit.
func queueHoldLease(batch *pgx.Batch, lease readmodel.Lease) {
	batch.Queue(holdLease, lease.Name, lease.Owner, lease.Epoch).QueryRow(func(row pgx.Row) error {
		err := row.Scan(new(int64))
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("lease %s, epoch %d: %w", lease.Name, lease.Epoch, readmodel.ErrFenced)
		}
		return err
	})
}

// queueClears removes the stored rows of the campaigns that are cleared.
func (s *Store) queueClears(batch *pgx.Batch, of readmodel.GenerationOf, cleared ...events.Campaign) {
	for _, c := range cleared {
		for _, t := range s.tables {
			if generation, ok := of[t.Name]; ok {
				batch.Queue(t.clear, int32(generation), string(c))
			}
		}
	}
}

// queueUpserts replaces rows in the generations of their tables.
func (s *Store) queueUpserts(batch *pgx.Batch, of readmodel.GenerationOf, rows *readmodel.Rows) error {
	for described, some := range rows.All() {
		t, err := s.table(described)
		if err != nil {
			return err
		}
		t.queueUpsert(batch, of[t.Name], some)
	}
	return nil
}
