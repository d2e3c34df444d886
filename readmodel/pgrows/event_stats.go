package pgrows

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	eventStatsColumns = `
campaign, known, store, title, objective, starts_at, ends_at,
prize_cost_won, platform_cost_won, expected_sales_increase_won, baseline_sales_won, new_customer_ltv_won,
participants, new_customers, position, updated_at`

	// It reads the revision as well, which as a statement of its own would take
	// longer.
	readEventStats = `
SELECT` + eventStatsColumns + `,` + revisionColumns + `
FROM jangbu_rows.event_stats
CROSS JOIN jangbu_rows.store AS s
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
  AND campaign = $1
  AND ($2 OR known AND store = ANY ($3))
  AND s.id = 1`

	// inScope keeps rows of other tables from a reader whose scope the campaign is
	// not in (I12): they are asked for before it is known whether it is.
	inScope = `
  AND ($2 OR EXISTS (
    SELECT FROM jangbu_rows.event_stats
    WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'event_stats')
      AND campaign = $1
      AND known AND store = ANY ($3)
  ))`

	loadEventStats = `
SELECT` + eventStatsColumns + `
FROM unnest($2::text[]) AS wanted (c)
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.event_stats
    WHERE generation = $1 AND campaign = wanted.c
    LIMIT 1
) AS found`

	upsertEventStats = `
INSERT INTO jangbu_rows.event_stats (generation,` + eventStatsColumns + `)
SELECT $1, new.*
FROM unnest(
    $2::text[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
    $14::bigint[], $15::bigint[], $16::bigint[], $17::timestamptz[]
) AS new
ON CONFLICT (generation, campaign) DO UPDATE
SET known                       = EXCLUDED.known,
    store                       = EXCLUDED.store,
    title                       = EXCLUDED.title,
    objective                   = EXCLUDED.objective,
    starts_at                   = EXCLUDED.starts_at,
    ends_at                     = EXCLUDED.ends_at,
    prize_cost_won              = EXCLUDED.prize_cost_won,
    platform_cost_won           = EXCLUDED.platform_cost_won,
    expected_sales_increase_won = EXCLUDED.expected_sales_increase_won,
    baseline_sales_won          = EXCLUDED.baseline_sales_won,
    new_customer_ltv_won        = EXCLUDED.new_customer_ltv_won,
    participants                = EXCLUDED.participants,
    new_customers               = EXCLUDED.new_customers,
    position                    = EXCLUDED.position,
    updated_at                  = EXCLUDED.updated_at`
)

// scanEventStats reads a row of eventStatsColumns.
func scanEventStats(rows pgx.Rows) (readmodel.EventStats, error) {
	return scanEventStatsAnd(rows)
}

// scanEventStatsAnd reads a row of eventStatsColumns and more after them.
func scanEventStatsAnd(rows pgx.Rows, more ...any) (readmodel.EventStats, error) {
	var (
		row                                      readmodel.EventStats
		startsAt, endsAt, updatedAt              pgtype.Timestamptz
		prize, platform, increase, baseline, ltv pgtype.Int8
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

func queueLoadEventStats(batch *pgx.Batch, g readmodel.Generation, keys map[events.Campaign]struct{}, into map[events.Campaign]*readmodel.EventStats) {
	campaigns := make([]string, 0, len(keys))
	for _, c := range slices.Sorted(maps.Keys(keys)) {
		campaigns = append(campaigns, string(c))
	}
	batch.Queue(loadEventStats, int32(g), campaigns).Query(forEach(scanEventStats, func(row *readmodel.EventStats) {
		into[row.Campaign] = row
	}))
}

func queueUpsertEventStats(batch *pgx.Batch, g readmodel.Generation, rows map[events.Campaign]*readmodel.EventStats) {
	var (
		n            = len(rows)
		campaigns    = make([]string, n)
		known        = make([]bool, n)
		stores       = make([]string, n)
		titles       = make([]string, n)
		objectives   = make([]string, n)
		startsAt     = make(instants, n)
		endsAt       = make(instants, n)
		prize        = make(int8s, n)
		platform     = make(int8s, n)
		increase     = make(int8s, n)
		baseline     = make(int8s, n)
		ltv          = make(int8s, n)
		participants = make([]int64, n)
		newCustomers = make([]int64, n)
		positions    = make([]int64, n)
		updatedAt    = make(instants, n)
	)
	for i, c := range slices.Sorted(maps.Keys(rows)) {
		row := rows[c]
		campaigns[i] = string(c)
		known[i] = row.Known
		stores[i] = string(row.Shop)
		titles[i] = row.Title
		objectives[i] = row.Objective
		startsAt[i] = nullTime(row.StartsAt)
		endsAt[i] = nullTime(row.EndsAt)
		prize[i] = nullWon(row.PrizeCost)
		platform[i] = nullWon(row.PlatformCost)
		increase[i] = nullWon(row.ExpectedSalesIncrease)
		baseline[i] = nullWon(row.BaselineSales)
		ltv[i] = nullWon(row.NewCustomerLTV)
		participants[i] = row.Participants
		newCustomers[i] = row.NewCustomers
		positions[i] = int64(row.Position)
		updatedAt[i] = nullTime(row.UpdatedAt)
	}
	batch.Queue(upsertEventStats, int32(g),
		campaigns, known, stores, titles, objectives, startsAt, endsAt,
		prize, platform, increase, baseline, ltv, participants, newCustomers, positions, updatedAt)
}

// eventStatsValues returns the values of eventStatsColumns.
func eventStatsValues(row *readmodel.EventStats) []any {
	return []any{
		string(row.Campaign), row.Known, string(row.Shop), row.Title, row.Objective,
		nullTime(row.StartsAt), nullTime(row.EndsAt),
		nullWon(row.PrizeCost), nullWon(row.PlatformCost), nullWon(row.ExpectedSalesIncrease),
		nullWon(row.BaselineSales), nullWon(row.NewCustomerLTV),
		row.Participants, row.NewCustomers, int64(row.Position), nullTime(row.UpdatedAt),
	}
}
