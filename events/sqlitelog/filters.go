package sqlitelog

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"jangbu/events"
	"jangbu/events/segments"
)

const readState = `SELECT position, renamed FROM log_head`

// listFilters returns which filters are of the log: their links are.
const listFilters = `
SELECT f.first, f.last, f.position, f.link
FROM filters AS f
JOIN links AS l USING (position, link)
ORDER BY f.last`

const readBits = `SELECT bits FROM filters WHERE last = ?`

// linkAfter returns the first link at or after a position.
const linkAfter = `SELECT position, link FROM links WHERE position >= ? ORDER BY position LIMIT 1`

// readIdentities returns those after one of the segment up to position %d.
const readIdentities = `
SELECT campaign, id, position FROM identities_%d
WHERE (campaign, id) > (?, ?)
ORDER BY campaign, id
LIMIT ?`

// identitiesAtOnce bounds a read of identities: a long one would keep the write-ahead log from
// being reused.
const identitiesAtOnce = 20_000

// keepFilter keeps a filter, unless the log has changed since its identities were read: then it
// is another one, or has other identities.
const keepFilter = `
INSERT INTO filters (first, last, bits, position, link)
SELECT ?1, ?2, ?3, ?4, ?5
WHERE EXISTS (SELECT 1 FROM links WHERE position = ?4 AND link = ?5)
    AND EXISTS (SELECT 1 FROM log_head WHERE renamed = ?6)
ON CONFLICT (last) DO UPDATE
SET first = excluded.first, bits = excluded.bits, position = excluded.position, link = excluded.link`

// dropFilters drops the filters of positions whose identities change.
const dropFilters = `
DELETE FROM filters
WHERE EXISTS (SELECT 1 FROM json_each(?) AS p WHERE p.value BETWEEN filters.first AND filters.last)`

const noteRenaming = `UPDATE log_head SET renamed = ?`

// newTender returns the tender of the log, which is not started.
func (l *Log) newTender(size events.Position, logger *slog.Logger) *segments.Tender {
	return &segments.Tender{
		Size: size,
		Read: l.readFilters,
		List: func(ctx context.Context) ([]segments.Range, error) { return segmentsOf(ctx, l.reader) },
		Make: l.makeFilter,
		Failed: func(ctx context.Context, err error) {
			if logger != nil {
				logger.WarnContext(ctx, "cannot tend the segments of the log; appends look into more indexes meanwhile", slog.Any("error", err))
			}
		},
	}
}

// readFilters reads the filters that are kept, but for those that are known. It also returns the
// head.
func (l *Log) readFilters(ctx context.Context, known *segments.Known) (_ *segments.Known, head events.Position, err error) {
	now := new(segments.Known)
	err = l.snapshot(ctx, func(tx *sql.Tx) error {
		if err := scanState(tx.QueryRowContext(ctx, readState), &head, &now.Renaming); err != nil {
			return err
		}
		kept, marks, err := filtersOf(ctx, tx)
		if err != nil {
			return err
		}
		for i, r := range kept {
			f := known.Filter(r, marks[i], now.Renaming)
			if f == nil {
				var bits []byte
				if err := tx.QueryRowContext(ctx, readBits, int64(r.Last)).Scan(&bits); err != nil {
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

// filtersOf returns the ranges of the filters that are kept, and their marks.
func filtersOf(ctx context.Context, tx *sql.Tx) (kept []segments.Range, marks []events.Mark, err error) {
	rows, err := tx.QueryContext(ctx, listFilters)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r segments.Range
		var m events.Mark
		var raw sql.RawBytes
		if err := rows.Scan(&r.First, &r.Last, &m.Position, &raw); err != nil {
			return nil, nil, err
		}
		if m.Link, err = linkOf(raw, m.Position); err != nil {
			return nil, nil, err
		}
		kept, marks = append(kept, r), append(marks, m)
	}
	return kept, marks, rows.Err()
}

// makeFilter makes the filter of a part of a segment from its identities, and keeps it. What this
// process has appended itself it does not read back.
func (l *Log) makeFilter(ctx context.Context, of, part segments.Range) error {
	var f *segments.Own
	err := l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		var head events.Position
		var renamed segments.Renaming
		if err := scanState(tx.QueryRowContext(ctx, readState), &head, &renamed); err != nil {
			return err
		}
		if f, err = l.tender.Own(part, renamed, func(m events.Mark) (bool, error) {
			at, err := markAfter(ctx, tx, m.Position)
			return at == m, err
		}); err != nil {
			return err
		}
		if f.From > part.Last {
			f.Mark, err = markAfter(ctx, tx, part.Last)
		}
		return err
	})
	if err != nil {
		return err
	}
	missing, n := segments.Range{First: part.First, Last: f.From - 1}, 0
	for last, read := (identity{}), identitiesAtOnce; missing.Len() > 0 && read == identitiesAtOnce; {
		if read, err = l.addIdentities(ctx, of, missing, f.Filter, &last, &n); err != nil {
			return err
		}
	}
	if n != missing.Len() {
		return fmt.Errorf("%w: %d events have the positions %d to %d", events.ErrGap, n, missing.First, missing.Last)
	}
	return write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, keepFilter, int64(part.First), int64(part.Last), f.Bytes(), int64(f.Mark.Position), f.Mark.Link[:], f.Renaming[:])
		return err
	})
}

// markAfter returns the first mark at or after a position, which the head is not before.
func markAfter(ctx context.Context, tx *sql.Tx, p events.Position) (m events.Mark, err error) {
	var raw []byte
	if err := tx.QueryRowContext(ctx, linkAfter, int64(p)).Scan(&m.Position, &raw); err != nil {
		return m, err
	}
	m.Link, err = linkOf(raw, m.Position)
	return m, err
}

// addIdentities adds some identities of a segment, those after the last, to a filter if they have
// a position in the range. It returns how many it read, and counts the added ones.
func (l *Log) addIdentities(ctx context.Context, of, in segments.Range, to *segments.Filter, last *identity, n *int) (read int, err error) {
	id := last.id[:]
	if last.campaign == "" {
		id = []byte{}
	}
	rows, err := l.reader.QueryContext(ctx, fmt.Sprintf(readIdentities, of.Last), string(last.campaign), id, identitiesAtOnce)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var campaign, raw sql.RawBytes
	for ; rows.Next(); read++ {
		var p events.Position
		if err := rows.Scan(&campaign, &raw, &p); err != nil {
			return read, err
		}
		if len(raw) != len(last.id) {
			return read, fmt.Errorf("%w: the id of position %d has %d bytes", events.ErrCorrupt, p, len(raw))
		}
		*last = identity{events.Campaign(campaign), events.ID(raw)}
		if in.Holds(p) {
			to.Add(segments.KeyOf(last.campaign, last.id))
			*n++
		}
	}
	return read, rows.Err()
}

// scanState scans readState.
func scanState(row *sql.Row, head *events.Position, renamed *segments.Renaming) error {
	var raw []byte
	if err := row.Scan(head, &raw); err != nil {
		return err
	}
	copy(renamed[:], raw)
	return nil
}

// snapshot runs f in a transaction that sees one state of the log and writes nothing.
func (l *Log) snapshot(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := l.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(f(tx), rollback(tx))
}

// rename is called where events are given another campaign. It fails if the log holds one of their
// new identities, and drops the filters that do not know them.
func rename(ctx context.Context, tx *sql.Tx, renamed []events.Recorded) error {
	of, positions := make(identities, len(renamed)), make([]events.Position, len(renamed))
	for i := range renamed {
		of[i], positions[i] = identity{renamed[i].Event.Subject(), renamed[i].ID}, renamed[i].Position
	}
	all, err := segmentsOf(ctx, tx)
	if err != nil {
		return err
	}
	taken, err := find(ctx, tx, all, nil, of)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(taken, func(d *events.Digest) bool { return d != nil }); i >= 0 {
		return fmt.Errorf("position %d: the log would hold its event twice", positions[i])
	}
	some, err := json.Marshal(positions)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, dropFilters, string(some)); err != nil {
		return err
	}
	var mark segments.Renaming
	_, _ = rand.Read(mark[:]) // never fails
	_, err = tx.ExecContext(ctx, noteRenaming, mark[:])
	return err
}
