package pgrows

import (
	"cmp"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

const (
	participantProfileColumns = `
campaign, dimension, value, participants`

	readParticipantProfile = `
SELECT` + participantProfileColumns + `
FROM jangbu_rows.participant_profile
WHERE generation = (SELECT active_generation FROM jangbu_rows.projections WHERE projection = 'participant_profile')
  AND campaign = $1` + inScope + `
ORDER BY dimension, value`

	loadParticipantProfile = `
SELECT` + participantProfileColumns + `
FROM unnest($2::text[], $3::text[], $4::text[]) AS wanted (c, d, v)
CROSS JOIN LATERAL (
    SELECT * FROM jangbu_rows.participant_profile
    WHERE generation = $1 AND campaign = wanted.c AND dimension = wanted.d AND value = wanted.v
    LIMIT 1
) AS found`

	upsertParticipantProfile = `
INSERT INTO jangbu_rows.participant_profile (generation,` + participantProfileColumns + `)
SELECT $1, new.*
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS new
ON CONFLICT (generation, campaign, dimension, value) DO UPDATE
SET participants = EXCLUDED.participants`
)

// scanProfileCount reads a row of participantProfileColumns.
func scanProfileCount(rows pgx.Rows) (readmodel.ProfileCount, error) {
	var row readmodel.ProfileCount
	err := rows.Scan((*string)(&row.Campaign), (*string)(&row.Dimension), &row.Value, &row.Participants)
	return row, err
}

func queueLoadParticipantProfile(batch *pgx.Batch, g readmodel.Generation, keys map[readmodel.ProfileKey]struct{}, into map[readmodel.ProfileKey]*readmodel.ProfileCount) {
	campaigns := make([]string, 0, len(keys))
	dimensions := make([]string, 0, len(keys))
	values := make([]string, 0, len(keys))
	for _, k := range slices.SortedFunc(maps.Keys(keys), compareProfileKeys) {
		campaigns = append(campaigns, string(k.Campaign))
		dimensions = append(dimensions, string(k.Dimension))
		values = append(values, k.Value)
	}
	batch.Queue(loadParticipantProfile, int32(g), campaigns, dimensions, values).Query(forEach(scanProfileCount, func(row *readmodel.ProfileCount) {
		into[row.ProfileKey] = row
	}))
}

func queueUpsertParticipantProfile(batch *pgx.Batch, g readmodel.Generation, rows map[readmodel.ProfileKey]*readmodel.ProfileCount) {
	var (
		n            = len(rows)
		campaigns    = make([]string, n)
		dimensions   = make([]string, n)
		values       = make([]string, n)
		participants = make([]int64, n)
	)
	keys := slices.SortedFunc(maps.Keys(rows), compareProfileKeys)
	for i, k := range keys {
		campaigns[i] = string(k.Campaign)
		dimensions[i] = string(k.Dimension)
		values[i] = k.Value
		participants[i] = rows[k].Participants
	}
	batch.Queue(upsertParticipantProfile, int32(g), campaigns, dimensions, values, participants)
}

func compareProfileKeys(a, b readmodel.ProfileKey) int {
	if c := cmp.Compare(a.Campaign, b.Campaign); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Dimension, b.Dimension); c != 0 {
		return c
	}
	return cmp.Compare(a.Value, b.Value)
}
