package pgrows

import (
	"cmp"
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
const fillRows = 2_000

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

// Fill implements [readmodel.Builds], by COPY where there are no rows yet.
func (s *Store) Fill(ctx context.Context, lease readmodel.Lease, advances []readmodel.Advance, rows *readmodel.Rows, between func()) error {
	of, at, empty, err := readmodel.GenerationsOfFill(advances, rows)
	if err != nil {
		return fmt.Errorf("fill generations: %w", err)
	}
	f := filling{s, lease, at, of, between}
	fill := f.upsert
	if empty {
		fill = f.fill
	}
	if err := fill(ctx, rows); err != nil {
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

// fill copies the rows: those of the largest table beside those of the others. Its error
// is that of whoever failed first, which ends the other.
func (f *filling) fill(ctx context.Context, rows *readmodel.Rows) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	copied := make(chan error, 2)
	each := func(do func(context.Context, *readmodel.Rows) error) {
		err := do(ctx, rows)
		copied <- err
		if err != nil {
			cancel()
		}
	}
	go each(f.copyHours)
	each(f.copyOthers)
	return cmp.Or(<-copied, <-copied)
}

func (f *filling) copyHours(ctx context.Context, rows *readmodel.Rows) error {
	hours := slices.SortedFunc(maps.Keys(rows.Hours), compareHourKeys)
	return f.copy(ctx, readmodel.ParticipationHourlyTable, participationHourlyColumns, len(hours), func(i int) []any {
		k := hours[i]
		return []any{string(k.Campaign), k.Hour, rows.Hours[k].Participants}
	})
}

func (f *filling) copyOthers(ctx context.Context, rows *readmodel.Rows) error {
	profiles := slices.SortedFunc(maps.Keys(rows.Profiles), compareProfileKeys)
	err := f.copy(ctx, readmodel.ParticipantProfileTable, participantProfileColumns, len(profiles), func(i int) []any {
		k := profiles[i]
		return []any{string(k.Campaign), string(k.Dimension), k.Value, rows.Profiles[k].Participants}
	})
	if err != nil {
		return err
	}
	channels := slices.SortedFunc(maps.Keys(rows.Channels), compareChannelKeys)
	err = f.copy(ctx, readmodel.ChannelStatsTable, channelStatsColumns, len(channels), func(i int) []any {
		return channelStatsValues(rows.Channels[channels[i]])
	})
	if err != nil {
		return err
	}
	events := slices.Sorted(maps.Keys(rows.Events))
	return f.copy(ctx, readmodel.EventStatsTable, eventStatsColumns, len(events), func(i int) []any {
		return eventStatsValues(rows.Events[events[i]])
	})
}

// copy writes n rows into the table, some in each transaction.
func (f *filling) copy(ctx context.Context, table, columns string, n int, values func(int) []any) error {
	names := append([]string{"generation"}, strings.FieldsFunc(columns, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })...)
	generation := int32(f.of[table])
	for from := 0; from < n; from += fillRows {
		f.between()
		some := pgx.CopyFromSlice(min(fillRows, n-from), func(i int) ([]any, error) {
			return append([]any{generation}, values(from+i)...), nil
		})
		err := f.write(ctx, func(tx pgx.Tx) error {
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"jangbu_rows", table}, names, some)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// upsert replaces rows, some in each transaction.
func (f *filling) upsert(ctx context.Context, rows *readmodel.Rows) error {
	for some := range rows.Chunks(fillRows) {
		f.between()
		err := f.write(ctx, func(tx pgx.Tx) error {
			return tx.SendBatch(ctx, upsertBatch(f.of, some)).Close()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write runs do in a transaction in which the generations are as they were given and
// not served.
func (f *filling) write(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, f.store.pool, func(tx pgx.Tx) error {
		claim := new(pgx.Batch)
		claim.Queue(commitSoon)
		queueHoldLease(claim, f.lease)
		queueLockCheckpoints(claim, shareCheckpoint, f.at)
		queueLockUnserved(claim, f.at)
		if err := tx.SendBatch(ctx, claim).Close(); err != nil {
			return err
		}
		return do(tx)
	})
}

// Prune implements [readmodel.Builds].
func (s *Store) Prune(ctx context.Context, lease readmodel.Lease, between func()) error {
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
		if err := s.prune(ctx, lease, g.Projection, g.Generation, between); err != nil {
			return fmt.Errorf("prune generation %d of %s: %w", g.Generation, g.Projection, err)
		}
	}
	return nil
}

// prune removes the generation's rows and then what tells of it.
func (s *Store) prune(ctx context.Context, lease readmodel.Lease, projection string, generation int32, between func()) error {
	statement, ok := map[string]string{
		readmodel.EventStatsTable:          pruneEventStats,
		readmodel.ChannelStatsTable:        pruneChannelStats,
		readmodel.ParticipationHourlyTable: pruneParticipationHourly,
		readmodel.ParticipantProfileTable:  pruneParticipantProfile,
	}[projection]
	for more := ok; more; { // a projection without a table has no rows
		between()
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
