package pglog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/events"
	"jangbu/events/postgres"
	"jangbu/events/segments"
)

// vacuum makes free space of what no transaction sees any more. A page keeps the bytes of
// its free space.
const vacuum = `VACUUM jangbu_log.events, jangbu_log.dead_letters, jangbu_log.filters`

// findPages returns the pages of a segment's events around the positions: for each its number, the
// first position in it, about how many bytes of it are free, and how many a row has there
// beside its payload. Events are written in their order, so those that were erased were there.
const findPages = `
WITH pages AS (
    SELECT DISTINCT (e.ctid::text::point)[0]::bigint AS page
    FROM unnest($1::bigint[]) AS p (position)
    JOIN %[1]s AS e ON e.position BETWEEN p.position - 100 AND p.position + 100
)
SELECT page, min(e.position), current_setting('block_size')::integer - 24 - sum((pg_column_size(e) + 7) / 8 * 8 + 4)::integer,
    max(pg_column_size(e) - octet_length(e.payload))
FROM pages
JOIN %[1]s AS e ON e.ctid >= format('(%%s,0)', page)::tid AND e.ctid < format('(%%s,0)', page + 1)::tid
GROUP BY page`

// fillPage writes another version of a row, and returns the page that it was written to.
const fillPage = `
UPDATE jangbu_log.events SET payload = $2 WHERE position = $1
RETURNING (ctid::text::point)[0]::bigint`

const (
	// mostRow is the longest row that is written as it is, less what its estimate may be
	// wrong by: above 2,000 bytes PostgreSQL compresses rows, or keeps them elsewhere.
	mostRow = 1_900
	// pagesAtOnce is how many erased positions are looked up in one statement.
	pagesAtOnce = 1_000
)

// page is a page of a segment.
type page struct {
	number     int64
	position   events.Position // of a row in it
	free, bare int             // bytes: not in use, and of a row without a payload
}

// Scrub implements [events.Erasures]. It frees the space of old versions, fills the pages
// where these were with other bytes in a transaction that it rolls back, and frees these.
// The write-ahead log and backups keep what was erased until they expire; so does free space
// elsewhere, where an append of a record that was known failed, until it is used again.
func (l erasures) Scrub(ctx context.Context, erased []events.Position) error {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	defer conn.Release()
	if err := l.scrub(ctx, conn, erased); err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	return nil
}

// Compact implements [events.Erasures]. Nothing reads or appends while PostgreSQL writes a table
// anew. The write-ahead log and backups keep what was there until they expire.
func (l erasures) Compact(ctx context.Context) error {
	err := l.pool.Rewrite(ctx, "jangbu_log.events", "jangbu_log.filters", "jangbu_log.dead_letters", "jangbu_log.erasures", "jangbu_log.accesses", rightsTable)
	if err != nil {
		return fmt.Errorf("compact the log: %w", err)
	}
	return nil
}

func (l erasures) scrub(ctx context.Context, conn *pgxpool.Conn, erased []events.Position) error {
	if _, err := conn.Exec(ctx, vacuum); err != nil || len(erased) == 0 {
		return err
	}
	rows, err := conn.Query(ctx, readSegments)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, scanSegment)
	if err != nil {
		return err
	}
	for _, s := range all {
		in := make([]events.Position, 0, len(erased))
		for _, p := range erased {
			if s.Holds(p) {
				in = append(in, p)
			}
		}
		for some := range slices.Chunk(in, pagesAtOnce) {
			if err := l.fillPages(ctx, conn, s, some); err != nil {
				return err
			}
		}
	}
	_, err = conn.Exec(ctx, vacuum)
	return err
}

// fillPages fills the pages of a segment where the events at the positions were.
func (l erasures) fillPages(ctx context.Context, conn *pgxpool.Conn, of segments.Range, erased []events.Position) error {
	rows, err := conn.Query(ctx, fmt.Sprintf(findPages, segment(of)), erased)
	if err != nil {
		return err
	}
	pages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p page, err error) {
		return p, row.Scan(&p.number, &p.position, &p.free, &p.bare)
	})
	if err != nil {
		return err
	}
	for _, p := range pages {
		err := l.pool.InTx(ctx, conn, postgres.Soon, nil, func(tx pgx.Tx) error {
			if err := p.fill(ctx, tx); err != nil {
				return err
			}
			return errFilled
		})
		if !errors.Is(err, errFilled) {
			return err
		}
	}
	return nil
}

// errFilled rolls the transaction back that has filled a page.
var errFilled = errors.New("the page is filled")

// fill writes versions of one row until no other fits in the page.
func (p page) fill(ctx context.Context, tx pgx.Tx) error {
	left := p.free
	for ; left > mostRow; left -= p.bare + mostRow/2 {
		if fits, err := p.write(ctx, tx, mostRow/2); err != nil || !fits {
			return err
		}
	}
	for n := left - p.bare + 64; n >= 0; n -= 4 { // what is free is not exact
		if fits, err := p.write(ctx, tx, n); err != nil || fits {
			return err
		}
	}
	return nil
}

// write writes a version of n bytes and reports whether it is in the page.
func (p page) write(ctx context.Context, tx pgx.Tx, n int) (bool, error) {
	nested, err := tx.Begin(ctx)
	if err != nil {
		return false, err
	}
	var at int64
	if err := nested.QueryRow(ctx, fillPage, p.position, strings.Repeat("-", n)).Scan(&at); err != nil {
		return false, err
	}
	if at != p.number {
		return false, nested.Rollback(ctx)
	}
	return true, nested.Commit(ctx)
}
