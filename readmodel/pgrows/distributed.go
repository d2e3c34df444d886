package pgrows

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/readmodel"
)

// readDistributed is one statement and so one snapshot. It reads the whole generation: most
// rows are of channels that their campaign was distributed to, so an index would be as
// large as the table. LIMIT makes the planner look up each campaign's end by key.
const readDistributed = `
SELECT {columns}, ends_at
FROM jangbu_rows.channel_stats AS c
LEFT JOIN LATERAL (
    SELECT ends_at FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND campaign = c.campaign
    LIMIT 1
) AS e ON true
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
  AND distributed_at IS NOT NULL
  AND (ends_at IS NULL OR ends_at >= $1)
ORDER BY campaign, channel`

// Distributed implements [readmodel.Store].
func (s *Store) Distributed(ctx context.Context, endedBefore time.Time) ([]readmodel.DistributedChannel, error) {
	var (
		out    []readmodel.DistributedChannel
		row    readmodel.DistributedChannel
		endsAt pgtype.Timestamptz
	)
	err := s.served(ctx, func() bool { return len(out) > 0 }, func(batch *pgx.Batch) {
		batch.Queue(s.queries.distributed, endedBefore).Query(s.channels.scanEach(func() any { return &row.ChannelStats }, func(any) {
			row.EndsAt = timeOf(endsAt)
			out = append(out, row)
		}, &endsAt))
	})
	if err != nil {
		return nil, fmt.Errorf("read distributed channels: %w", err)
	}
	return out, nil
}
