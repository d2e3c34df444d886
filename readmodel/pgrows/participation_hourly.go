package pgrows

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

const (
	participationHourlyColumns = `
campaign, hour, participants`

	readParticipationHourly = `
SELECT` + participationHourlyColumns + `
FROM jangbu_rows.participation_hourly
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'participation_hourly')
  AND campaign = $1` + inScope + `
ORDER BY hour`

	loadParticipationHourly = `
SELECT` + participationHourlyColumns + `
FROM unnest($2::text[], $3::timestamptz[]) AS wanted (c, h)
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.participation_hourly
    WHERE generation = $1 AND campaign = wanted.c AND hour = wanted.h
    LIMIT 1
) AS found`

	upsertParticipationHourly = `
INSERT INTO jangbu_rows.participation_hourly (generation,` + participationHourlyColumns + `)
SELECT $1, new.*
FROM unnest($2::text[], $3::timestamptz[], $4::bigint[]) AS new
ON CONFLICT (generation, campaign, hour) DO UPDATE
SET participants = EXCLUDED.participants`
)

// scanParticipationHour reads a row of participationHourlyColumns.
func scanParticipationHour(rows pgx.Rows) (readmodel.ParticipationHour, error) {
	var row readmodel.ParticipationHour
	err := rows.Scan((*string)(&row.Campaign), &row.Hour, &row.Participants)
	row.Hour = row.Hour.UTC()
	return row, err
}

func queueLoadParticipationHourly(batch *pgx.Batch, g readmodel.Generation, keys map[readmodel.HourKey]struct{}, into map[readmodel.HourKey]*readmodel.ParticipationHour) {
	campaigns := make([]string, 0, len(keys))
	hours := make([]time.Time, 0, len(keys))
	for _, k := range slices.SortedFunc(maps.Keys(keys), compareHourKeys) {
		campaigns = append(campaigns, string(k.Campaign))
		hours = append(hours, k.Hour)
	}
	batch.Queue(loadParticipationHourly, int32(g), campaigns, hours).Query(forEach(scanParticipationHour, func(row *readmodel.ParticipationHour) {
		into[row.HourKey] = row
	}))
}

func queueUpsertParticipationHourly(batch *pgx.Batch, g readmodel.Generation, rows map[readmodel.HourKey]*readmodel.ParticipationHour) {
	var (
		n            = len(rows)
		campaigns    = make([]string, n)
		hours        = make([]time.Time, n)
		participants = make([]int64, n)
	)
	keys := slices.SortedFunc(maps.Keys(rows), compareHourKeys)
	for i, k := range keys {
		campaigns[i] = string(k.Campaign)
		hours[i] = k.Hour
		participants[i] = rows[k].Participants
	}
	batch.Queue(upsertParticipationHourly, int32(g), campaigns, hours, participants)
}

func compareHourKeys(a, b readmodel.HourKey) int {
	if c := cmp.Compare(a.Campaign, b.Campaign); c != 0 {
		return c
	}
	return a.Hour.Compare(b.Hour)
}
