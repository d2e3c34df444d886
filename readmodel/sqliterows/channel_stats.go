package sqliterows

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"

	"jangbu/readmodel"
)

const (
	channelStatsColumns = `
campaign, channel, distributed_at, cost_won, participants,
impressions, impressions_at, views, views_at, clicks, clicks_at,
likes, likes_at, comments, comments_at, shares, shares_at, fetched_at`

	readChannelStats = `
SELECT` + channelStatsColumns + `
FROM channel_stats
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats')
  AND campaign = ?1
ORDER BY channel`

	loadChannelStats = `
SELECT` + channelStatsColumns + `
FROM json_each(?2) AS wanted
CROSS JOIN channel_stats
WHERE generation = ?1 AND campaign = wanted.value ->> 0 AND channel = wanted.value ->> 1`

	upsertChannelStats = `
INSERT INTO channel_stats (generation,` + channelStatsColumns + `)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
ON CONFLICT (generation, campaign, channel) DO UPDATE
SET distributed_at = excluded.distributed_at,
    cost_won       = excluded.cost_won,
    participants   = excluded.participants,
    impressions    = excluded.impressions,
    impressions_at = excluded.impressions_at,
    views          = excluded.views,
    views_at       = excluded.views_at,
    clicks         = excluded.clicks,
    clicks_at      = excluded.clicks_at,
    likes          = excluded.likes,
    likes_at       = excluded.likes_at,
    comments       = excluded.comments,
    comments_at    = excluded.comments_at,
    shares         = excluded.shares,
    shares_at      = excluded.shares_at,
    fetched_at     = excluded.fetched_at`
)

// figuresOf returns the row's figures in the order of their columns.
func figuresOf(row *readmodel.ChannelStats) [6]*readmodel.Figure {
	return [6]*readmodel.Figure{&row.Impressions, &row.Views, &row.Clicks, &row.Likes, &row.Comments, &row.Shares}
}

// scanChannelStats reads a row of channelStatsColumns.
func scanChannelStats(rows *sql.Rows) (readmodel.ChannelStats, error) {
	return scanChannelStatsAnd(rows)
}

// scanChannelStatsAnd reads a row of channelStatsColumns and more after them.
func scanChannelStatsAnd(rows *sql.Rows, more ...any) (readmodel.ChannelStats, error) {
	var (
		row                      readmodel.ChannelStats
		distributedAt, fetchedAt sql.NullInt64
		values, at               [6]sql.NullInt64
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

func loadChannelStatsRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, keys map[readmodel.ChannelKey]struct{}, into map[readmodel.ChannelKey]*readmodel.ChannelStats) error {
	pairs := make([][2]string, 0, len(keys))
	for k := range keys {
		pairs = append(pairs, [2]string{string(k.Campaign), k.Channel})
	}
	return load(ctx, tx, loadChannelStats, g, pairs, scanChannelStats, func(row *readmodel.ChannelStats) {
		into[row.ChannelKey] = row
	})
}

func upsertChannelStatsRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, rows map[readmodel.ChannelKey]*readmodel.ChannelStats) error {
	keys := slices.SortedFunc(maps.Keys(rows), compareChannelKeys)
	return upsert(ctx, tx, upsertChannelStats, keys, channelStatsArgs(g, rows))
}

// channelStatsArgs returns what makes the parameters of upsertChannelStats.
func channelStatsArgs(g readmodel.Generation, rows map[readmodel.ChannelKey]*readmodel.ChannelStats) func(readmodel.ChannelKey) []any {
	return func(k readmodel.ChannelKey) []any {
		row := rows[k]
		args := make([]any, 0, 19)
		args = append(args, int64(g), string(k.Campaign), k.Channel, nullTime(row.DistributedAt), int64(row.Cost), row.Participants)
		for _, figure := range figuresOf(row) {
			value, at := nullFigure(*figure)
			args = append(args, value, at)
		}
		return append(args, nullTime(row.FetchedAt))
	}
}

func compareChannelKeys(a, b readmodel.ChannelKey) int {
	if c := cmp.Compare(a.Campaign, b.Campaign); c != 0 {
		return c
	}
	return cmp.Compare(a.Channel, b.Channel)
}
