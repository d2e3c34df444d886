package pglog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
	"jangbu/events/postgres"
)

// writeReadings never takes a source back: a process that was frozen may write late what
// another one has read since.
const writeReadings = `
INSERT INTO jangbu_log.sources AS s (topic, part, topic_id, next_offset, read_at)
SELECT r.topic, r.part, r.topic_id, r.next_offset, clock_timestamp()
FROM unnest($1::text[], $2::integer[], $3::uuid[], $4::bigint[]) AS r (topic, part, topic_id, next_offset)
ON CONFLICT (topic, part) DO UPDATE
SET topic_id    = EXCLUDED.topic_id,
    read_at     = EXCLUDED.read_at,
    next_offset = CASE WHEN s.topic_id = EXCLUDED.topic_id THEN greatest(s.next_offset, EXCLUDED.next_offset) ELSE EXCLUDED.next_offset END`

const skipSource = `
INSERT INTO jangbu_log.sources AS s (topic, part, topic_id, next_offset, read_at, gaps, lost, gap_at)
VALUES ($1, $2, $3, $4, clock_timestamp(), 1, $5, clock_timestamp())
ON CONFLICT (topic, part) DO UPDATE
SET topic_id    = EXCLUDED.topic_id,
    next_offset = EXCLUDED.next_offset,
    read_at     = EXCLUDED.read_at,
    gaps        = s.gaps + 1,
    lost        = s.lost + EXCLUDED.lost,
    gap_at      = EXCLUDED.gap_at`

const listSources = `
SELECT topic, part, topic_id, next_offset, read_at, gaps, lost, gap_at
FROM jangbu_log.sources
ORDER BY topic, part`

// readOrigins returns what is stored beside the first link at or after each of the positions.
const readOrigins = `
WITH after AS (
    SELECT DISTINCT (SELECT min(l.position) FROM jangbu_log.links AS l WHERE l.position >= w.position) AS position
    FROM unnest($1::bigint[]) AS w (position)
)
SELECT l.position, l.origins
FROM after
JOIN jangbu_log.links AS l USING (position)
WHERE l.origins IS NOT NULL
ORDER BY l.position`

const readNext = `
SELECT topic_id, next_offset FROM jangbu_log.sources WHERE topic = $1 AND part = $2`

// queueFirsts fails the batch where the log is behind a source. The head row is locked.
func queueFirsts(batch *pgx.Batch, read []events.Reading) {
	for _, r := range events.Firsts(read) {
		batch.Queue(readNext, r.Topic, r.Partition).QueryRow(func(row pgx.Row) error {
			var s events.SourceState
			if err := row.Scan((*[16]byte)(&s.TopicID), &s.Next); err != nil && !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
			return s.Behind(r)
		})
	}
}

// queueReadings writes how far sources have been read; no two readings are of one.
func queueReadings(batch *pgx.Batch, read []events.Reading) {
	if len(read) == 0 {
		return
	}
	n := len(read)
	topics, parts, ids, offsets := make([]string, n), make([]int32, n), make([]pgtype.UUID, n), make([]int64, n)
	for i, r := range read {
		topics[i], parts[i], offsets[i] = r.Topic, r.Partition, r.Next
		ids[i] = pgtype.UUID{Bytes: r.TopicID, Valid: true}
	}
	batch.Queue(writeReadings, topics, parts, ids, offsets)
}

// sources implements [events.Sources] in the database of its log.
type sources struct{ *Log }

var _ events.Sources = sources{}

// Sources implements [events.Log].
func (l *Log) Sources() events.Sources { return sources{l} }

// List implements [events.Sources].
func (s sources) List(ctx context.Context) ([]events.SourceState, error) {
	rows, err := s.pool.Query(ctx, listSources)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s events.SourceState, err error) {
		var gapAt *time.Time
		err = row.Scan(&s.Topic, &s.Partition, (*[16]byte)(&s.TopicID), &s.Next, &s.ReadAt, &s.Gaps, &s.Lost, &gapAt)
		s.ReadAt = s.ReadAt.UTC()
		if gapAt != nil {
			s.GapAt = gapAt.UTC()
		}
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	return all, nil
}

// Trace implements [events.Sources].
func (s sources) Trace(ctx context.Context, read []events.Recorded) error {
	if len(read) == 0 {
		return nil
	}
	positions := make([]int64, len(read))
	for i := range read {
		positions[i] = int64(read[i].Position)
	}
	rows, err := s.pool.Query(ctx, readOrigins, positions)
	if err != nil {
		return fmt.Errorf("trace events: %w", err)
	}
	var last events.Position
	var stored []byte
	if _, err := pgx.ForEachRow(rows, []any{&last, &stored}, func() error { return events.Trace(read, last, stored) }); err != nil {
		return fmt.Errorf("trace events: %w", err)
	}
	return nil
}

// Skip implements [events.Sources].
func (s sources) Skip(ctx context.Context, source events.Source, next, lost int64) error {
	if next < 0 || lost < 0 {
		return errors.New("skip source: offset and number of records must not be negative")
	}
	id := pgtype.UUID{Bytes: source.TopicID, Valid: true}
	if err := s.pool.WriteOne(ctx, postgres.Durable, skipSource, source.Topic, source.Partition, id, next, lost); err != nil {
		return fmt.Errorf("skip source: %w", err)
	}
	return nil
}
