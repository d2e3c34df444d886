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

// eventColumns are an event in five columns, as a column costs the driver more than what is in it:
// the fourth is its type, form and the length of its campaign, or -1 where one of the numbers
// cannot be; the last its id, digest, campaign and payload, one after the other. Where the digest
// has another length, what follows does not begin as a payload does.
const eventColumns = `position, occurred_at, recorded_at,
    iif((type | form) >> 8 OR octet_length(id) <> 16, -1, type | (form << 8) | (octet_length(campaign) << 16)),
    id || digest || campaign || payload`

const readEvents = `
SELECT ` + eventColumns + `
FROM events
WHERE position > ? AND position <= ?
ORDER BY position`

// readStream reads what the segment up to position %d has of a stream. It selects the positions
// first: otherwise SQLite would sort whole rows of a large campaign for each page.
// recorded_at never decreases with the position, so it is compared last.
const readStream = `
SELECT ` + eventColumns + `
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
SELECT ` + eventColumns + `
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
SELECT ` + eventColumns + `
FROM events
WHERE position IN (
    SELECT position FROM identities_%d
    WHERE campaign = ?1 AND position > ?2 AND position <= ?3
) AND 1 << type & ?6 <> 0 AND recorded_at <= ?5
ORDER BY position
LIMIT ?4`

	readRare = `
SELECT ` + eventColumns + `
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
	bytes, slab := 0, new(events.Slab)
	var r row
	for rows.Next() {
		if err := rows.Scan(&r[0], &r[1], &r[2], &r[3], &r[4]); err != nil {
			return nil, false, err
		}
		dst = append(dst, events.Recorded{})
		size, err := r.recorded(slab, &dst[len(dst)-1])
		if bytes += size; bytes > events.MaxReadBytes && len(dst) > 1 {
			return dst[:len(dst)-1], true, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return dst, false, rows.Err()
}

// row is one row of either query. What is scanned into any is not converted, and no text is copied.
type row [5]any

// recorded reads the event, whose digest is that of its payload, and returns the payload's length.
func (r *row) recorded(in *events.Slab, to *events.Recorded) (payload int, err error) {
	position, ok0 := r[0].(int64)
	occurred, ok1 := r[1].(int64)
	recorded, ok2 := r[2].(int64)
	numbers, ok3 := r[3].(int64)
	text, ok4 := r[4].(string)
	to.Position = events.Position(position)
	to.OccurredAt, to.RecordedAt = time.UnixMicro(occurred).UTC(), time.UnixMicro(recorded).UTC()
	const ids = len(to.ID) + len(to.Digest)
	start := ids + int(numbers>>16)
	if !ok0 || !ok1 || !ok2 || !ok3 || !ok4 || numbers < 0 || start > len(text) {
		return 0, fmt.Errorf("%w: position %d: its type, form, id or digest is none of an event", events.ErrCorrupt, position)
	}
	copy(to.ID[:], text)
	copy(to.Digest[:], text[len(to.ID):])
	err = to.RecallText(in, events.Form(numbers>>8), events.Type(numbers), text[ids:start], text[start:])
	return len(text) - start, err
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
