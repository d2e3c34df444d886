package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"jangbu/readmodel"
)

// fillRows is how many rows one transaction of Fill or Prune writes: so long may
// others have to wait for the file.
const fillRows = 500

const (
	leftovers = `
SELECT g.projection, g.generation
FROM generations AS g
WHERE NOT EXISTS (SELECT 1 FROM projections AS p WHERE p.projection = g.projection AND p.active_generation = g.generation)
  AND NOT EXISTS (SELECT 1 FROM standbys AS s WHERE s.projection = g.projection AND s.generation = g.generation)
ORDER BY g.projection, g.generation`

	dropGeneration = `
DELETE FROM generations
WHERE projection = ?1 AND generation = ?2`
)

// Each table gives up some rows at a time.
const (
	pruneEventStats = `
DELETE FROM event_stats
WHERE (generation, campaign) IN (SELECT generation, campaign FROM event_stats WHERE generation = ?1 LIMIT ?2)`

	pruneChannelStats = `
DELETE FROM channel_stats
WHERE (generation, campaign, channel) IN (SELECT generation, campaign, channel FROM channel_stats WHERE generation = ?1 LIMIT ?2)`

	pruneParticipationHourly = `
DELETE FROM participation_hourly
WHERE (generation, campaign, hour) IN (SELECT generation, campaign, hour FROM participation_hourly WHERE generation = ?1 LIMIT ?2)`

	pruneParticipantProfile = `
DELETE FROM participant_profile
WHERE (generation, campaign, dimension, value) IN (
    SELECT generation, campaign, dimension, value FROM participant_profile WHERE generation = ?1 LIMIT ?2
)`
)

// Fill implements [readmodel.Builds].
func (s *Store) Fill(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows, between func()) error {
	of, at, _, err := readmodel.GenerationsOfFill(advances, rows)
	if err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	f := filling{s, lease, at, of, between}
	if err := f.fill(ctx, rows); err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	if _, err := s.Commit(ctx, lease, advances, readmodel.NewRows()); err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	return nil
}

// filling is one Fill.
type filling struct {
	store *Store
	lease readmodel.Lease
	at    []readmodel.Checkpoint
	of    readmodel.Generations
	// between is called before each transaction.
	between func()
}

func (f *filling) fill(ctx context.Context, rows *readmodel.Rows) error {
	if err := fill(ctx, f, upsertEventStats, slices.Sorted(maps.Keys(rows.Events)),
		eventStatsArgs(f.of[readmodel.EventStatsTable], rows.Events)); err != nil {
		return err
	}
	if err := fill(ctx, f, upsertChannelStats, slices.SortedFunc(maps.Keys(rows.Channels), compareChannelKeys),
		channelStatsArgs(f.of[readmodel.ChannelStatsTable], rows.Channels)); err != nil {
		return err
	}
	if err := fill(ctx, f, upsertParticipationHourly, slices.SortedFunc(maps.Keys(rows.Hours), compareHourKeys),
		participationHourArgs(f.of[readmodel.ParticipationHourlyTable], rows.Hours)); err != nil {
		return err
	}
	return fill(ctx, f, upsertParticipantProfile, slices.SortedFunc(maps.Keys(rows.Profiles), compareProfileKeys),
		profileCountArgs(f.of[readmodel.ParticipantProfileTable], rows.Profiles))
}

// fill writes the rows of one table, some in each transaction.
func fill[K any](ctx context.Context, f *filling, statement string, keys []K, args func(K) []any) error {
	for some := range slices.Chunk(keys, fillRows) {
		f.between()
		err := f.store.held(ctx, f.lease, func(tx *sql.Tx) error {
			if err := lockCheckpoints(ctx, tx, f.at); err != nil {
				return err
			}
			if err := lockAllUnserved(ctx, tx, f.at); err != nil {
				return err
			}
			return upsert(ctx, tx, statement, some, args)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Prune implements [readmodel.Builds].
func (s *Store) Prune(ctx context.Context, lease readmodel.Lease, between func()) error {
	type generation struct {
		projection string
		number     int64
	}
	var all []generation
	err := forEach(ctx, s.reads[leftovers], func(rows *sql.Rows) (g generation, err error) {
		err = rows.Scan(&g.projection, &g.number)
		return g, err
	}, func(g *generation) { all = append(all, *g) })
	if err != nil {
		return fmt.Errorf("prune generations: %w", err)
	}
	for _, g := range all {
		if err := s.prune(ctx, lease, g.projection, g.number, between); err != nil {
			return fmt.Errorf("prune generation %d of %s: %w", g.number, g.projection, err)
		}
	}
	return nil
}

// prune removes the generation's rows and then what tells of it.
func (s *Store) prune(ctx context.Context, lease readmodel.Lease, projection string, generation int64, between func()) error {
	statement, ok := map[string]string{
		readmodel.EventStatsTable:          pruneEventStats,
		readmodel.ChannelStatsTable:        pruneChannelStats,
		readmodel.ParticipationHourlyTable: pruneParticipationHourly,
		readmodel.ParticipantProfileTable:  pruneParticipantProfile,
	}[projection]
	for more := ok; more; { // a projection without a table has no rows
		between()
		err := s.held(ctx, lease, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, statement, generation, fillRows)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			more = n == fillRows
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.held(ctx, lease, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, dropGeneration, projection, generation)
		return err
	})
}
