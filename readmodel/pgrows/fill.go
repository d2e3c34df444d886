package pgrows

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"jangbu/readmodel"
)

// fillRows is how many rows one transaction of Fill or Prune writes: so long may
// others have to wait for the lease.
const fillRows = 5_000

const (
	leftovers = `
SELECT g.projection, g.generation
FROM jangbu_rows.generations AS g
WHERE NOT EXISTS (SELECT FROM jangbu_rows.projections AS p WHERE p.projection = g.projection AND p.active_generation = g.generation)
  AND NOT EXISTS (SELECT FROM jangbu_rows.standbys AS s WHERE s.projection = g.projection AND s.generation = g.generation)
ORDER BY g.projection, g.generation`

	dropGeneration = `
DELETE FROM jangbu_rows.generations
WHERE projection = $1 AND generation = $2`
)

// Each table gives up some rows at a time.
const (
	pruneEventStats = `
DELETE FROM jangbu_rows.event_stats
WHERE ctid = ANY (ARRAY(SELECT ctid FROM jangbu_rows.event_stats WHERE generation = $1 LIMIT $2))`

	pruneChannelStats = `
DELETE FROM jangbu_rows.channel_stats
WHERE ctid = ANY (ARRAY(SELECT ctid FROM jangbu_rows.channel_stats WHERE generation = $1 LIMIT $2))`

	pruneParticipationHourly = `
DELETE FROM jangbu_rows.participation_hourly
WHERE ctid = ANY (ARRAY(SELECT ctid FROM jangbu_rows.participation_hourly WHERE generation = $1 LIMIT $2))`

	pruneParticipantProfile = `
DELETE FROM jangbu_rows.participant_profile
WHERE ctid = ANY (ARRAY(SELECT ctid FROM jangbu_rows.participant_profile WHERE generation = $1 LIMIT $2))`
)

// Fill implements [readmodel.Builds], by COPY.
func (s *Store) Fill(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows) error {
	of, err := readmodel.GenerationsOfCommit(advances, rows)
	if err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	at := make([]readmodel.Checkpoint, len(advances))
	for i, a := range advances {
		if a.Position != 0 {
			return fmt.Errorf("fill generations: %s, generation %d, has rows up to position %d already", a.Projection, a.Generation, a.Position)
		}
		at[i] = a.Checkpoint
	}
	f := filling{s, lease, at, of}
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
}

func (f *filling) fill(ctx context.Context, rows *readmodel.Rows) error {
	events := slices.Sorted(maps.Keys(rows.Events))
	if err := f.copy(ctx, readmodel.EventStatsTable, eventStatsColumns, len(events), func(i int) []any {
		return eventStatsValues(rows.Events[events[i]])
	}); err != nil {
		return err
	}
	channels := slices.SortedFunc(maps.Keys(rows.Channels), compareChannelKeys)
	if err := f.copy(ctx, readmodel.ChannelStatsTable, channelStatsColumns, len(channels), func(i int) []any {
		return channelStatsValues(rows.Channels[channels[i]])
	}); err != nil {
		return err
	}
	hours := slices.SortedFunc(maps.Keys(rows.Hours), compareHourKeys)
	if err := f.copy(ctx, readmodel.ParticipationHourlyTable, participationHourlyColumns, len(hours), func(i int) []any {
		k := hours[i]
		return []any{string(k.Campaign), k.Hour, rows.Hours[k].Participants}
	}); err != nil {
		return err
	}
	profiles := slices.SortedFunc(maps.Keys(rows.Profiles), compareProfileKeys)
	return f.copy(ctx, readmodel.ParticipantProfileTable, participantProfileColumns, len(profiles), func(i int) []any {
		k := profiles[i]
		return []any{string(k.Campaign), string(k.Dimension), k.Value, rows.Profiles[k].Participants}
	})
}

// copy writes n rows into the table, some in each transaction.
func (f *filling) copy(ctx context.Context, table, columns string, n int, values func(int) []any) error {
	names := append([]string{"generation"}, strings.FieldsFunc(columns, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })...)
	generation := int32(f.of[table])
	for from := 0; from < n; from += fillRows {
		some := pgx.CopyFromSlice(min(fillRows, n-from), func(i int) ([]any, error) {
			return append([]any{generation}, values(from+i)...), nil
		})
		err := pgx.BeginFunc(ctx, f.store.pool, func(tx pgx.Tx) error {
			claim := new(pgx.Batch)
			claim.Queue(commitSoon)
			queueHoldLease(claim, f.lease)
			queueLockCheckpoints(claim, f.at)
			queueLockUnserved(claim, f.at)
			if err := tx.SendBatch(ctx, claim).Close(); err != nil {
				return err
			}
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"jangbu_rows", table}, names, some)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Prune implements [readmodel.Builds].
func (s *Store) Prune(ctx context.Context, lease readmodel.Lease) error {
	rows, err := s.pool.Query(ctx, leftovers)
	if err != nil {
		return fmt.Errorf("prune generations: %w", err)
	}
	type generation struct {
		Projection string
		Generation int32
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[generation])
	if err != nil {
		return fmt.Errorf("prune generations: %w", err)
	}
	for _, g := range all {
		if err := s.prune(ctx, lease, g.Projection, g.Generation); err != nil {
			return fmt.Errorf("prune generation %d of %s: %w", g.Generation, g.Projection, err)
		}
	}
	return nil
}

// prune removes the generation's rows and then what tells of it.
func (s *Store) prune(ctx context.Context, lease readmodel.Lease, projection string, generation int32) error {
	statement, ok := map[string]string{
		readmodel.EventStatsTable:          pruneEventStats,
		readmodel.ChannelStatsTable:        pruneChannelStats,
		readmodel.ParticipationHourlyTable: pruneParticipationHourly,
		readmodel.ParticipantProfileTable:  pruneParticipantProfile,
	}[projection]
	for more := ok; more; { // a projection without a table has no rows
		batch := new(pgx.Batch)
		batch.Queue(commitSoon)
		batch.Queue(statement, generation, fillRows).Exec(func(tag pgconn.CommandTag) error {
			more = tag.RowsAffected() == fillRows
			return nil
		})
		if err := s.held(ctx, lease, batch); err != nil {
			return err
		}
	}
	batch := new(pgx.Batch)
	batch.Queue(dropGeneration, projection, generation)
	return s.held(ctx, lease, batch)
}
