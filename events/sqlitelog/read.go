package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/events/sqlite"
)

const readEvents = `
SELECT position, occurred_at, recorded_at, type, id, digest, campaign, payload, form
FROM events
WHERE position > ? AND position <= ?
ORDER BY position`

// readStream reads what the segment up to position %d has of a stream. It selects the positions
// first: otherwise SQLite would sort whole rows of a large campaign for each page.
// recorded_at never decreases with the position, so it is compared last.
const readStream = `
SELECT position, occurred_at, recorded_at, type, id, digest, campaign, payload, form
FROM events
WHERE position IN (
    SELECT position FROM identities_%d
    WHERE campaign = ?1 AND position > ?2 AND position <= ?3
    ORDER BY position
    LIMIT ?4
) AND recorded_at <= ?5
ORDER BY position`

// readNear is readStream where few positions are to be searched: it reads them all.
const readNear = `
SELECT position, occurred_at, recorded_at, type, id, digest, campaign, payload, form
FROM events
WHERE position > ?2 AND position <= ?3 AND campaign = ?1 AND recorded_at <= ?5
ORDER BY position
LIMIT ?4`

// The positions that readNear searches are at most so many, and so many for each event that is
// wanted. Identities have no order of positions, so that to find a few events of a campaign among
// them costs what it costs to find all of a segment.
const (
	nearest  = 200_000
	nearEach = 16
)

// readTypes is readStream for the types whose bits are set, and readRare for rare ones
// alone, of all segments: it reads the index that holds no others.
const (
	readTypes = `
SELECT position, occurred_at, recorded_at, type, id, digest, campaign, payload, form
FROM events
WHERE position IN (
    SELECT position FROM identities_%d
    WHERE campaign = ?1 AND position > ?2 AND position <= ?3
) AND 1 << type & ?6 <> 0 AND recorded_at <= ?5
ORDER BY position
LIMIT ?4`

	readRare = `
SELECT position, occurred_at, recorded_at, type, id, digest, campaign, payload, form
FROM events INDEXED BY events_rare
WHERE campaign = ?1 AND position > ?2 AND position <= ?3 AND type IN (1, 5) AND 1 << type & ?6 <> 0 AND recorded_at <= ?5
ORDER BY position
LIMIT ?4`
)

// Read implements [events.Log]. It reads the head first: every event up to it is
// committed and must exist, so a gap at the end of the range is found too.
func (l *Log) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	head, err := l.head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read: %w", sqlite.Away(err))
	}
	if head <= after || limit < 1 {
		return nil, nil
	}
	through := after + min(head-after, events.Position(limit))
	rows, err := l.readEvents.QueryContext(ctx, int64(after), int64(through))
	if err != nil {
		return nil, fmt.Errorf("read: %w", sqlite.Away(err))
	}
	read, cut, err := collect(rows, make([]events.Recorded, 0, min(through-after, 1<<15)))
	if err != nil {
		return nil, fmt.Errorf("read after %d: %w", after, sqlite.Away(err))
	}
	if cut {
		through = after + events.Position(len(read))
	}
	if err := events.CheckConsecutive(read, after, through); err != nil {
		return nil, fmt.Errorf("read after %d: %w", after, err)
	}
	return read, nil
}

// ReadStream implements [events.Log].
func (l *Log) ReadStream(ctx context.Context, s events.Stream) ([]events.Recorded, error) {
	read, err := l.readStream(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("read stream: %w", sqlite.Away(err))
	}
	return read, nil
}

func (l *Log) readStream(ctx context.Context, s events.Stream) (read []events.Recorded, err error) {
	through, asOf := int64(s.Through), int64(math.MaxInt64)
	if through == 0 {
		through = math.MaxInt64
	}
	if !s.AsOf.IsZero() {
		asOf = s.AsOf.UnixMicro()
	}
	query, args := readStream, []any{string(s.Campaign), int64(s.After), through, s.Limit, asOf}
	if len(s.Types) > 0 {
		query = readRare
		bits := 0
		for _, t := range s.Types {
			bits |= 1 << t
			if !slices.Contains(events.RareTypes(), t) {
				query = readTypes
			}
		}
		args = append(args, bits)
	} else if wide := through - int64(s.After); wide <= min(nearest, nearEach*int64(s.Limit)) {
		query = readNear
	}
	if query == readRare || query == readNear {
		rows, err := l.reader.QueryContext(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		read, _, err = collect(rows, nil)
		return read, err
	}
	all, err := segmentsOf(ctx, l.reader)
	if err != nil {
		return nil, err
	}
	for _, part := range all {
		if part.Last <= s.After || int64(part.First) > through {
			continue
		}
		args[3] = s.Limit - len(read)
		rows, err := l.reader.QueryContext(ctx, fmt.Sprintf(query, part.Last), args...)
		if err != nil {
			return nil, err
		}
		more, cut, err := collect(rows, nil)
		if err != nil {
			return nil, err
		}
		if read = append(read, more...); cut || len(read) >= s.Limit {
			break
		}
	}
	return read, nil
}

// collect appends the rows to dst and closes them. It reports whether it left rows out,
// because those before had [events.MaxReadBytes].
func collect(rows *sql.Rows, dst []events.Recorded) (_ []events.Recorded, cut bool, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	var r row
	bytes, slab := 0, new(events.Slab)
	for rows.Next() {
		if err := rows.Scan(&r.position, &r.occurredAt, &r.recordedAt, &r.number, &r.id, &r.digest, &r.campaign, &r.payload, &r.form); err != nil {
			return nil, false, err
		}
		if bytes += len(r.payload); bytes > events.MaxReadBytes && len(dst) > 0 {
			return dst, true, nil
		}
		recorded, err := r.recorded(slab)
		if err != nil {
			return nil, false, err
		}
		dst = append(dst, recorded)
	}
	return dst, false, rows.Err()
}

// row is one row of either query; its bytes are valid until the next row.
type row struct {
	position, occurredAt, recordedAt int64
	number, form                     int64
	id, digest, campaign, payload    sql.RawBytes
}

// recorded returns the event, whose digest is that of its payload.
func (r *row) recorded(in *events.Slab) (events.Recorded, error) {
	to, err := r.head()
	if err == nil {
		err = to.Recall(in, events.Form(r.form), events.Type(r.number), r.campaign, r.payload)
	}
	return to, err
}

// head returns the event without what the payload says.
func (r *row) head() (events.Recorded, error) {
	to := events.Recorded{
		Position:   events.Position(r.position),
		OccurredAt: time.UnixMicro(r.occurredAt).UTC(),
		RecordedAt: time.UnixMicro(r.recordedAt).UTC(),
	}
	if len(r.id) != len(to.ID) || len(r.digest) != len(to.Digest) {
		return to, fmt.Errorf("%w: position %d: id has %d bytes, digest %d", events.ErrCorrupt, r.position, len(r.id), len(r.digest))
	}
	to.ID, to.Digest = events.ID(r.id), events.Digest(r.digest)
	if r.number < 0 || r.number > math.MaxUint8 || r.form < 0 || r.form > math.MaxUint8 {
		return to, fmt.Errorf("%w: position %d: type %d, form %d", events.ErrCorrupt, r.position, r.number, r.form)
	}
	return to, nil
}

// Digests implements [events.Log].
func (l *Log) Digests(ctx context.Context, drafts []events.Draft) ([]*events.Digest, error) {
	of := make(identities, len(drafts))
	for i := range drafts {
		of[i] = identity{drafts[i].Event.Subject(), drafts[i].ID}
	}
	all, err := segmentsOf(ctx, l.reader)
	if err != nil {
		return nil, fmt.Errorf("look up events: %w", err)
	}
	return find(ctx, l.reader, all, nil, of)
}
