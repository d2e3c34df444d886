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

// sentRows bounds the rows that are encoded and sent at once: their arrays take 1 KiB a row.
const sentRows = 10_000

// leastCopied is how many new rows of a table are copied, which takes a round trip more and half of
// the database's time of a row.
const leastCopied = 500

// Commit implements [readmodel.Store], in three round trips where there are few rows: claim,
// write, commit. Many new rows are copied. It does not wait for the disk: a crash of the server takes back rows and
// checkpoints together, and the events are folded again. Rows of a table whose projection does
// not advance, a projection that is named twice, or an advance that goes back is an error.
func (s *Store) Commit(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, _, err := readmodel.GenerationsOfAdvances(advances, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	added, parts, err := s.addedParts(rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	var revision readmodel.Revision
	claim, changes := claimBatch(lease, advances), len(added)+len(parts)+len(rows.Cleared())+len(rows.Snapshots()) > 0
	if !changes {
		queueRevision(claim, &revision)
	}
	err = s.pool.Write(ctx, postgres.Soon, claim, func(ctx context.Context, tx pgx.Tx) error {
		if !changes {
			return nil
		}
		batch := new(pgx.Batch)
		s.queueClears(batch, of, rows.Cleared()...)
		if len(added) > 0 {
			if err := tx.SendBatch(ctx, batch).Close(); err != nil {
				return err
			}
			batch = new(pgx.Batch)
			if err := copyParts(ctx, tx, of, added); err != nil {
				return err
			}
		}
		batch, err := sendUpserts(ctx, tx, batch, of, parts)
		if err != nil {
			return err
		}
		s.queueSnapshots(batch, of, rows.Snapshots())
		queueRevision(batch, &revision)
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("commit rows: %w", err)
	}
	return revision, nil
}

// addedParts returns the rows that are copied, since they are new and many, and those that are
// replaced or added, of each table that has any.
func (s *Store) addedParts(rows *readmodel.Rows) (added, parts []part, err error) {
	for described, some := range rows.Parted() {
		t, err := s.table(described)
		if err != nil {
			return nil, nil, err
		}
		if len(some.New) >= leastCopied {
			added = append(added, part{t, some.New})
		} else {
			some.Others = append(some.Others, some.New...)
		}
		if len(some.Others) > 0 {
			parts = append(parts, part{t, some.Others})
		}
	}
	return added, parts, nil
}

// copyParts adds rows that are not stored. One that is breaks an invariant (I1), and fails.
func copyParts(ctx context.Context, tx pgx.Tx, of readmodel.GenerationOf, added []part) error {
	var buffer copyBuffer
	for _, p := range added {
		for some := range slices.Chunk(p.rows, copiedRows) {
			buffer = buffer.rows(p.Columns, of[p.Name], some)
			if err := buffer.copyTo(ctx, tx, p.table); err != nil {
				return err
			}
			buffer = buffer[:0]
		}
	}
	return nil
}

// sendUpserts replaces rows. It sends batch, and more after it, until few rows are left, which it
// returns in one.
func sendUpserts(ctx context.Context, tx pgx.Tx, batch *pgx.Batch, of readmodel.GenerationOf, parts []part) (*pgx.Batch, error) {
	queued := 0
	for _, p := range parts {
		for some := range slices.Chunk(p.rows, sentRows) {
			if queued+len(some) > sentRows {
				if err := tx.SendBatch(ctx, batch).Close(); err != nil {
					return nil, err
				}
				batch, queued = new(pgx.Batch), 0
			}
			p.queueUpsert(batch, of[p.Name], some)
			queued += len(some)
		}
	}
	return batch, nil
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

// queueClears removes the stored rows and snapshots of the campaigns that are cleared.
func (s *Store) queueClears(batch *pgx.Batch, of readmodel.GenerationOf, cleared ...events.Campaign) {
	for _, c := range cleared {
		for _, t := range s.tables {
			if generation, ok := of[t.Name]; ok {
				batch.Queue(t.clear, int32(generation), string(c))
				batch.Queue(clearSnapshots, t.Name, int32(generation), string(c))
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
