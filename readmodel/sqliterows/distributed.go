package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// readDistributed is one statement and so one snapshot. It reads the whole generation: most
// rows are of channels that their campaign was distributed to, so an index would be as
// large as the table.
const readDistributed = `
SELECT {columns}, ends_at
FROM channel_stats
LEFT JOIN (
    SELECT campaign AS ending, ends_at FROM event_stats
    WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
) ON ending = campaign
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats')
  AND distributed_at IS NOT NULL
  AND (ends_at IS NULL OR ends_at >= ?1)
ORDER BY campaign, channel`

// Distributed implements [readmodel.Store].
func (s *Store) Distributed(ctx context.Context, endedBefore time.Time) ([]readmodel.DistributedChannel, error) {
	var (
		out    []readmodel.DistributedChannel
		endsAt sql.NullInt64
	)
	scan := s.channels.scanner(&endsAt)
	err := s.read(ctx, func(tx *sql.Tx) error {
		err := forEach(ctx, tx.StmtContext(ctx, s.reads[s.queries.distributed]), func(rows *sql.Rows) error {
			var row readmodel.DistributedChannel
			err := scan(rows, &row.ChannelStats)
			row.EndsAt = timeOf(endsAt)
			out = append(out, row)
			return err
		}, endedBefore.UnixMicro())
		if err != nil || len(out) > 0 {
			return err
		}
		return s.checkServed(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("read distributed channels: %w", err)
	}
	return out, nil
}
