package pgrows

import (
	"cmp"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/readmodel"
)

const (
	channelStatsColumns = `
campaign, channel, distributed_at, cost_won, participants,
impressions, impressions_at, views, views_at, clicks, clicks_at,
likes, likes_at, comments, comments_at, shares, shares_at, fetched_at`

	readChannelStats = `
SELECT` + channelStatsColumns + `
FROM jangbu_rows.channel_stats
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
  AND campaign = $1` + inScope + `
ORDER BY channel`

	loadChannelStats = `
SELECT` + channelStatsColumns + `
FROM unnest($2::text[], $3::text[]) AS wanted (c, k)
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.channel_stats
    WHERE generation = $1 AND campaign = wanted.c AND channel = wanted.k
    LIMIT 1
) AS found`

	upsertChannelStats = `
INSERT INTO jangbu_rows.channel_stats (generation,` + channelStatsColumns + `)
SELECT $1, new.*
FROM unnest(
    $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::timestamptz[], $9::bigint[], $10::timestamptz[], $11::bigint[], $12::timestamptz[],
    $13::bigint[], $14::timestamptz[], $15::bigint[], $16::timestamptz[], $17::bigint[], $18::timestamptz[],
    $19::timestamptz[]
) AS new
ON CONFLICT (generation, campaign, channel) DO UPDATE
SET distributed_at = EXCLUDED.distributed_at,
    cost_won       = EXCLUDED.cost_won,
    participants   = EXCLUDED.participants,
    impressions    = EXCLUDED.impressions,
    impressions_at = EXCLUDED.impressions_at,
    views          = EXCLUDED.views,
    views_at       = EXCLUDED.views_at,
    clicks         = EXCLUDED.clicks,
    clicks_at      = EXCLUDED.clicks_at,
    likes          = EXCLUDED.likes,
    likes_at       = EXCLUDED.likes_at,
    comments       = EXCLUDED.comments,
    comments_at    = EXCLUDED.comments_at,
    shares         = EXCLUDED.shares,
    shares_at      = EXCLUDED.shares_at,
    fetched_at     = EXCLUDED.fetched_at`
)

// figuresOf returns the row's figures in the order of their columns.
func figuresOf(row *readmodel.ChannelStats) [6]*readmodel.Figure {
	return [6]*readmodel.Figure{&row.Impressions, &row.Views, &row.Clicks, &row.Likes, &row.Comments, &row.Shares}
}

// scanChannelStats reads a row of channelStatsColumns.
func scanChannelStats(rows pgx.Rows) (readmodel.ChannelStats, error) {
	return scanChannelStatsAnd(rows)
}

// scanChannelStatsAnd reads a row of channelStatsColumns and more after them.
func scanChannelStatsAnd(rows pgx.Rows, more ...any) (readmodel.ChannelStats, error) {
	var (
		row                      readmodel.ChannelStats
		distributedAt, fetchedAt pgtype.Timestamptz
		values                   [6]pgtype.Int8
		at                       [6]pgtype.Timestamptz
	)
	err := rows.Scan(append([]any{
		(*string)(&row.Campaign), &row.Channel, &distributedAt, (*int64)(&row.Cost), &row.Participants,
		&values[0], &at[0], &values[1], &at[1], &values[2], &at[2],
		&values[3], &at[3], &values[4], &at[4], &values[5], &at[5], &fetchedAt,
	}, more...)...)
	row.DistributedAt = timeOf(distributedAt)
	row.FetchedAt = timeOf(fetchedAt)
	for i, figure := range figuresOf(&row) {
		*figure = figureOf(values[i], at[i])
	}
	return row, err
}

func queueLoadChannelStats(batch *pgx.Batch, g readmodel.Generation, keys map[readmodel.ChannelKey]struct{}, into map[readmodel.ChannelKey]*readmodel.ChannelStats) {
	campaigns := make([]string, 0, len(keys))
	channels := make([]string, 0, len(keys))
	for _, k := range slices.SortedFunc(maps.Keys(keys), compareChannelKeys) {
		campaigns = append(campaigns, string(k.Campaign))
		channels = append(channels, k.Channel)
	}
	batch.Queue(loadChannelStats, int32(g), campaigns, channels).Query(forEach(scanChannelStats, func(row *readmodel.ChannelStats) {
		into[row.ChannelKey] = row
	}))
}

func queueUpsertChannelStats(batch *pgx.Batch, g readmodel.Generation, rows map[readmodel.ChannelKey]*readmodel.ChannelStats) {
	var (
		n             = len(rows)
		campaigns     = make([]string, n)
		channels      = make([]string, n)
		distributedAt = make(instants, n)
		costs         = make([]int64, n)
		participants  = make([]int64, n)
		fetchedAt     = make(instants, n)
		values        [6]int8s
		at            [6]instants
	)
	for j := range values {
		values[j] = make(int8s, n)
		at[j] = make(instants, n)
	}
	keys := slices.SortedFunc(maps.Keys(rows), compareChannelKeys)
	for i, k := range keys {
		row := rows[k]
		campaigns[i] = string(k.Campaign)
		channels[i] = k.Channel
		distributedAt[i] = nullTime(row.DistributedAt)
		costs[i] = int64(row.Cost)
		participants[i] = row.Participants
		fetchedAt[i] = nullTime(row.FetchedAt)
		for j, figure := range figuresOf(row) {
			values[j][i], at[j][i] = nullFigure(*figure)
		}
	}
	batch.Queue(upsertChannelStats, int32(g),
		campaigns, channels, distributedAt, costs, participants,
		values[0], at[0], values[1], at[1], values[2], at[2],
		values[3], at[3], values[4], at[4], values[5], at[5], fetchedAt)
}

// channelStatsValues returns the values of channelStatsColumns.
func channelStatsValues(row *readmodel.ChannelStats) []any {
	values := []any{string(row.Campaign), row.Channel, nullTime(row.DistributedAt), int64(row.Cost), row.Participants}
	for _, figure := range figuresOf(row) {
		value, at := nullFigure(*figure)
		values = append(values, value, at)
	}
	return append(values, nullTime(row.FetchedAt))
}

func compareChannelKeys(a, b readmodel.ChannelKey) int {
	if c := cmp.Compare(a.Campaign, b.Campaign); c != 0 {
		return c
	}
	return cmp.Compare(a.Channel, b.Channel)
}
