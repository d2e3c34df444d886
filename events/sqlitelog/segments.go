package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"jangbu/events"
	"jangbu/events/segments"
	"jangbu/events/sqlite"
	"jangbu/events/sqlitelog/schema"
)

// readSegments returns all, which are few.
const readSegments = `SELECT first, last FROM segments ORDER BY last`

// insertIdentities reads those of events that were inserted: to bind them again costs more.
const insertIdentities = `
INSERT OR FAIL INTO identities_%d (campaign, id, position)
SELECT campaign, id, position FROM events WHERE position BETWEEN ? AND ?`

// findDigests returns the numbers and digests of those identities in the list of %[2]s that the
// segment up to position %[1]d holds.
const findDigests = `
WITH wanted (n, campaign, id) AS (VALUES %[2]s)
SELECT w.n, e.digest
FROM wanted AS w
CROSS JOIN identities_%[1]d AS i ON i.campaign = w.campaign AND i.id = w.id
CROSS JOIN events AS e ON e.position = i.position`

// wantedAtOnce is how many identities a statement looks up.
const wantedAtOnce = 64

// errKnown: the last segment holds an identity, and was not asked.
var errKnown = errors.New("the log holds one of the identities")

// querier is a database, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// segmentsOf returns the segments of the log in their order.
func segmentsOf(ctx context.Context, db querier) (all []segments.Range, err error) {
	rows, err := db.QueryContext(ctx, readSegments)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s segments.Range
		if err := rows.Scan(&s.First, &s.Last); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// room is where the events of a transaction go.
type room struct {
	tx       *sql.Tx
	before   events.Position // the head before it
	segments []segments.Range
	// full is what is known of the full ones; nil: nothing.
	full *segments.Known
}

// room returns the room behind the head. What full says is not used where it is of another log.
func (l *Log) room(ctx context.Context, tx *sql.Tx, head headRow, full *segments.Known) (*room, error) {
	all, err := segmentsOf(ctx, tx)
	if err != nil {
		return nil, fmt.Errorf("read the segments: %w", err)
	}
	to := &room{tx: tx, before: head.position, segments: all, full: full}
	if full == nil {
		return to, nil
	}
	var link []byte
	if at := full.At(); at > 0 {
		if err := tx.QueryRowContext(ctx, readLink, int64(at)).Scan(&link); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read link: %w", err)
		}
	}
	if !full.Of(link, head.renamed) {
		l.tender.Forget(full)
		to.full = nil
	}
	return to, nil
}

// make adds the segments that are missing for n events.
func (r *room) make(ctx context.Context, n int, size events.Position) error {
	for p := r.before + 1; p <= r.before+events.Position(n); {
		i, ok := segments.Holding(r.segments, p)
		if !ok {
			s := segments.Range{First: p, Last: segments.Around(p, size).Last}
			if len(r.segments) > 0 && r.segments[len(r.segments)-1].Last >= p {
				return fmt.Errorf("%w: no segment holds position %d", events.ErrCorrupt, p)
			}
			if err := schema.AddSegment(ctx, r.tx, s); err != nil {
				return fmt.Errorf("add a segment: %w", err)
			}
			i, r.segments = len(r.segments), append(r.segments, s)
		}
		p = r.segments[i].Last + 1
	}
	return nil
}

// known returns the digests that the log holds under the identities of n new events, nil for an
// identity that it does not hold. It asks the last segment of these events only if all is set:
// otherwise [room.identify] finds what that one holds.
func (r *room) known(ctx context.Context, n int, all bool, of identities) ([]*events.Digest, error) {
	i, _ := segments.Holding(r.segments, r.before+events.Position(n)) // make has seen to it
	if all {
		i++
	}
	return find(ctx, r.tx, r.segments[:i], r.full, of)
}

// find returns the digests that segments hold under the identities, nil for an identity that they
// do not hold. It asks the filters first, and looks into a segment for what they do not exclude.
func find(ctx context.Context, db querier, in []segments.Range, full *segments.Known, of identities) ([]*events.Digest, error) {
	digests := make([]*events.Digest, len(of))
	var keys []segments.Key
	if full != nil {
		keys = of.keys()
	}
	for _, s := range in {
		which, covered := segments.Ask(full.Filters(), s, keys)
		if !covered {
			which = of.every()
		}
		if err := findIn(ctx, db, s, of, which, digests); err != nil {
			return nil, fmt.Errorf("look up known events: %w", err)
		}
	}
	return digests, nil
}

// findIn sets the digests of those identities that a segment holds.
func findIn(ctx context.Context, db querier, s segments.Range, of identities, which []int, digests []*events.Digest) (err error) {
	if len(which) == 0 {
		return nil
	}
	var list strings.Builder
	for i := range min(len(which), wantedAtOnce) {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, "(%d, ?, ?)", i)
	}
	query, err := db.PrepareContext(ctx, fmt.Sprintf(findDigests, s.Last, list.String()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, query.Close()) }()
	args := make([]any, 2*min(len(which), wantedAtOnce))
	for len(which) > 0 {
		some := which[:min(len(which), wantedAtOnce)]
		which = which[len(some):]
		clear(args) // nil is no identity
		for i, k := range some {
			args[2*i], args[2*i+1] = string(of[k].campaign), of[k].id[:]
		}
		if err := digestsOf(ctx, query, args, some, digests); err != nil {
			return err
		}
	}
	return nil
}

// digestsOf sets the digests that a query finds: the n-th is of the identity that which names.
func digestsOf(ctx context.Context, query *sql.Stmt, args []any, which []int, digests []*events.Digest) (err error) {
	rows, err := query.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int
		var raw sql.RawBytes
		if err := rows.Scan(&n, &raw); err != nil {
			return err
		}
		if len(raw) != len(events.Digest{}) {
			return fmt.Errorf("%w: a digest has %d bytes", events.ErrCorrupt, len(raw))
		}
		digest := events.Digest(raw)
		digests[which[n]] = &digest
	}
	return rows.Err()
}

// identify inserts the identities of n new events, which were inserted. It returns [errKnown] if
// their segments hold one.
func (r *room) identify(ctx context.Context, n int) error {
	for p, last := r.before+1, r.before+events.Position(n); p <= last; {
		i, _ := segments.Holding(r.segments, p)
		s := r.segments[i]
		_, err := r.tx.ExecContext(ctx, fmt.Sprintf(insertIdentities, s.Last), int64(p), int64(min(s.Last, last)))
		if sqlite.Taken(err) {
			return fmt.Errorf("%w: %w", errKnown, err)
		}
		if err != nil {
			return fmt.Errorf("insert identities: %w", err)
		}
		p = s.Last + 1
	}
	return nil
}
