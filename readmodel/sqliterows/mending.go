package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	clearEventStats = `
DELETE FROM event_stats
WHERE generation = ?1 AND campaign = ?2`

	clearChannelStats = `
DELETE FROM channel_stats
WHERE generation = ?1 AND campaign = ?2`

	clearParticipationHourly = `
DELETE FROM participation_hourly
WHERE generation = ?1 AND campaign = ?2`

	clearParticipantProfile = `
DELETE FROM participant_profile
WHERE generation = ?1 AND campaign = ?2`

	pause = `
INSERT INTO pauses (projection, act)
VALUES (?1, ?2)
ON CONFLICT (projection) DO NOTHING`

	resume = `
DELETE FROM pauses
WHERE projection = ?1`
)

// Replace implements [readmodel.Mending].
func (s *Store) Replace(ctx context.Context, lease readmodel.Lease, act int64, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, err := readmodel.GenerationsOfReplace(at, c, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	revision, err := s.edit(ctx, lease, act, at, func(tx *sql.Tx) error {
		if err := lockAllServed(ctx, tx, at); err != nil {
			return err
		}
		for table, statement := range map[string]string{
			readmodel.EventStatsTable:          clearEventStats,
			readmodel.ChannelStatsTable:        clearChannelStats,
			readmodel.ParticipationHourlyTable: clearParticipationHourly,
			readmodel.ParticipantProfileTable:  clearParticipantProfile,
		} {
			if generation, ok := of[table]; ok {
				if _, err := tx.ExecContext(ctx, statement, int64(generation), string(c)); err != nil {
					return err
				}
			}
		}
		return replace(ctx, tx, of, rows)
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	return revision, nil
}

// Pause implements [readmodel.Mending].
func (s *Store) Pause(ctx context.Context, lease readmodel.Lease, act int64, projections []string, paused bool) error {
	err := s.held(ctx, lease, func(tx *sql.Tx) error {
		for _, p := range projections {
			statement, args := resume, []any{p}
			if paused {
				statement, args = pause, []any{p, act}
			}
			if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
				return err
			}
		}
		return end(ctx, tx, act)
	})
	if err != nil {
		return fmt.Errorf("pause projections: %w", err)
	}
	return nil
}
