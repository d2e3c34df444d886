package pgrows

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	readShopCampaigns = `
SELECT {columns}
FROM jangbu_rows.event_stats
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
  AND store = $1
  AND ($2 OR known AND store = ANY ($3))
ORDER BY campaign`

	readShopPage = `
SELECT {columns}
FROM jangbu_rows.event_stats
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
  AND store = $1
  AND ($2 OR known AND store = ANY ($3))
  AND {after}
ORDER BY campaign {direction}
LIMIT $5`

	// OFFSET makes the planner look up the channels of each campaign by key, even
	// without statistics of the tables.
	readShopChannels = `
SELECT {columns}
FROM (
    SELECT campaign AS c FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND store = $1
      AND ($2 OR known AND store = ANY ($3))
) AS listed
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.channel_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
      AND campaign = listed.c
    OFFSET 0
) AS found
ORDER BY listed.c, channel`

	readPageChannels = `
SELECT {columns}
FROM (
    SELECT campaign AS c FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND store = $1
      AND ($2 OR known AND store = ANY ($3))
      AND {after}
    ORDER BY campaign {direction}
    LIMIT $5
) AS listed
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.channel_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
      AND campaign = listed.c
    OFFSET 0
) AS found
ORDER BY listed.c {direction}, channel`
)

// shopQueries are the statements of one kind of list.
type shopQueries struct{ campaigns, channels string }

// pageQueries are those of a page, in each direction, first of one that begins after a campaign and
// then of the first one.
func (s *Store) pageQueries() (all [2][2]shopQueries) {
	for i, first := range []bool{false, true} {
		for j, replaced := range [][]string{{"{after}", "campaign > $4", "{direction}", ""}, {"{after}", "campaign < $4", "{direction}", "DESC"}} {
			if first {
				replaced[1] = "$4::text = ''" // which it is: the statements have the same parameters
			}
			fill := strings.NewReplacer(replaced...).Replace
			all[i][j] = shopQueries{s.campaigns.statement(fill(readShopPage)), s.channels.statement(fill(readPageChannels))}
		}
	}
	return all
}

// ShopCampaigns implements [readmodel.Reader], in one round trip where there are any.
func (s *Store) ShopCampaigns(ctx context.Context, shop events.Shop, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	return s.readShop(ctx, shopQueries{s.queries.shopCampaigns, s.queries.shopChannels}, shop, by)
}

// ShopPage implements [readmodel.Reader], in one round trip where there are any.
func (s *Store) ShopPage(ctx context.Context, shop events.Shop, page readmodel.ShopPage, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	first, direction := 0, 0
	if page.After == "" {
		first = 1
	}
	if page.Descending {
		direction = 1
	}
	return s.readShop(ctx, s.queries.shopPage[first][direction], shop, by, string(page.After), page.Limit)
}

// readShop reads campaigns of a shop, and their channels in the same order.
func (s *Store) readShop(ctx context.Context, queries shopQueries, shop events.Shop, by readmodel.Scope, more ...any) ([]readmodel.ShopCampaign, error) {
	var (
		out []readmodel.ShopCampaign
		at  int
	)
	everything, shops := limits(by)
	args := append([]any{string(shop), everything, shops}, more...)
	err := s.served(ctx, func() bool { return len(out) > 0 }, func(batch *pgx.Batch) {
		batch.Queue(queries.campaigns, args...).Query(s.campaigns.scanEach(
			func() any { return new(readmodel.CampaignStats) },
			func(row any) { out = append(out, readmodel.ShopCampaign{Campaign: *row.(*readmodel.CampaignStats)}) }))
		batch.Queue(queries.channels, args...).Query(s.channels.scanEach(
			func() any { return new(readmodel.ChannelStats) },
			func(row any) {
				channel := row.(*readmodel.ChannelStats)
				for out[at].Campaign.Campaign != channel.Campaign { // both are sorted by it
					at++
				}
				out[at].Channels = append(out[at].Channels, *channel)
			}))
	})
	if err != nil {
		return nil, fmt.Errorf("read campaigns of shop %q: %w", shop, err)
	}
	return out, nil
}

// limits returns the scope as the statements take it: whether it has every campaign, and
// the shops that it is limited to.
func limits(by readmodel.Scope) (everything bool, names []string) {
	shops, limited := by.Limits()
	names = make([]string, len(shops))
	for i, shop := range shops {
		names[i] = string(shop)
	}
	return !limited, names
}
