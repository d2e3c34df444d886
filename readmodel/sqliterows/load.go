package sqliterows

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"jangbu/readmodel"
)

// Load implements [readmodel.Writer]. It is an error to name rows of a table
// whose projection is not among the checkpoints.
func (s *Store) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	of, err := readmodel.GenerationsOfLoad(at, keys)
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	rows := readmodel.NewRows()
	err = s.read(ctx, func(tx *sql.Tx) error {
		return errors.Join(
			loadEventStatsRows(ctx, tx, of[readmodel.EventStatsTable], keys.Events, rows.Events),
			loadChannelStatsRows(ctx, tx, of[readmodel.ChannelStatsTable], keys.Channels, rows.Channels),
			loadParticipationHourlyRows(ctx, tx, of[readmodel.ParticipationHourlyTable], keys.Hours, rows.Hours),
			loadParticipantProfileRows(ctx, tx, of[readmodel.ParticipantProfileTable], keys.Profiles, rows.Profiles),
		)
	})
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	return rows, nil
}

// load runs a query for the wanted keys, which it takes as one array in JSON.
func load[K, T any](ctx context.Context, tx *sql.Tx, query string, g readmodel.Generation, wanted []K, scan func(*sql.Rows) (T, error), use func(*T)) error {
	if len(wanted) == 0 {
		return nil
	}
	array, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	prepared, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = prepared.Close() }()
	return forEach(ctx, prepared, scan, use, int64(g), string(array))
}

// forEach runs a statement and reads its result, row by row.
func forEach[T any](ctx context.Context, prepared *sql.Stmt, scan func(*sql.Rows) (T, error), use func(*T), args ...any) error {
	rows, err := prepared.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return err
		}
		use(&row)
	}
	return rows.Err()
}
