package pgrows

import (
	"context"
	"fmt"

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
ORDER BY {order}
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
    SELECT campaign AS c, {key} AS k FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND store = $1
      AND ($2 OR known AND store = ANY ($3))
      AND {after}
    ORDER BY {order}
    LIMIT $5
) AS listed
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.channel_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'channel_stats')
      AND campaign = listed.c
    OFFSET 0
) AS found
ORDER BY {listed}, channel`
)

// shopQueries are the statements of one kind of list.
type shopQueries struct{ campaigns, channels string }

// pageQueries are the statements of all kinds of pages.
func (s *Store) pageQueries() map[readmodel.ShopPageKind]shopQueries {
	all := make(map[readmodel.ShopPageKind]shopQueries)
	texts := readmodel.ShopPageSQL{
		After: "$4", Value: "$6", NoAfter: "$4::text = ''", NoValue: "$6::bigint = 0",
		ByUpdate: "floor(extract(epoch FROM updated_at))::bigint", ListedKey: "listed.k", ListedCampaign: "listed.c",
	}
	for kind, fill := range texts.Kinds() {
		all[kind] = shopQueries{s.campaigns.statement(fill(readShopPage)), s.channels.statement(fill(readPageChannels))}
	}
	return all
}

// ShopCampaigns implements [readmodel.Reader], in one round trip where there are any.
func (s *Store) ShopCampaigns(ctx context.Context, shop events.Shop, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	return s.readShop(ctx, shopQueries{s.queries.shopCampaigns, s.queries.shopChannels}, shop, by)
}

// ShopPage implements [readmodel.Reader], in one round trip where there are any.
func (s *Store) ShopPage(ctx context.Context, shop events.Shop, page readmodel.ShopPage, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	more := []any{string(page.After), page.Limit}
	if page.Order != readmodel.ByCampaign {
		more = append(more, page.Value)
	}
	return s.readShop(ctx, s.queries.shopPages[page.Kind()], shop, by, more...)
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
