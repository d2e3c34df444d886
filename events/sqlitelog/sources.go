package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
)

// writeReading never takes a source back: a process that was frozen may write late what
// another one has read since.
const writeReading = `
INSERT INTO sources (topic, part, topic_id, next_offset, read_at)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (topic, part) DO UPDATE
SET topic_id    = excluded.topic_id,
    read_at     = excluded.read_at,
    next_offset = CASE WHEN sources.topic_id = excluded.topic_id THEN max(sources.next_offset, excluded.next_offset) ELSE excluded.next_offset END`

const skipSource = `
INSERT INTO sources (topic, part, topic_id, next_offset, read_at, gaps, lost, gap_at)
VALUES (?1, ?2, ?3, ?4, ?6, 1, ?5, ?6)
ON CONFLICT (topic, part) DO UPDATE
SET topic_id    = excluded.topic_id,
    next_offset = excluded.next_offset,
    read_at     = excluded.read_at,
    gaps        = sources.gaps + 1,
    lost        = sources.lost + excluded.lost,
    gap_at      = excluded.gap_at`

const listSources = `
SELECT topic, part, topic_id, next_offset, read_at, gaps, lost, gap_at
FROM sources
ORDER BY topic, part`

const readNext = `SELECT topic_id, next_offset FROM sources WHERE topic = ? AND part = ?`

const readOrigins = `SELECT position, origins FROM links WHERE position >= ? ORDER BY position LIMIT 1`

// checkFirsts returns [events.ErrBehind] where the log is behind a source.
func checkFirsts(ctx context.Context, tx *sql.Tx, read []events.Reading) error {
	for _, r := range events.Firsts(read) {
		var s events.SourceState
		var id []byte
		err := tx.QueryRowContext(ctx, readNext, r.Topic, r.Partition).Scan(&id, &s.Next)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read offset of %s/%d: %w", r.Topic, r.Partition, err)
		}
		copy(s.TopicID[:], id)
		if err := s.Behind(r); err != nil {
			return err
		}
	}
	return nil
}

// writeReadings writes how far sources have been read.
func writeReadings(ctx context.Context, tx *sql.Tx, read []events.Reading) error {
	now := time.Now().UnixMicro()
	for _, r := range read {
		if _, err := tx.ExecContext(ctx, writeReading, r.Topic, r.Partition, r.TopicID[:], r.Next, now); err != nil {
			return fmt.Errorf("write offset of %s/%d: %w", r.Topic, r.Partition, err)
		}
	}
	return nil
}

// sources implements [events.Sources] in the file of its log.
type sources struct{ *Log }

var _ events.Sources = sources{}

// Sources implements [events.Log].
func (l *Log) Sources() events.Sources { return sources{l} }

// List implements [events.Sources].
func (s sources) List(ctx context.Context) ([]events.SourceState, error) {
	all, err := s.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	return all, nil
}

func (s sources) list(ctx context.Context) (all []events.SourceState, err error) {
	rows, err := s.reader.QueryContext(ctx, listSources)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s events.SourceState
		var id sql.RawBytes
		var readAt int64
		var gapAt sql.NullInt64
		if err := rows.Scan(&s.Topic, &s.Partition, &id, &s.Next, &readAt, &s.Gaps, &s.Lost, &gapAt); err != nil {
			return nil, err
		}
		if len(id) != len(s.TopicID) {
			return nil, fmt.Errorf("%w: the id of topic %q has %d bytes", events.ErrCorrupt, s.Topic, len(id))
		}
		s.TopicID, s.ReadAt = events.TopicID(id), time.UnixMicro(readAt).UTC()
		if gapAt.Valid {
			s.GapAt = time.UnixMicro(gapAt.Int64).UTC()
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// Trace implements [events.Sources].
func (s sources) Trace(ctx context.Context, read []events.Recorded) error {
	for len(read) > 0 {
		var last events.Position
		var stored []byte
		err := s.reader.QueryRowContext(ctx, readOrigins, int64(read[0].Position)).Scan(&last, &stored)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err == nil && stored != nil:
			err = events.Trace(read, last, stored)
		}
		if err != nil {
			return fmt.Errorf("trace events: %w", err)
		}
		for len(read) > 0 && read[0].Position <= last {
			read = read[1:]
		}
	}
	return nil
}

// Skip implements [events.Sources].
func (s sources) Skip(ctx context.Context, source events.Source, next, lost int64) error {
	if next < 0 || lost < 0 {
		return errors.New("skip source: offset and number of records must not be negative")
	}
	err := write(ctx, s.writer, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, skipSource, source.Topic, source.Partition, source.TopicID[:], next, lost, time.Now().UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("skip source: %w", err)
	}
	return nil
}
