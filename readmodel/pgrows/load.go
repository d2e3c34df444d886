package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

// generations says to which generation each projection's rows belong.
type generations map[string]readmodel.Generation

func generationsOf(checkpoints []readmodel.Checkpoint) (generations, error) {
	of := make(generations, len(checkpoints))
	for _, c := range checkpoints {
		if _, twice := of[c.Projection]; twice {
			return nil, fmt.Errorf("%s is named twice", c.Projection)
		}
		of[c.Projection] = c.Generation
	}
	return of, nil
}

// check returns an error where there are rows of a table whose generation is not given.
func (g generations) check(events, channels, hours, profiles int) error {
	for table, rows := range map[string]int{
		readmodel.EventStatsTable:          events,
		readmodel.ChannelStatsTable:        channels,
		readmodel.ParticipationHourlyTable: hours,
		readmodel.ParticipantProfileTable:  profiles,
	} {
		if _, ok := g[table]; rows > 0 && !ok {
			return fmt.Errorf("rows of %s without its checkpoint", table)
		}
	}
	return nil
}

// Load implements [readmodel.Writer], in one round trip. The limit within each
// lateral join leaves the planner nothing but one look-up by key for each row,
// however little it knows of the table. It is an error to name rows of a table
// whose projection is not among the checkpoints.
func (s *Store) Load(ctx context.Context, at []readmodel.Checkpoint, keys *readmodel.Keys) (*readmodel.Rows, error) {
	of, err := generationsOf(at)
	if err == nil {
		err = of.check(len(keys.Events), len(keys.Channels), len(keys.Hours), len(keys.Profiles))
	}
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
