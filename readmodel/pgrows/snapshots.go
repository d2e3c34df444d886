package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	readCheckpoints = `
SELECT g.projection, g.version, g.generation, g.position
FROM jangbu_rows.projections AS p
JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
ORDER BY g.projection`

	// Each table gives as many as are wanted in all, so that none is read beyond them.
	readCampaigns = `
SELECT campaign
FROM (
    (
        SELECT DISTINCT campaign FROM jangbu_rows.event_stats
        WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
          AND campaign > $1
        ORDER BY campaign
        LIMIT $2
    )
    UNION
    (
        SELECT DISTINCT campaign FROM jangbu_rows.channel_stats
        WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
          AND campaign > $1
        ORDER BY campaign
        LIMIT $2
    )
    UNION
    (
        SELECT DISTINCT campaign FROM jangbu_rows.participation_hourly
        WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'participation_hourly')
          AND campaign > $1
        ORDER BY campaign
        LIMIT $2
    )
    UNION
    (
        SELECT DISTINCT campaign FROM jangbu_rows.participant_profile
        WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'participant_profile')
          AND campaign > $1
        ORDER BY campaign
        LIMIT $2
    )
) AS found
ORDER BY campaign
LIMIT $2`
)

// Snapshot implements [readmodel.Snapshots], in one round trip.
func (s *Store) Snapshot(ctx context.Context, c events.Campaign) (readmodel.CampaignRows, []readmodel.Checkpoint, error) {
	var (
		out         readmodel.CampaignRows
		checkpoints []readmodel.Checkpoint
		batch       = new(pgx.Batch)
	)
	batch.Queue(beginSnapshot)
	batch.Queue(readRevision).QueryRow(func(row pgx.Row) error { return row.Scan(revisionFields(&out.Revision)...) })
	batch.Queue(readCheckpoints).Query(forEach(scanCheckpoint, func(at *readmodel.Checkpoint) {
		checkpoints = append(checkpoints, *at)
	}))
	queueCampaign(batch, c, readmodel.Everything(), &out)
	batch.Queue(endSnapshot)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return readmodel.CampaignRows{}, nil, fmt.Errorf("read snapshot of campaign %q: %w", c, err)
	}
	if out.Empty() {
		return readmodel.CampaignRows{}, checkpoints, fmt.Errorf("read snapshot of campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, checkpoints, nil
}

// Campaigns implements [readmodel.Snapshots].
func (s *Store) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	rows, err := s.pool.Query(ctx, readCampaigns, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read campaigns after %q: %w", after, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read campaigns after %q: %w", after, err)
	}
	var out []events.Campaign
	for _, name := range names {
		out = append(out, events.Campaign(name))
	}
	return out, nil
}

// scanCheckpoint reads a row of readCheckpoints.
func scanCheckpoint(rows pgx.Rows) (at readmodel.Checkpoint, err error) {
	err = rows.Scan(&at.Projection, &at.Version, &at.Generation, &at.Position)
	return at, err
}
