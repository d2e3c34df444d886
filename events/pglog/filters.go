package pglog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/segments"
)

const readState = `SELECT position, renamed FROM jangbu_log.log_head`

// listFilters returns which filters are of the log: their links are.
const listFilters = `
SELECT f.first, f.last, f.position, f.link
FROM jangbu_log.filters AS f
JOIN jangbu_log.links AS l USING (position, link)
ORDER BY f.last`

const readBits = `SELECT bits FROM jangbu_log.filters WHERE last = $1`

// linkAfter returns the first link at or after a position.
const linkAfter = `SELECT position, link FROM jangbu_log.links WHERE position >= $1 ORDER BY position LIMIT 1`

// readIdentities returns those of some positions of the segment of this name.
const readIdentities = `SELECT campaign, id FROM %s WHERE position >= $1::bigint AND position <= $2::bigint`

// keepFilter keeps a filter, unless the log has changed since its identities were read: then it
// is another one, or has other identities. The head row is locked.
const keepFilter = `
INSERT INTO jangbu_log.filters AS f (first, last, bits, position, link)
SELECT $1, $2, $3, $4, $5
WHERE EXISTS (SELECT FROM jangbu_log.links WHERE position = $4 AND link = $5)
    AND EXISTS (SELECT FROM jangbu_log.log_head WHERE renamed = $6)
ON CONFLICT (last) DO UPDATE
SET first = EXCLUDED.first, bits = EXCLUDED.bits, position = EXCLUDED.position, link = EXCLUDED.link`

// dropFilters drops the filters of positions whose identities change.
const dropFilters = `
DELETE FROM jangbu_log.filters AS f
WHERE EXISTS (SELECT FROM unnest($1::bigint[]) AS p (position) WHERE p.position BETWEEN f.first AND f.last)`

const noteRenaming = `UPDATE jangbu_log.log_head SET renamed = gen_random_uuid()`

// newTender returns the tender of the log, which is not started.
func (l *Log) newTender(size events.Position) *segments.Tender {
	return &segments.Tender{
		Size: size,
		Read: l.readFilters,
		List: func(ctx context.Context) ([]segments.Range, error) {
			rows, err := l.pool.Query(ctx, readSegments)
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, scanSegment)
		},
		Add: func(ctx context.Context, r segments.Range) error {
			_, err := l.pool.Exec(ctx, addSegment, r.First, r.Last)
			return err
		},
		Make: l.makeFilter,
		Failed: func(ctx context.Context, err error) {
			l.logger.WarnContext(ctx, "cannot tend the segments of the log; appends look into more indexes meanwhile", slog.Any("error", err))
		},
	}
}

// readFilters reads the filters that are kept, but for those that are known. It also returns the
// head.
func (l *Log) readFilters(ctx context.Context, known *segments.Known) (*segments.Known, events.Position, error) {
	now := new(segments.Known)
	var head events.Position
	err := l.snapshot(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, readState).Scan(&head, &now.Renaming); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, listFilters)
		if err != nil {
			return err
		}
		var r segments.Range
		var m events.Mark
		var kept []segments.Range
		var marks []events.Mark
		if _, err := pgx.ForEachRow(rows, []any{&r.First, &r.Last, &m.Position, &m.Link}, func() error {
			kept, marks = append(kept, r), append(marks, m)
			return nil
		}); err != nil {
			return err
		}
		for i, r := range kept {
			f := known.Filter(r, marks[i], now.Renaming)
			if f == nil {
				var bits []byte
				if err := tx.QueryRow(ctx, readBits, r.Last).Scan(&bits); err != nil {
					return err
				}
				if f, err = segments.Load(r, bits); err != nil {
					return err
				}
			}
			now.Add(f, marks[i])
		}
		return nil
	})
	return now, head, err
}

// makeFilter makes the filter of a part of a segment from its identities, and keeps it. What this
// process has appended itself it does not read back.
func (l *Log) makeFilter(ctx context.Context, of, part segments.Range) error {
	var f *segments.Own
	n := 0 // identities that are read
	err := l.snapshot(ctx, func(tx pgx.Tx) (err error) {
		var head events.Position
		var renamed segments.Renaming
		if err := tx.QueryRow(ctx, readState).Scan(&head, &renamed); err != nil {
			return err
		}
		if f, err = l.tender.Own(part, renamed, func(m events.Mark) (bool, error) {
			at, err := markAfter(ctx, tx, m.Position)
			return at == m, err
		}); err != nil {
			return err
		}
		if f.From > part.Last {
			if f.Mark, err = markAfter(ctx, tx, part.Last); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(readIdentities, segment(of)), pgx.QueryResultFormats{pgx.BinaryFormatCode}, part.First, f.From-1)
		if err != nil {
			return err
		}
		defer rows.Close()
		for ; rows.Next(); n++ {
			raw := rows.RawValues()
			if len(raw) != 2 || len(raw[1]) != len(events.ID{}) {
				return fmt.Errorf("%w: an identity is not in the binary format expected", events.ErrCorrupt)
			}
			f.Add(segments.KeyOf(events.Campaign(raw[0]), events.ID(raw[1])))
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	if n != int(f.From-part.First) {
		return fmt.Errorf("%w: %d events have the positions %d to %d", events.ErrGap, n, part.First, f.From-1)
	}
	return l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, keepFilter, part.First, part.Last, f.Bytes(), f.Mark.Position, f.Mark.Link[:], f.Renaming)
		return err
	})
}

// markAfter returns the first mark at or after a position, which the head is not before.
func markAfter(ctx context.Context, tx pgx.Tx, p events.Position) (m events.Mark, err error) {
	return m, tx.QueryRow(ctx, linkAfter, p).Scan(&m.Position, &m.Link)
}

// snapshot runs f in a transaction that sees one state of the log and writes nothing.
func (l *Log) snapshot(ctx context.Context, f func(pgx.Tx) error) error {
	tx, err := l.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // if it fails, the connection is closed
	return f(tx)
}
