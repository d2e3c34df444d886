package sqliterows

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// Without INDEXED BY and without statistics, SQLite would read all campaigns.
	readShopCampaigns = `
SELECT {columns}
FROM event_stats INDEXED BY event_stats_by_store
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
  AND store = ?1
  AND` + inScope + `
ORDER BY campaign`

	readShopPage = `
SELECT {columns}
FROM event_stats INDEXED BY event_stats_by_store
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
  AND store = ?1
  AND` + inScope + `
  AND {after}
ORDER BY {order}
LIMIT ?6`

	readShopChannels = `
SELECT {columns}
FROM (
    SELECT campaign AS listed FROM event_stats INDEXED BY event_stats_by_store
    WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
      AND store = ?1
      AND` + inScope + `
)
CROSS JOIN channel_stats
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats')
  AND campaign = listed
ORDER BY listed, channel`

	readPageChannels = `
SELECT {columns}
FROM (
    SELECT campaign AS listed, {key} AS sorted FROM event_stats INDEXED BY event_stats_by_store
    WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
      AND store = ?1
      AND` + inScope + `
      AND {after}
    ORDER BY {order}
    LIMIT ?6
)
CROSS JOIN channel_stats
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'channel_stats')
  AND campaign = listed
ORDER BY {listed}, channel`
)

// shopQueries are the statements of one kind of list.
type shopQueries struct{ campaigns, channels string }

// pageQueries are the statements of all kinds of pages.
func (s *Store) pageQueries() map[readmodel.ShopPageKind]shopQueries {
	all := make(map[readmodel.ShopPageKind]shopQueries)
	texts := readmodel.ShopPageSQL{
		After: "?5", Value: "?7", NoAfter: "?5 = ''", NoValue: "?7 = 0",
		ByUpdate: "(updated_at - 999999 * (updated_at < 0)) / 1000000", ListedKey: "sorted", ListedCampaign: "listed",
	}
	for kind, fill := range texts.Kinds() {
		all[kind] = shopQueries{s.campaigns.statement(fill(readShopPage)), s.channels.statement(fill(readPageChannels))}
	}
	return all
}

// ShopCampaigns implements [readmodel.Reader].
func (s *Store) ShopCampaigns(ctx context.Context, shop events.Shop, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	return s.readShop(ctx, shopQueries{s.queries.shopCampaigns, s.queries.shopChannels}, shop, by)
}

// ShopPage implements [readmodel.Reader].
func (s *Store) ShopPage(ctx context.Context, shop events.Shop, page readmodel.ShopPage, by readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	more := []any{string(page.After), page.Limit}
	if page.Order != readmodel.ByCampaign {
		more = append(more, page.Value)
	}
	return s.readShop(ctx, s.queries.shopPages[page.Kind()], shop, by, more...)
}

// readShop reads campaigns of a shop, and their channels in the same order.
func (s *Store) readShop(ctx context.Context, queries shopQueries, shop events.Shop, by readmodel.Scope, more ...any) ([]readmodel.ShopCampaign, error) {
	var out []readmodel.ShopCampaign
	args := slices.Concat([]any{string(shop)}, limits(by), more)
	err := s.read(ctx, func(tx *sql.Tx) error {
		scan := s.campaigns.scanner()
		err := forEach(ctx, tx.StmtContext(ctx, s.reads[queries.campaigns]), func(rows *sql.Rows) error {
			out = append(out, readmodel.ShopCampaign{})
			return scan(rows, &out[len(out)-1].Campaign)
		}, args...)
		if err != nil {
			return err
		}
		if len(out) == 0 {
			return s.checkServed(ctx, tx)
		}
		at := 0
		scan = s.channels.scanner()
		return forEach(ctx, tx.StmtContext(ctx, s.reads[queries.channels]), func(rows *sql.Rows) error {
			var row readmodel.ChannelStats
			if err := scan(rows, &row); err != nil {
				return err
			}
			for out[at].Campaign.Campaign != row.Campaign { // both are sorted by it
				at++
			}
			out[at].Channels = append(out[at].Channels, row)
			return nil
		}, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("read campaigns of shop %q: %w", shop, err)
	}
	return out, nil
}

// limits returns the scope as inScope takes it: whether it has every campaign, the first of
// the shops that it is limited to, and the others as an array in JSON.
func limits(by readmodel.Scope) []any {
	shops, limited := by.Limits()
	switch len(shops) {
	case 0:
		return []any{!limited, nil, "[]"}
	case 1:
		return []any{!limited, string(shops[0]), "[]"}
	default:
		others, _ := json.Marshal(shops[1:]) // of strings: never fails
		return []any{!limited, string(shops[0]), string(others)}
	}
}
