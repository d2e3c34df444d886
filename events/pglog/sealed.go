package pglog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

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

const (
	// fewEvents are appended without filters: a command that appends some looks into all
	// indexes, which is cheaper than to read the filters.
	fewEvents = 1_000
	// tendAgain is the time before what has failed is tried again.
	tendAgain = 10 * time.Second
)

// renaming tells the last time that events were given another campaign from all others.
type renaming [16]byte

// sealed is the filters of what is full, and does not change any more. They are of the log whose
// chain has the mark, since the last renaming.
type sealed struct {
	mark    events.Mark
	renamed renaming
	filters []*segments.Filter // in the order of their ranges
	marks   []events.Mark      // of the filters
}

// of reports whether the log is that one, whose link at the mark is raw.
func (s *sealed) of(raw []byte, renamed renaming) bool {
	return s.renamed == renamed && (s.mark.Position == 0 || slices.Equal(raw, s.mark.Link[:]))
}

// at returns the position whose link tells whether the log is that one.
func (s *sealed) at() events.Position {
	if s == nil {
		return 0
	}
	return s.mark.Position
}

// tender keeps the filters of a process, and makes what is missing: filters of
// what is full, and the next segment. It works while the process appends, beside it. What it has
// not done costs appends a look into more indexes, and nothing else.
type tender struct {
	size events.Position

	mu    sync.Mutex // guards what follows
	known *sealed    // nil: not read
	few   int        // how many more events are appended without it
	// head is the newest that is known of. There is work from the head due on, and not before the
	// time again.
	due, head events.Position
	again     time.Time

	reading chan struct{} // holds a token while the filters are read
	wake    chan struct{} // holds a token while there may be work
	stop    context.CancelFunc
	stopped chan struct{} // closed once it has
}

func newTender(size events.Position) *tender {
	return &tender{
		size: size, few: min(fewEvents, int(size/4)),
		reading: make(chan struct{}, 1), wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// run works until ctx ends.
func (t *tender) run(ctx context.Context, l *Log) {
	defer close(t.stopped)
	for {
		select {
		case <-t.wake:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil && t.isDue() {
			if err := l.makeMissing(ctx); err != nil {
				l.untended(ctx, err)
			}
		}
	}
}

// isDue reports whether there is work.
func (t *tender) isDue() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head >= t.due && t.few == 0 && !time.Now().Before(t.again)
}

// grown says how far the log has grown.
func (t *tender) grown(head events.Position) {
	t.mu.Lock()
	t.head = head
	t.mu.Unlock()
	if !t.isDue() {
		return
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// close ends the work and waits for its end.
func (t *tender) close() {
	t.stop()
	<-t.stopped
}

// sealed returns what the process knows, for an append of n events. It reads it first if the
// process has appended more than a few.
func (l *Log) sealed(ctx context.Context, n int) *sealed {
	t := l.tender
	look := func() (*sealed, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.known, t.known != nil || t.few > 0 || time.Now().Before(t.again)
	}
	t.mu.Lock()
	t.few = max(0, t.few-n)
	t.mu.Unlock()
	known, done := look()
	if done {
		return known
	}
	select {
	case t.reading <- struct{}{}:
		defer func() { <-t.reading }()
	case <-ctx.Done():
		return nil
	}
	if known, done = look(); done {
		return known
	}
	known, _, err := l.readSealed(ctx, nil)
	if err != nil {
		l.untended(ctx, err)
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = known
	return known
}

// forget makes the next append read again what was known of another log.
func (t *tender) forget(known *sealed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == known {
		t.known, t.due = nil, 0
	}
}

func (l *Log) untended(ctx context.Context, err error) {
	l.tender.mu.Lock()
	l.tender.again = time.Now().Add(tendAgain)
	l.tender.mu.Unlock()
	if ctx.Err() == nil {
		l.logger.WarnContext(ctx, "cannot tend the segments of the log; appends look into all indexes meanwhile", slog.Any("error", err))
	}
}

// makeMissing makes the filters and the segment that are missing.
func (l *Log) makeMissing(ctx context.Context) error {
	t := l.tender
	t.mu.Lock()
	known := t.known
	t.mu.Unlock()
	known, head, err := l.readSealed(ctx, known)
	if err != nil {
		return fmt.Errorf("read the filters: %w", err)
	}
	rows, err := l.pool.Query(ctx, readSegments)
	if err != nil {
		return fmt.Errorf("read the segments: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanSegment)
	if err != nil {
		return fmt.Errorf("read the segments: %w", err)
	}
	if len(all) == 0 {
		return fmt.Errorf("%w: no segment", events.ErrCorrupt)
	}
	// The next one is there before this one is full.
	last := all[len(all)-1]
	half := max(last.First, last.Last-t.size/2)
	if head >= half {
		next := segments.Around(last.Last+1, t.size)
		if _, err := l.pool.Exec(ctx, addSegment, last.Last+1, next.Last); err != nil {
			return fmt.Errorf("add a segment: %w", err)
		}
		half = next.Last - t.size/2
	}
	due := min(half, segments.Around(head+1, t.size).Last)
	full, made := 0, false
	for _, s := range all {
		for _, part := range s.Parts(t.size) {
			if part.Last > head {
				due = min(due, part.Last)
				break
			}
			full++
			if !slices.ContainsFunc(known.filters, func(f *segments.Filter) bool { return f.Range == part }) {
				made = true
				if err := l.makeFilter(ctx, s, part); err != nil {
					return fmt.Errorf("make the filter of positions %d to %d: %w", part.First, part.Last, err)
				}
			}
		}
	}
	if made {
		if known, _, err = l.readSealed(ctx, known); err != nil {
			return fmt.Errorf("read the filters: %w", err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.due = known, due
	if len(known.filters) < full {
		return errors.New("the log has changed meanwhile")
	}
	return nil
}

// readSealed reads the filters that are kept, but for those that are known. It also returns the
// head.
func (l *Log) readSealed(ctx context.Context, known *sealed) (*sealed, events.Position, error) {
	now := new(sealed)
	var head events.Position
	err := l.snapshot(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, readState).Scan(&head, &now.renamed); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, listFilters)
		if err != nil {
			return err
		}
		var r segments.Range
		var m events.Mark
		var ranges []segments.Range
		if _, err := pgx.ForEachRow(rows, []any{&r.First, &r.Last, &m.Position, &m.Link}, func() error {
			ranges, now.marks = append(ranges, r), append(now.marks, m)
			return nil
		}); err != nil {
			return err
		}
		for i, r := range ranges {
			if now.marks[i].Position > now.mark.Position {
				now.mark = now.marks[i]
			}
			if f := known.filter(r, now.marks[i], now.renamed); f != nil {
				now.filters = append(now.filters, f)
				continue
			}
			var bits []byte
			if err := tx.QueryRow(ctx, readBits, r.Last).Scan(&bits); err != nil {
				return err
			}
			f, err := segments.Load(r, bits)
			if err != nil {
				return err
			}
			now.filters = append(now.filters, f)
		}
		return nil
	})
	return now, head, err
}

// filter returns a filter that is known since the last renaming; nil: none.
func (s *sealed) filter(r segments.Range, m events.Mark, renamed renaming) *segments.Filter {
	if s == nil || s.renamed != renamed {
		return nil
	}
	for i, f := range s.filters {
		if f.Range == r && s.marks[i] == m {
			return f
		}
	}
	return nil
}

// makeFilter makes the filter of a part of a segment from its identities, and keeps it.
func (l *Log) makeFilter(ctx context.Context, of, part segments.Range) error {
	filter, n := segments.NewFilter(part), 0
	var mark events.Mark
	var head events.Position
	var renamed renaming
	err := l.snapshot(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, readState).Scan(&head, &renamed); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, linkAfter, part.Last).Scan(&mark.Position, &mark.Link); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(readIdentities, segment(of)), pgx.QueryResultFormats{pgx.BinaryFormatCode}, part.First, part.Last)
		if err != nil {
			return err
		}
		defer rows.Close()
		for ; rows.Next(); n++ {
			raw := rows.RawValues()
			if len(raw) != 2 || len(raw[1]) != len(events.ID{}) {
				return fmt.Errorf("%w: an identity is not in the binary format expected", events.ErrCorrupt)
			}
			filter.Add(segments.KeyOf(events.Campaign(raw[0]), events.ID(raw[1])))
		}
		return rows.Err()
	})
	if err != nil {
		return err
	}
	if n != part.Len() {
		return fmt.Errorf("%w: %d events have the positions %d to %d", events.ErrGap, n, part.First, part.Last)
	}
	return l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, keepFilter, part.First, part.Last, filter.Bytes(), mark.Position, mark.Link[:], renamed)
		return err
	})
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
