package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	clearEventStats = `
DELETE FROM jangbu_rows.event_stats
WHERE generation = $1 AND campaign = $2`

	clearChannelStats = `
DELETE FROM jangbu_rows.channel_stats
WHERE generation = $1 AND campaign = $2`

	clearParticipationHourly = `
DELETE FROM jangbu_rows.participation_hourly
WHERE generation = $1 AND campaign = $2`

	clearParticipantProfile = `
DELETE FROM jangbu_rows.participant_profile
WHERE generation = $1 AND campaign = $2`

	pause = `
INSERT INTO jangbu_rows.pauses (projection, act)
VALUES ($1, $2)
ON CONFLICT (projection) DO NOTHING`

	resume = `
DELETE FROM jangbu_rows.pauses
WHERE projection = $1`
)

// Replace implements [readmodel.Mending].
func (s *Store) Replace(ctx context.Context, lease readmodel.Lease, act int64, at []readmodel.Checkpoint, c events.Campaign, rows *readmodel.Rows) (readmodel.Revision, error) {
	of, err := readmodel.GenerationsOfReplace(at, c, rows)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	batch := new(pgx.Batch)
	queueLockCheckpoints(batch, lockCheckpoint, at)
	queueLockServed(batch, at)
	for table, statement := range map[string]string{
		readmodel.EventStatsTable:          clearEventStats,
		readmodel.ChannelStatsTable:        clearChannelStats,
		readmodel.ParticipationHourlyTable: clearParticipationHourly,
		readmodel.ParticipantProfileTable:  clearParticipantProfile,
	} {
		if generation, ok := of[table]; ok {
			batch.Queue(statement, int32(generation), string(c))
		}
	}
	queueUpserts(batch, of, rows)
	revision, err := s.edit(ctx, lease, act, batch)
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("replace rows: %w", err)
	}
	return revision, nil
}

// Pause implements [readmodel.Mending].
func (s *Store) Pause(ctx context.Context, lease readmodel.Lease, act int64, projections []string, paused bool) error {
	batch := new(pgx.Batch)
	for _, p := range projections {
		if paused {
			batch.Queue(pause, p, act)
		} else {
			batch.Queue(resume, p)
		}
	}
	queueEndAct(batch, act)
	if err := s.held(ctx, lease, batch); err != nil {
		return fmt.Errorf("pause projections: %w", err)
	}
	return nil
}
