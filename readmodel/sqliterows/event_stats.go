package sqliterows

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	eventStatsColumns = `
campaign, known, store, title, objective, starts_at, ends_at,
prize_cost_won, platform_cost_won, expected_sales_increase_won, baseline_sales_won, new_customer_ltv_won,
participants, new_customers, position, updated_at`

	// It reads the revision as well, which as a statement of its own would take
	// longer. What is out of scope is not found (I12).
	readEventStats = `
SELECT` + eventStatsColumns + `,` + revisionColumns + `
FROM event_stats
CROSS JOIN store AS s
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'event_stats')
  AND campaign = ?1
  AND` + inScope + `
  AND s.id = 1`

	// inScope compares with the first shop by itself: most scopes have no other, and
	// to read the others from JSON takes longer than all the rest.
	inScope = `
(?2 OR known AND (store = ?3 OR store IN (SELECT value FROM json_each(?4))))`

	loadEventStats = `
SELECT` + eventStatsColumns + `
FROM json_each(?2) AS wanted
CROSS JOIN event_stats
WHERE generation = ?1 AND campaign = wanted.value`

	upsertEventStats = `
INSERT INTO event_stats (generation,` + eventStatsColumns + `)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
ON CONFLICT (generation, campaign) DO UPDATE
SET known                       = excluded.known,
    store                       = excluded.store,
    title                       = excluded.title,
    objective                   = excluded.objective,
    starts_at                   = excluded.starts_at,
    ends_at                     = excluded.ends_at,
    prize_cost_won              = excluded.prize_cost_won,
    platform_cost_won           = excluded.platform_cost_won,
    expected_sales_increase_won = excluded.expected_sales_increase_won,
    baseline_sales_won          = excluded.baseline_sales_won,
    new_customer_ltv_won        = excluded.new_customer_ltv_won,
    participants                = excluded.participants,
    new_customers               = excluded.new_customers,
    position                    = excluded.position,
    updated_at                  = excluded.updated_at`
)

// scanEventStats reads a row of eventStatsColumns.
func scanEventStats(rows *sql.Rows) (readmodel.EventStats, error) {
	return scanEventStatsAnd(rows)
}

// scanEventStatsAnd reads a row of eventStatsColumns and more after them.
func scanEventStatsAnd(rows *sql.Rows, more ...any) (readmodel.EventStats, error) {
	var (
		row                                      readmodel.EventStats
		startsAt, endsAt, updatedAt              sql.NullInt64
		prize, platform, increase, baseline, ltv sql.NullInt64
	)
	err := rows.Scan(append([]any{
		(*string)(&row.Campaign), &row.Known, (*string)(&row.Shop), &row.Title, &row.Objective,
		&startsAt, &endsAt, &prize, &platform, &increase, &baseline, &ltv,
		&row.Participants, &row.NewCustomers, (*int64)(&row.Position), &updatedAt,
	}, more...)...)
	row.StartsAt = timeOf(startsAt)
	row.EndsAt = timeOf(endsAt)
	row.PrizeCost = wonOf(prize)
	row.PlatformCost = wonOf(platform)
	row.ExpectedSalesIncrease = wonOf(increase)
	row.BaselineSales = wonOf(baseline)
	row.NewCustomerLTV = wonOf(ltv)
	row.UpdatedAt = timeOf(updatedAt)
	return row, err
}

func loadEventStatsRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, keys map[events.Campaign]struct{}, into map[events.Campaign]*readmodel.EventStats) error {
	return load(ctx, tx, loadEventStats, g, slices.Collect(maps.Keys(keys)), scanEventStats, func(row *readmodel.EventStats) {
		into[row.Campaign] = row
	})
}

func upsertEventStatsRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, rows map[events.Campaign]*readmodel.EventStats) error {
	return upsert(ctx, tx, upsertEventStats, slices.Sorted(maps.Keys(rows)), eventStatsArgs(g, rows))
}

// eventStatsArgs returns what makes the parameters of upsertEventStats.
func eventStatsArgs(g readmodel.Generation, rows map[events.Campaign]*readmodel.EventStats) func(events.Campaign) []any {
	return func(c events.Campaign) []any {
		row := rows[c]
		return []any{
			int64(g), string(c), row.Known, string(row.Shop), row.Title, row.Objective,
			nullTime(row.StartsAt), nullTime(row.EndsAt),
			nullWon(row.PrizeCost), nullWon(row.PlatformCost), nullWon(row.ExpectedSalesIncrease),
			nullWon(row.BaselineSales), nullWon(row.NewCustomerLTV),
			row.Participants, row.NewCustomers, int64(row.Position), nullTime(row.UpdatedAt),
		}
	}
}
