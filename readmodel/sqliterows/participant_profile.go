package sqliterows

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"

	"jangbu/readmodel"
)

const (
	participantProfileColumns = `
campaign, dimension, value, participants`

	readParticipantProfile = `
SELECT` + participantProfileColumns + `
FROM participant_profile
WHERE generation = (SELECT active_generation FROM projections WHERE projection = 'participant_profile')
  AND campaign = ?1
ORDER BY dimension, value`

	// participant_profile has a column of the name that json_each gives a value.
	loadParticipantProfile = `
SELECT p.campaign, p.dimension, p.value, p.participants
FROM json_each(?2) AS wanted
CROSS JOIN participant_profile AS p
WHERE p.generation = ?1
  AND p.campaign = wanted.value ->> 0 AND p.dimension = wanted.value ->> 1 AND p.value = wanted.value ->> 2`

	upsertParticipantProfile = `
INSERT INTO participant_profile (generation,` + participantProfileColumns + `)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (generation, campaign, dimension, value) DO UPDATE
SET participants = excluded.participants`
)

// scanProfileCount reads a row of participantProfileColumns.
func scanProfileCount(rows *sql.Rows) (readmodel.ProfileCount, error) {
	var row readmodel.ProfileCount
	err := rows.Scan((*string)(&row.Campaign), (*string)(&row.Dimension), &row.Value, &row.Participants)
	return row, err
}

func loadParticipantProfileRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, keys map[readmodel.ProfileKey]struct{}, into map[readmodel.ProfileKey]*readmodel.ProfileCount) error {
	triples := make([][3]string, 0, len(keys))
	for k := range keys {
		triples = append(triples, [3]string{string(k.Campaign), string(k.Dimension), k.Value})
	}
	return load(ctx, tx, loadParticipantProfile, g, triples, scanProfileCount, func(row *readmodel.ProfileCount) {
		into[row.ProfileKey] = row
	})
}

func upsertParticipantProfileRows(ctx context.Context, tx *sql.Tx, g readmodel.Generation, rows map[readmodel.ProfileKey]*readmodel.ProfileCount) error {
	keys := slices.SortedFunc(maps.Keys(rows), compareProfileKeys)
	return upsert(ctx, tx, upsertParticipantProfile, keys, profileCountArgs(g, rows))
}

// profileCountArgs returns what makes the parameters of upsertParticipantProfile.
func profileCountArgs(g readmodel.Generation, rows map[readmodel.ProfileKey]*readmodel.ProfileCount) func(readmodel.ProfileKey) []any {
	return func(k readmodel.ProfileKey) []any {
		return []any{int64(g), string(k.Campaign), string(k.Dimension), k.Value, rows[k].Participants}
	}
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
