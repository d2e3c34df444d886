package sqliterows

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events"
	"jangbu/events/sqlite"
	"jangbu/readmodel"
)

const (
	// readCampaignStats reads the revision as well, which takes less time than a
	// statement of its own. It finds only a campaign in the scope (I12).
	readCampaignStats = `
SELECT {columns},` + revisionColumns + `
FROM event_stats
CROSS JOIN store AS s
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
  AND campaign = ?1
  AND` + inScope + `
  AND s.id = 1`

	// readShopOf is one row, whether there is the campaign or not.
	readShopOf = `
SELECT coalesce((
    SELECT store
    FROM event_stats
    WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
      AND campaign = ?1
      AND known
), ''),
(` + readRebuilding + `
)`

	// inScope takes the first shop as a parameter of its own: most scopes have one shop,
	// and reading JSON takes longer than the rest of the statement.
	inScope = `
(?2 OR known AND (store = ?3 OR store IN (SELECT value FROM json_each(?4))))`
)

// Campaign implements [readmodel.Reader].
func (s *Store) Campaign(ctx context.Context, c events.Campaign, by readmodel.Scope) (readmodel.CampaignRows, error) {
	out := readmodel.NewCampaignRows()
	err := s.read(ctx, func(tx *sql.Tx) error {
		r := campaignReader{s, tx, c, &out}
		if err := r.campaign(ctx, by); err != nil {
			return err
		}
		if out.Campaign().Campaign == "" {
			return s.checkServed(ctx, tx) // a campaign outside the scope is read no further (I12)
		}
		return r.others(ctx)
	})
	if err != nil {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, err)
	}
	if out.Campaign().Campaign == "" {
		return readmodel.CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, readmodel.ErrNotFound)
	}
	return out, nil
}

// ShopOf implements [readmodel.Reader].
func (s *Store) ShopOf(ctx context.Context, c events.Campaign) (shop events.Shop, err error) {
	var rebuilding bool
	if err = s.reads[readShopOf].QueryRowContext(ctx, string(c)).Scan(&shop, &rebuilding); err == nil && rebuilding {
		err = readmodel.ErrRebuilding
	}
	if err != nil {
		return "", fmt.Errorf("read the shop of campaign %q: %w", c, sqlite.Away(err))
	}
	return shop, nil
}

// campaignReader reads one campaign's rows in a transaction. The transaction can be
// cancelled; its statements cannot, as in upsertRows.
type campaignReader struct {
	*Store
	tx  *sql.Tx
	c   events.Campaign
	out *readmodel.CampaignRows
}

func (r campaignReader) prepared(ctx context.Context, query string) *sql.Stmt {
	return r.tx.StmtContext(ctx, r.reads[query])
}

// campaign reads the [readmodel.CampaignStats] row in the scope, and the revision with it.
func (r campaignReader) campaign(ctx context.Context, by readmodel.Scope) error {
	return r.table(ctx, r.campaigns, r.queries.campaign, append([]any{string(r.c)}, limits(by)...), revisionFields(&r.out.Revision)...)
}

// others reads the rows of the other tables. It does not check the scope.
func (r campaignReader) others(ctx context.Context) error {
	for _, t := range r.tables {
		if t == r.campaigns {
			continue
		}
		if err := r.table(ctx, t, t.read, []any{string(r.c)}); err != nil {
			return err
		}
	}
	return nil
}

// table reads the rows of one table, and more columns after them.
func (r campaignReader) table(ctx context.Context, t *table, query string, args []any, more ...any) error {
	scan := t.scanner(more...)
	return forEach(context.WithoutCancel(ctx), r.prepared(ctx, query), func(rows *sql.Rows) error {
		return scan(rows, r.out.Append(t.Table))
	}, args...)
}
