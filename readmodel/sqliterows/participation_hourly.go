package sqliterows

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"jangbu/readmodel"
)

const (
	participationHourlyColumns = `
campaign, hour, participants`

	readParticipationHourly = `
SELECT` + participationHourlyColumns + `
FROM participation_hourly
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'participation_hourly')
  AND campaign = ?1
ORDER BY hour`

	loadParticipationHourly = `
SELECT` + participationHourlyColumns + `
FROM json_each(?2) AS wanted
CROSS JOIN participation_hourly
WHERE generation = ?1 AND campaign = wanted.value ->> 0 AND hour = wanted.value ->> 1`

	upsertParticipationHourly = `
INSERT INTO participation_hourly (generation,` + participationHourlyColumns + `)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (generation, campaign, hour) DO UPDATE
SET participants = excluded.participants`
)

// scanParticipationHour reads a row of participationHourlyColumns.
func scanParticipationHour(rows *sql.Rows) (readmodel.ParticipationHour, error) {
	var (
		row  readmodel.ParticipationHour
		hour int64
	)
	err := rows.Scan((*string)(&row.Campaign), &hour, &row.Participants)
	row.Hour = time.UnixMicro(hour).UTC()
	return row, err
}

func loadParticipationHourlyRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, keys map[readmodel.HourKey]struct{}, into map[readmodel.HourKey]*readmodel.ParticipationHour) error {
	pairs := make([][2]any, 0, len(keys))
	for k := range keys {
		pairs = append(pairs, [2]any{string(k.Campaign), k.Hour.UnixMicro()})
	}
	return load(ctx, tx, loadParticipationHourly, g, pairs, scanParticipationHour, func(row *readmodel.ParticipationHour) {
		into[row.HourKey] = row
	})
}

func upsertParticipationHourlyRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, rows map[readmodel.HourKey]*readmodel.ParticipationHour) error {
	keys := slices.SortedFunc(maps.Keys(rows), compareHourKeys)
	return upsert(ctx, tx, upsertParticipationHourly, keys, participationHourArgs(g, rows))
}

// participationHourArgs returns what makes the parameters of upsertParticipationHourly.
func participationHourArgs(g readmodel.Generation, rows map[readmodel.HourKey]*readmodel.ParticipationHour) func(readmodel.HourKey) []any {
	return func(k readmodel.HourKey) []any {
		return []any{int64(g), string(k.Campaign), k.Hour.UnixMicro(), rows[k].Participants}
	}
}

func compareHourKeys(a, b readmodel.HourKey) int {
	if c := cmp.Compare(a.Campaign, b.Campaign); c != 0 {
		return c
	}
	return a.Hour.Compare(b.Hour)
}
