package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"jangbu/events"
	"jangbu/events/sqlite"
	"jangbu/readmodel"
)

const (
	// keepSnapshot looks at what the transaction has stored before.
	keepSnapshot = `
INSERT INTO snapshots (projection, generation, campaign, position, recorded_at, description, rows, overwritten)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, CASE WHEN ?8 >= 0 THEN ?8 ELSE coalesce((
    SELECT overwritten
    FROM snapshots
    WHERE projection = ?1 AND generation = ?2 AND campaign = ?3 AND position < ?4
    ORDER BY position DESC
    LIMIT 1
), 0) END
WHERE true -- else ON would be of a join
ON CONFLICT (projection, generation, campaign, position) DO UPDATE
SET recorded_at = excluded.recorded_at, description = excluded.description, rows = excluded.rows, overwritten = excluded.overwritten`

	clearSnapshots = `
DELETE FROM snapshots
WHERE projection = ?1 AND generation = ?2 AND campaign = ?3`

	// pruneSnapshots deletes the snapshots of some campaigns of a generation.
	pruneSnapshots = `
DELETE FROM snapshots
WHERE projection = ?1 AND generation = ?2 AND (campaign, position) IN (
    SELECT campaign, position FROM snapshots WHERE projection = ?1 AND generation = ?2 LIMIT ?3
)`

	// dropUnread deletes what no program reads that has this table.
	dropUnread = `
DELETE FROM snapshots
WHERE projection = ?1 AND description <> ?2`

	// readEarlier finds the last snapshot of each generation in the order of an index. CROSS JOIN
	// has SQLite look it up before the others.
	readEarlier = `
SELECT g.projection, g.version, g.generation, g.position, g.link, s.position, s.recorded_at, s.overwritten, s.rows, coalesce((
    SELECT n.position
    FROM snapshots AS n
    WHERE n.projection = p.projection AND n.generation = p.active_generation AND n.campaign = ?1 AND n.position > s.position
      AND n.description IN ({descriptions})
    ORDER BY n.position
    LIMIT 1
), 0)
FROM projections AS p
CROSS JOIN snapshots AS s ON s.projection = p.projection AND s.generation = p.active_generation AND s.campaign = ?1 AND s.position = (
    SELECT m.position
    FROM snapshots AS m
    WHERE m.projection = p.projection AND m.generation = p.active_generation AND m.campaign = ?1
      AND m.{moment} <= ?2 AND m.description IN ({descriptions})
    ORDER BY m.{moment} DESC, m.position DESC
    LIMIT 1
)
CROSS JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
ORDER BY p.projection`

	readAllSnapshots = `
SELECT projection, position, rows
FROM snapshots
WHERE projection = ?1 AND description = ?2`
)

// keptSnapshots is how many snapshots one transaction of Fill stores.
const keptSnapshots = 200

// keep stores snapshots of the generations.
func (s *Store) keep(ctx context.Context, tx *sql.Tx, of readmodel.GenerationOf, some []readmodel.Snapshot) error {
	for i := range some {
		k := &some[i]
		t := s.named(k.Projection)
		if t == nil {
			continue
		}
		_, err := tx.ExecContext(context.WithoutCancel(ctx), keepSnapshot, k.Projection, int64(of[k.Projection]), string(k.Campaign), int64(k.Position),
			k.RecordedAt.UnixMicro(), int64(t.description), []byte(k.Rows), int64(k.Overwritten))
		if err != nil {
			return err
		}
	}
	return nil
}

// earlierBy returns readEarlier for moments that are given in the column.
func (s *Store) earlierBy(moment string) string {
	descriptions := make([]string, len(s.tables))
	for i, t := range s.tables {
		descriptions[i] = fmt.Sprint(t.description)
	}
	return strings.NewReplacer("{moment}", moment, "{descriptions}", strings.Join(descriptions, ", ")).Replace(readEarlier)
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
	query, moment := s.queries.earlierByPosition, int64(asOf.Position)
	if asOf.Position == 0 {
		query, moment = s.queries.earlierByTime, asOf.At.UnixMicro()
	}
	var all []readmodel.Snapshot
	err := forEach(ctx, s.reads[query], func(rows *sql.Rows) error {
		k := readmodel.Snapshot{Campaign: c}
		var micros int64
		var encoded []byte
		if err := rows.Scan(append(checkpointFields(&k.Of), &k.Position, &micros, &k.Overwritten, &encoded, &k.Next)...); err != nil {
			return err
		}
		k.Projection, k.RecordedAt, k.Rows = k.Of.Projection, time.UnixMicro(micros).UTC(), string(encoded)
		all = append(all, k)
		return nil
	}, string(c), moment)
	if err != nil {
		return nil, fmt.Errorf("read snapshots of campaign %q: %w", c, sqlite.Away(err))
	}
	return all, nil
}

// eachSnapshot calls each with all snapshots of the table that can be read.
func eachSnapshot(ctx context.Context, tx *sql.Tx, t *table, each func(readmodel.Snapshot) error) (err error) {
	read, err := tx.PrepareContext(ctx, readAllSnapshots)
	if err != nil {
		return err
	}
	defer func() { _ = read.Close() }()
	return forEach(ctx, read, func(rows *sql.Rows) error {
		var k readmodel.Snapshot
		var encoded []byte
		if err := rows.Scan(&k.Projection, &k.Position, &encoded); err != nil {
			return err
		}
		k.Rows = string(encoded)
		return each(k)
	}, t.Name, int64(t.description))
}
