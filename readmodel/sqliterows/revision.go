package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events/sqlite"
	"jangbu/readmodel"
)

const (
	addStore = `
INSERT INTO store (id, incarnation)
VALUES (1, ?1)
ON CONFLICT (id) DO NOTHING`

	revisionColumns = `
s.incarnation, s.edits,
(
    SELECT coalesce(sum(g.position), 0)
    FROM projections AS p
    JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
)`

	readRevision = `
SELECT` + revisionColumns + `
FROM store AS s
WHERE s.id = 1`
)

// Revision implements [readmodel.Reader].
func (s *Store) Revision(ctx context.Context) (readmodel.Revision, error) {
	revision, err := queryRevision(ctx, s.reads[readRevision])
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("read revision: %w", sqlite.Away(err))
	}
	return revision, nil
}

// queryRevision runs readRevision.
func queryRevision(ctx context.Context, prepared *sql.Stmt) (readmodel.Revision, error) {
	var r readmodel.Revision
	err := prepared.QueryRowContext(ctx).Scan(revisionFields(&r)...)
	return r, err
}

// revisionFields returns what revisionColumns are scanned into.
func revisionFields(r *readmodel.Revision) []any {
	return []any{&r.Incarnation, &r.Edits, (*int64)(&r.Position)}
}
