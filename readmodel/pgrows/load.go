package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

// Load implements [readmodel.Writer], in one round trip. The limit within each
// lateral join leaves the planner nothing but one look-up by key for each row,
// however little it knows of the table. It is an error to name rows of a table
// whose projection is not among the checkpoints.
func (s *Store) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	of, err := readmodel.GenerationsOfLoad(at, keys)
	if err != nil {
		return nil, fmt.Errorf("load rows: %w", err)
	}
	rows := readmodel.NewRows()
	batch := new(pgx.Batch)
	if len(keys.Events) > 0 {
		queueLoadEventStats(batch, of[readmodel.EventStatsTable], keys.Events, rows.Events)
	}
	if len(keys.Channels) > 0 {
		queueLoadChannelStats(batch, of[readmodel.ChannelStatsTable], keys.Channels, rows.Channels)
	}
	if len(keys.Hours) > 0 {
		queueLoadParticipationHourly(batch, of[readmodel.ParticipationHourlyTable], keys.Hours, rows.Hours)
	}
	if len(keys.Profiles) > 0 {
		queueLoadParticipantProfile(batch, of[readmodel.ParticipantProfileTable], keys.Profiles, rows.Profiles)
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
