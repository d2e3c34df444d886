package pgrows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

// One snapshot serves all tables; otherwise a dashboard could show numbers of two commits.
const (
	// readCampaignStats reads the revision as well, which takes less time than a
	// statement of its own.
	readCampaignStats = `
SELECT {columns},` + revisionColumns + `
FROM jangbu_rows.event_stats
CROSS JOIN jangbu_rows.store AS s
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
  AND campaign = $1
  AND ($2 OR known AND store = ANY ($3))
  AND s.id = 1`

	// readShopOf is one row, whether there is the campaign or not.
	readShopOf = `
SELECT coalesce((
    SELECT store
    FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND campaign = $1
      AND known
), ''),
(` + readRebuilding + `
)`

	beginSnapshot = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`

	endSnapshot = `
COMMIT`
)

// Campaign implements [readmodel.Reader], in one round trip where there is the campaign.
func (s *Store) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	var out readmodel.CampaignRows
	found := func() bool { return out.Campaign().Campaign != "" }
	err := s.served(ctx, found, func(batch *pgx.Batch) {
		out = readmodel.NewCampaignRows()
		s.queueCampaign(batch, c, by, &out)
	})
	if err != nil {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, err)
	}
	if !found() {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, nil
}

// ShopOf implements [readmodel.Reader].
func (s *Store) ShopOf(ctx context.Context, c events.Campaign) (shop events.Shop, err error) {
	var rebuilding bool
	if err = s.pool.QueryRow(ctx, readShopOf, string(c)).Scan(&shop, &rebuilding); err == nil && rebuilding {
		err = readmodel.ErrRebuilding
	}
	if err != nil {
		return "", fmt.Errorf("read the shop of campaign %q: %w", c, away(err))
	}
	return shop, nil
}

// queueCampaign reads a campaign's rows in the scope, and the revision with its
// [readmodel.CampaignStats] row. The statements over the other tables are sent before it
// is known whether the campaign is in the scope, so each of them checks the scope (I12).
func (s *Store) queueCampaign(batch *pgx.Batch, c events.Campaign, by readmodel.Scope, out *readmodel.CampaignRows) {
	everything, shops := limits(by)
	for _, t := range s.tables {
		query, more := t.read, []any(nil)
		if t == s.campaigns {
			query, more = s.queries.campaign, revisionFields(&out.Revision)
		}
		batch.Queue(query, string(c), everything, shops).Query(t.scanEach(
			func() any { return out.Append(t.Table) }, func(any) {}, more...))
	}
}
