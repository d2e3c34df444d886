package pglog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
	"jangbu/events/segments"
)

// readSegments returns all, which are few: one for a million events.
const readSegments = `SELECT first, last FROM jangbu_log.segments ORDER BY last`

const addSegment = `SELECT jangbu_log.add_segment($1, $2)`

// findDigestsIn is findDigests in the segment of this name.
const findDigestsIn = `
SELECT (SELECT e.digest FROM %s AS e WHERE e.campaign = w.campaign AND e.id = w.id)
FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS w (campaign, id, n)
ORDER BY w.n`

// segment is the name of a segment's table.
func segment(r segments.Range) string { return fmt.Sprintf("jangbu_log.events_%d", r.Last) }

// identityOf is the name of the constraint that keeps a segment from holding an identity twice.
func identityOf(r segments.Range) string { return fmt.Sprintf("events_%d_identity", r.Last) }

func scanSegment(row pgx.CollectableRow) (r segments.Range, err error) {
	return r, row.Scan(&r.First, &r.Last)
}

// room is where the events of a transaction go, which holds the head row.
type room struct {
	before   events.Position // the head before it
	segments []segments.Range
	// full is what is known of the full ones; nil: nothing.
	full *segments.Known
}

// queueRead reads the segments.
func (r *room) queueRead(batch *pgx.Batch) {
	batch.Queue(readSegments).Query(func(rows pgx.Rows) (err error) {
		r.segments, err = pgx.CollectRows(rows, scanSegment)
		return err
	})
}

// holding returns the index of the segment that holds a position.
func (r *room) holding(p events.Position) (int, bool) {
	return segments.Holding(r.segments, p)
}

// make adds the segments that are missing for n events, and then a savepoint. It is the last
// resort: segments are added ahead, because this waits for other transactions' locks.
func (r *room) make(ctx context.Context, conn *pgx.Conn, n int, size events.Position) error {
	added := false
	for p := r.before + 1; p <= r.before+events.Position(n); {
		if i, ok := r.holding(p); ok {
			p = r.segments[i].Last + 1
			continue
		}
		if added {
			return fmt.Errorf("%w: no segment holds position %d", events.ErrCorrupt, p)
		}
		for first := p; first <= r.before+events.Position(n); {
			last := segments.Around(first, size).Last
			if _, err := conn.Exec(ctx, addSegment, first, last); err != nil {
				return err
			}
			first = last + 1
		}
		var again pgx.Batch
		r.queueRead(&again)
		again.Queue(`SAVEPOINT copied`) // what follows is undone up to here
		if err := conn.SendBatch(ctx, &again).Close(); err != nil {
			return err
		}
		added = true
	}
	return nil
}

// last returns the index of the segment of the last of n new events. The segment's index finds
// which of them it holds already.
func (r *room) last(n int) int {
	i, _ := r.holding(r.before + events.Position(n)) // make has seen to it
	return i
}

// elsewhere returns the digests that the segments before the last one of n new events hold
// under the identities, nil for an identity that they do not hold. It asks the filters first,
// and looks into the index of a segment for what they do not exclude.
func (r *room) elsewhere(ctx context.Context, conn *pgx.Conn, n int, of identities) ([]*events.Digest, error) {
	known := make([]*events.Digest, len(of.ids))
	before := r.segments[:r.last(n)]
	if len(before) == 0 {
		return known, nil
	}
	var batch pgx.Batch
	for _, s := range before {
		which, covered := segments.Ask(r.full.Filters(), s, of.keys)
		if !covered {
			which = of.every()
		}
		if len(which) == 0 {
			continue
		}
		some := of.only(which)
		batch.Queue(fmt.Sprintf(findDigestsIn, segment(s)), some.campaigns, some.ids).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, scanDigest)
			for i, digest := range found {
				if digest != nil {
					known[which[i]] = digest
				}
			}
			return err
		})
	}
	if batch.Len() == 0 {
		return known, nil
	}
	return known, conn.SendBatch(ctx, &batch).Close()
}

// identities are those of some events.
type identities struct {
	campaigns []string
	ids       []pgtype.UUID
	keys      []segments.Key
}

// identitiesFor returns none, with room for n.
func identitiesFor(n int) identities {
	return identities{make([]string, 0, n), make([]pgtype.UUID, 0, n), make([]segments.Key, 0, n)}
}

func identitiesOf(drafts []events.Draft) identities {
	all := identitiesFor(len(drafts))
	for i := range drafts {
		all.add(drafts[i].Event.Subject(), drafts[i].ID)
	}
	return all
}

func (of *identities) add(c events.Campaign, id events.ID) {
	of.campaigns, of.ids = append(of.campaigns, string(c)), append(of.ids, pgtype.UUID{Bytes: id, Valid: true})
	of.keys = append(of.keys, segments.KeyOf(c, id))
}

// repeated returns the index of the first identity that is there before.
func (of *identities) repeated() (int, bool) {
	seen := make(map[identity]bool, len(of.ids))
	for i := range of.ids {
		key := identity{events.Campaign(of.campaigns[i]), of.ids[i].Bytes}
		if seen[key] {
			return i, true
		}
		seen[key] = true
	}
	return 0, false
}

func (of *identities) only(which []int) (some identities) {
	for _, i := range which {
		some.campaigns, some.ids = append(some.campaigns, of.campaigns[i]), append(some.ids, of.ids[i])
	}
	return some
}

func (of *identities) every() []int {
	all := make([]int, len(of.ids))
	for i := range all {
		all[i] = i
	}
	return all
}
