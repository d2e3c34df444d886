package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// Replace implements [readmodel.Store].
func (s *Store) Replace(ctx context.Context, lease readmodel.Lease, op int64, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, err := readmodel.GenerationsOfReplace(at, c, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	revision, err := s.edit(ctx, lease, op, at, func(tx *sql.Tx) error {
		if err := checkServing(ctx, tx, countServed, "not served", at); err != nil {
			return err
		}
		if err := s.clear(ctx, tx, of, c); err != nil {
			return err
		}
		return s.replace(ctx, tx, of, rows)
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	return revision, nil
}
