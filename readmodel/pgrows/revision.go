package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

const (
	addStore = `
INSERT INTO jangbu_rows.store (id, incarnation)
VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
ON CONFLICT (id) DO NOTHING`

	// lockRevision is the last lock of a commit, just before the revision is read. Of two
	// commits to different projections the later one therefore sees the earlier, and no
	// two commits return the same revision.
	lockRevision = `
SELECT FROM jangbu_rows.store
WHERE id = 1
FOR NO KEY UPDATE`

	revisionColumns = `
s.incarnation, s.edits,
(
    SELECT coalesce(sum(g.position), 0)::bigint
    FROM jangbu_rows.projections AS p
    JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
)`

	readRevision = `
SELECT` + revisionColumns + `
FROM jangbu_rows.store AS s
WHERE s.id = 1`
)

// Revision implements [readmodel.Reader]. After a crash of the server it may go back,
// together with the rows.
func (s *Store) Revision(ctx context.Context) (readmodel.Revision, error) {
	var r readmodel.Revision
	if err := s.pool.QueryRow(ctx, readRevision).Scan(revisionFields(&r)...); err != nil {
		return readmodel.Revision{}, fmt.Errorf("read revision: %w", away(err))
	}
	return r, nil
}

// queueRevision locks and reads the revision that the transaction makes.
func queueRevision(batch *pgx.Batch, into *readmodel.Revision) {
	batch.Queue(lockRevision)
	batch.Queue(readRevision).QueryRow(func(row pgx.Row) error { return row.Scan(revisionFields(into)...) })
}

// revisionFields returns what revisionColumns are scanned into.
func revisionFields(r *readmodel.Revision) []any {
	return []any{&r.Incarnation, &r.Edits, (*int64)(&r.Position)}
}
