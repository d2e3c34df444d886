package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

// All four tables are read at one moment, or a dashboard could show numbers of
// two commits.
const (
	beginSnapshot = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`

	endSnapshot = `
COMMIT`
)

// Campaign implements [readmodel.Reader], in one round trip.
func (s *Store) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	var (
		out   readmodel.CampaignRows
		batch = new(pgx.Batch)
	)
	batch.Queue(beginSnapshot)
	queueCampaign(batch, c, by, &out)
	batch.Queue(endSnapshot)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, err)
	}
	if out.Event.Campaign == "" {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, nil
}

// queueCampaign reads a campaign's rows in the scope, and with its [EventStats] row
// the revision.
func queueCampaign(batch *pgx.Batch, c events.Campaign, by readmodel.Scope, out *readmodel.CampaignRows) {
	everything, stores := limits(by)
	event := func(rows pgx.Rows) (readmodel.EventStats, error) {
		return scanEventStatsAnd(rows, revisionFields(&out.Revision)...)
	}
	batch.Queue(readEventStats, string(c), everything, stores).Query(forEach(event, func(row *readmodel.EventStats) {
		out.Event = *row
	}))
	batch.Queue(readChannelStats, string(c), everything, stores).Query(forEach(scanChannelStats, func(row *readmodel.ChannelStats) {
		out.Channels = append(out.Channels, *row)
	}))
	batch.Queue(readParticipationHourly, string(c), everything, stores).Query(forEach(scanParticipationHour, func(row *readmodel.ParticipationHour) {
		out.Hours = append(out.Hours, *row)
	}))
	batch.Queue(readParticipantProfile, string(c), everything, stores).Query(forEach(scanProfileCount, func(row *readmodel.ProfileCount) {
		out.Profiles = append(out.Profiles, *row)
	}))
}
