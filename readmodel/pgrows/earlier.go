package pgrows

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/readmodel"
)

const (
	// keepSnapshots looks at what was stored before the statement.
	keepSnapshots = `
INSERT INTO jangbu_rows.snapshots (projection, generation, campaign, position, recorded_at, description, rows, overwritten)
SELECT k.projection, k.generation, k.campaign, k.position, k.recorded_at, k.description, k.rows, CASE WHEN k.overwritten >= 0 THEN k.overwritten ELSE coalesce((
    SELECT overwritten
    FROM jangbu_rows.snapshots AS b
    WHERE b.projection = k.projection AND b.generation = k.generation AND b.campaign = k.campaign AND b.position < k.position
    ORDER BY b.position DESC
    LIMIT 1
), 0) END
FROM unnest($1::text[], $2::integer[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::bytea[], $8::bigint[])
    AS k (projection, generation, campaign, position, recorded_at, description, rows, overwritten)
ON CONFLICT (projection, generation, campaign, position) DO UPDATE
SET recorded_at = EXCLUDED.recorded_at, description = EXCLUDED.description, rows = EXCLUDED.rows, overwritten = EXCLUDED.overwritten`

	clearSnapshots = `
DELETE FROM jangbu_rows.snapshots
WHERE projection = $1 AND generation = $2 AND campaign = $3`

	pruneSnapshots = `
DELETE FROM jangbu_rows.snapshots
WHERE projection = $1 AND generation = $2
  AND ctid = ANY (ARRAY(SELECT ctid FROM jangbu_rows.snapshots WHERE projection = $1 AND generation = $2 LIMIT $3))`

	// dropUnread deletes what no program reads that has this table.
	dropUnread = `
DELETE FROM jangbu_rows.snapshots
WHERE projection = $1 AND description <> $2`

	// readEarlier finds the last snapshot of each generation in the order of an index.
	readEarlier = `
SELECT g.projection, g.version, g.generation, g.position, g.link, s.position, s.recorded_at, s.overwritten, s.rows, coalesce((
    SELECT n.position
    FROM jangbu_rows.snapshots AS n
    WHERE n.projection = p.projection AND n.generation = p.active_generation AND n.campaign = $1 AND n.position > s.position AND n.description = ANY ($3)
    ORDER BY n.position
    LIMIT 1
), 0)
FROM jangbu_rows.projections AS p
JOIN jangbu_rows.generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
CROSS JOIN LATERAL (
    SELECT m.position, m.recorded_at, m.overwritten, m.rows
    FROM jangbu_rows.snapshots AS m
    WHERE m.projection = p.projection AND m.generation = p.active_generation AND m.campaign = $1 AND m.{moment} <= $2 AND m.description = ANY ($3)
    ORDER BY m.{moment} DESC, m.position DESC
    LIMIT 1
) AS s
ORDER BY g.projection`

	readAllSnapshots = `
SELECT projection, position, rows
FROM jangbu_rows.snapshots
WHERE projection = $1 AND description = $2`
)

// keptSnapshots is how many snapshots one transaction of Fill stores.
const keptSnapshots = 200

// sentSnapshots is how many snapshots one statement stores.
const sentSnapshots = 40

// queueSnapshots stores snapshots of the generations.
func (s *Store) queueSnapshots(batch *pgx.Batch, of readmodel.GenerationOf, all []readmodel.Snapshot) {
	for some := range slices.Chunk(all, sentSnapshots) {
		var (
			projections, campaigns               []string
			generations                          []int32
			positions, descriptions, overwritten []int64
			times                                []time.Time
			rows                                 [][]byte
		)
		for k, before := range readmodel.InOrder(some) {
			t := s.named(k.Projection)
			if t == nil { // as of its rows, there are none
				continue
			}
			projections, campaigns = append(projections, k.Projection), append(campaigns, string(k.Campaign))
			generations, positions = append(generations, int32(of[k.Projection])), append(positions, int64(k.Position))
			times, rows = append(times, k.RecordedAt), append(rows, []byte(k.Rows))
			descriptions, overwritten = append(descriptions, int64(t.description)), append(overwritten, int64(before))
		}
		batch.Queue(keepSnapshots, projections, generations, campaigns, positions, times, descriptions, rows, overwritten)
	}
}

// keep stores snapshots, some in each transaction.
func (f *filling) keep(ctx context.Context, all []readmodel.Snapshot) error {
	for some := range slices.Chunk(all, keptSnapshots) {
		f.between()
		batch := new(pgx.Batch)
		f.store.queueSnapshots(batch, f.of, some)
		if err := f.write(ctx, func(ctx context.Context, tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() }); err != nil {
			return err
		}
	}
	return nil
}

// description returns that of the projection's snapshots; 0 where there is no table of it.
func (s *Store) description(projection string) int64 {
	if t := s.named(projection); t != nil {
		return int64(t.description)
	}
	return 0
}

// Earlier implements [readmodel.Snapshots].
func (s *Store) Earlier(ctx context.Context, c events.Campaign, asOf readmodel.Moment) ([]readmodel.Snapshot, error) {
	query, moment := s.queries.earlierByPosition, any(int64(asOf.Position))
	if asOf.Position == 0 {
		query, moment = s.queries.earlierByTime, asOf.At
	}
	descriptions := make([]int64, len(s.tables))
	for i, t := range s.tables {
		descriptions[i] = int64(t.description)
	}
	rows, _ := s.pool.Query(ctx, query, string(c), moment, descriptions) // its error is that of the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k readmodel.Snapshot, err error) {
		var encoded []byte
		err = row.Scan(append(checkpointFields(&k.Of), &k.Position, &k.RecordedAt, &k.Overwritten, &encoded, &k.Next)...)
		k.Projection, k.Campaign, k.RecordedAt, k.Rows = k.Of.Projection, c, k.RecordedAt.UTC(), string(encoded)
		return k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read snapshots of campaign %q: %w", c, away(err))
	}
	return all, nil
}

// eachSnapshot calls each with all snapshots of the table that can be read.
func (s *Store) eachSnapshot(ctx context.Context, t *table, each func(readmodel.Snapshot) error) error {
	rows, _ := s.pool.Query(ctx, readAllSnapshots, t.Name, int64(t.description)) // its error is that of the rows
	var k readmodel.Snapshot
	var encoded []byte
	_, err := pgx.ForEachRow(rows, []any{&k.Projection, &k.Position, &encoded}, func() error {
		k.Rows = string(encoded)
		return each(k)
	})
	return err
}
