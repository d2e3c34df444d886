package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	readCheckpoints = `
SELECT g.projection, g.version, g.generation, g.position
FROM projections AS p
JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
ORDER BY g.projection`

	// The tables, each in the order of its key, are merged and read no further than
	// the limit.
	readCampaigns = `
SELECT campaign FROM event_stats
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
  AND campaign > ?1
UNION
SELECT campaign FROM channel_stats
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats')
  AND campaign > ?1
UNION
SELECT campaign FROM participation_hourly
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'participation_hourly')
  AND campaign > ?1
UNION
SELECT campaign FROM participant_profile
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'participant_profile')
  AND campaign > ?1
ORDER BY campaign
LIMIT ?2`
)

// Snapshot implements [readmodel.Snapshots].
func (s *Store) Snapshot(ctx context.Context, c events.Campaign) (readmodel.CampaignRows, []readmodel.Checkpoint, error) {
	var (
		out         readmodel.CampaignRows
		checkpoints []readmodel.Checkpoint
		found       bool
	)
	err := s.read(ctx, func(tx *sql.Tx) (err error) {
		prepared := func(query string) *sql.Stmt { return tx.StmtContext(ctx, s.reads[query]) }
		// As with upsert: the transaction can be cancelled, its statements need not.
		uncancelled := context.WithoutCancel(ctx)
		if out.Revision, err = queryRevision(uncancelled, prepared(readRevision)); err != nil {
			return err
		}
		err = forEach(uncancelled, prepared(readCheckpoints), scanCheckpoint, func(at *readmodel.Checkpoint) {
			checkpoints = append(checkpoints, *at)
		})
		if err != nil {
			return err
		}
		scan := func(rows *sql.Rows) (readmodel.EventStats, error) {
			return scanEventStatsAnd(rows, revisionFields(new(readmodel.Revision))...)
		}
		err = forEach(uncancelled, prepared(readEventStats), scan, func(row *readmodel.EventStats) {
			out.Event, found = *row, true
		}, append([]any{string(c)}, limits(readmodel.Everything())...)...)
		if err != nil {
			return err
		}
		err = forEach(uncancelled, prepared(readChannelStats), scanChannelStats, func(row *readmodel.ChannelStats) {
			out.Channels, found = append(out.Channels, *row), true
		}, string(c))
		if err != nil {
			return err
		}
		err = forEach(uncancelled, prepared(readParticipationHourly), scanParticipationHour, func(row *readmodel.ParticipationHour) {
			out.Hours, found = append(out.Hours, *row), true
		}, string(c))
		if err != nil {
			return err
		}
		return forEach(uncancelled, prepared(readParticipantProfile), scanProfileCount, func(row *readmodel.ProfileCount) {
			out.Profiles, found = append(out.Profiles, *row), true
		}, string(c))
	})
	if err != nil {
		return readmodel.CampaignRows{}, nil, fmt.Errorf("read snapshot of campaign %q: %w", c, err)
	}
	if !found {
		return readmodel.CampaignRows{}, checkpoints, fmt.Errorf("read snapshot of campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, checkpoints, nil
}

// Campaigns implements [readmodel.Snapshots].
func (s *Store) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	var out []events.Campaign
	err := forEach(ctx, s.reads[readCampaigns], scanCampaign, func(c *events.Campaign) { out = append(out, *c) }, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read campaigns after %q: %w", after, err)
	}
	return out, nil
}

// scanCheckpoint reads a row of readCheckpoints.
func scanCheckpoint(rows *sql.Rows) (at readmodel.Checkpoint, err error) {
	err = rows.Scan(&at.Projection, &at.Version, &at.Generation, &at.Position)
	return at, err
}

// scanCampaign reads a row of readCampaigns.
func scanCampaign(rows *sql.Rows) (c events.Campaign, err error) {
	err = rows.Scan((*string)(&c))
	return c, err
}
