package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

// Load implements [readmodel.Store], in one round trip. It is an error to name rows of
// a table whose projection is not among the checkpoints.
func (s *Store) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	of, err := readmodel.GenerationsOfLoad(at, keys)
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	rows, batch := keys.Room(), new(pgx.Batch)
	for described, wanted := range keys.All() {
		t, err := s.table(described)
		if err != nil {
			return nil, fmt.Errorf("load rows: %w", err)
		}
		t.queueLoad(batch, of[t.Name], wanted, rows)
	}
	if batch.Len() == 0 {
		return rows, nil
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	return rows, nil
}

// forEach returns what reads a result, row by row.
func forEach[T any](scan func(pgx.Rows) (T, error), use func(*T)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			row, err := scan(rows)
			if err != nil {
				return err
			}
			use(&row)
		}
		return rows.Err()
	}
}
