package pglog

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/postgres"
)

// readEvents reads by the index, whatever is known of the table. Of a range with two ends, of a table
// without statistics, PostgreSQL expects few rows, which it collects and sorts.
const readEvents = `
SELECT position, occurred_at, recorded_at, type, id, digest, payload, form, campaign
FROM jangbu_log.events
WHERE position > $1
ORDER BY position
LIMIT $2`

// readStream reads a segment. One that does not hold the campaign costs a look into its index,
// whatever the planner expects.
const readStream = `
SELECT position, occurred_at, recorded_at, type, id, digest, payload, form, campaign
FROM %[1]s
WHERE campaign = $1 AND position > $2 AND position <= $3
    AND ($4::timestamptz IS NULL OR recorded_at <= $4)
    AND ($6::smallint[] IS NULL OR type = ANY ($6))
    AND EXISTS (SELECT FROM %[1]s WHERE campaign = $1)
ORDER BY position
LIMIT $5`

// readNear is readStream where few positions are to be searched: it reads them all, whatever is
// known of the table, as no index has the expression.
const readNear = `
SELECT position, occurred_at, recorded_at, type, id, digest, payload, form, campaign
FROM jangbu_log.events
WHERE campaign || '' = $1 AND position > $2 AND position <= $3
    AND ($4::timestamptz IS NULL OR recorded_at <= $4)
ORDER BY position
LIMIT $5`

// The positions that readNear searches are at most so many, and so many for each event that is
// wanted. The index over campaigns has no order of positions, so that to find a few events of a
// campaign by it costs what it costs to find all.
const (
	nearest  = 200_000
	nearEach = 16
)

// readRare is readStream for rare types, of all segments. Its plan is made for these, so that it
// reads the indexes that hold no others.
const readRare = `
SELECT position, occurred_at, recorded_at, type, id, digest, payload, form, campaign
FROM jangbu_log.events
WHERE campaign = $1 AND position > $2 AND position <= $3
    AND ($4::timestamptz IS NULL OR recorded_at <= $4)
    AND type = ANY ($6::smallint[])
ORDER BY position
LIMIT $5`

// Read implements [events.Log]. It reads the head first: every event up to it is
// committed and must exist, so a gap at the end of the range is found too.
func (l *Log) Read(ctx context.Context, after events.Position, limit int) ([]events.Recorded, error) {
	head, err := l.head(ctx)
	if err != nil {
		return nil, fmt.Errorf("read: %w", away(err))
	}
	if head <= after || limit < 1 {
		return nil, nil
	}
	through := after + min(head-after, events.Position(limit))
	read, cut, err := collect(ctx, make([]events.Recorded, 0, min(through-after, 1<<15)), func(ctx context.Context) (pgx.Rows, error) {
		return l.pool.Query(ctx, readEvents, pgx.QueryResultFormats{pgx.BinaryFormatCode}, after, through-after)
	})
	if err != nil {
		return nil, fmt.Errorf("read after %d: %w", after, away(err))
	}
	if cut {
		through = after + events.Position(len(read))
	}
	if err := events.CheckConsecutive(read, after, through); err != nil {
		return nil, fmt.Errorf("read after %d: %w", after, err)
	}
	return read, nil
}

// away adds [events.ErrAway] to an error where the database is.
func away(err error) error {
	if postgres.Away(err) {
		return fmt.Errorf("%w: %w", events.ErrAway, err)
	}
	return err
}

// ReadStream implements [events.Log].
func (l *Log) ReadStream(ctx context.Context, s events.Stream) ([]events.Recorded, error) {
	through := s.Through
	if through == 0 {
		through = math.MaxInt64
	}
	var asOf *time.Time
	if !s.AsOf.IsZero() {
		asOf = &s.AsOf
	}
	// The plan is made for each campaign: a generic one would sort a large campaign
	// for each page, or search the whole log for a small one.
	args := []any{
		pgx.QueryExecModeCacheDescribe,
		pgx.QueryResultFormats{pgx.BinaryFormatCode},
		string(s.Campaign), s.After, through, asOf, s.Limit,
	}
	var types []int16
	rare := len(s.Types) > 0
	for _, t := range s.Types {
		types, rare = append(types, int16(t)), rare && slices.Contains(events.RareTypes(), t)
	}
	var read []events.Recorded
	var err error
	switch wide := through - s.After; {
	case rare:
		read, _, err = collect(ctx, nil, func(ctx context.Context) (pgx.Rows, error) {
			return l.pool.Query(ctx, readRare, append(args, types)...)
		})
	case len(types) == 0 && wide <= min(nearest, nearEach*events.Position(s.Limit)):
		read, _, err = collect(ctx, nil, func(ctx context.Context) (pgx.Rows, error) { return l.pool.Query(ctx, readNear, args...) })
	default:
		read, err = l.readSegments(ctx, s, through, append(args, types))
	}
	if err != nil {
		return nil, fmt.Errorf("read stream: %w", away(err))
	}
	return read, nil
}

// readSegments reads one segment after the other until it has what the stream's limit says.
func (l *Log) readSegments(ctx context.Context, s events.Stream, through events.Position, args []any) (read []events.Recorded, err error) {
	rows, err := l.pool.Query(ctx, readSegments)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, scanSegment)
	if err != nil {
		return nil, err
	}
	bytes, limit := 0, len(args)-2
	for _, of := range all {
		if of.Last <= s.After || of.First > through {
			continue
		}
		args[limit] = s.Limit - len(read)
		var cut bool
		read, cut, err = collectUpTo(ctx, read, &bytes, func(ctx context.Context) (pgx.Rows, error) {
			return l.pool.Query(ctx, fmt.Sprintf(readStream, segment(of)), args...)
		})
		if err != nil || cut || len(read) >= s.Limit {
			return read, err
		}
	}
	return read, nil
}

// collect appends the rows of a query to dst. It reports whether it ended the query early,
// because the rows before had [events.MaxReadBytes]: what the server has sent of the others
// is not read, so the connection is closed.
func collect(ctx context.Context, dst []events.Recorded, query func(context.Context) (pgx.Rows, error)) (_ []events.Recorded, cut bool, err error) {
	return collectUpTo(ctx, dst, new(int), query)
}

// collectUpTo is collect for one of several queries, whose rows so far had so many bytes.
func collectUpTo(ctx context.Context, dst []events.Recorded, bytes *int, query func(context.Context) (pgx.Rows, error)) (_ []events.Recorded, cut bool, err error) {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	rows, err := query(reading)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	slab := new(events.Slab)
	for rows.Next() {
		raw := rows.RawValues()
		if *bytes += payloadBytes(raw); *bytes > events.MaxReadBytes && len(dst) > 0 {
			cancel()
			return dst, true, nil
		}
		dst = append(dst, events.Recorded{})
		if err := recorded(slab, raw, &dst[len(dst)-1]); err != nil {
			return nil, false, err
		}
	}
	return dst, false, rows.Err()
}

// payloadBytes returns the length of the payload in a row of either query.
func payloadBytes(raw [][]byte) int {
	if len(raw) != rowColumns {
		return 0 // recorded returns an error
	}
	return len(raw[6])
}

// rowColumns is how many columns the rows of both queries have.
const rowColumns = 9

// recorded decodes one row of either query into r from PostgreSQL's binary format, which
// takes a replay half the time of scanning. The memory of raw belongs to the
// connection and is valid until the next row.
func recorded(in *events.Slab, raw [][]byte, r *events.Recorded) error {
	if len(raw) != rowColumns || len(raw[7]) != 2 || len(raw[0]) != 8 || len(raw[1]) != 8 || len(raw[2]) != 8 || len(raw[3]) != 2 || len(raw[4]) != len(events.ID{}) {
		return fmt.Errorf("%w: a row of the log is not in the binary format expected", events.ErrCorrupt)
	}
	r.Position = events.Position(binary.BigEndian.Uint64(raw[0]))
	r.OccurredAt, r.RecordedAt = instant(raw[1]), instant(raw[2])
	r.ID = events.ID(raw[4])
	if len(raw[5]) != len(r.Digest) {
		return fmt.Errorf("%w: position %d: digest has %d bytes", events.ErrCorrupt, r.Position, len(raw[5]))
	}
	r.Digest = events.Digest(raw[5])
	number, form := binary.BigEndian.Uint16(raw[3]), binary.BigEndian.Uint16(raw[7])
	if number > math.MaxUint8 || form > math.MaxUint8 {
		return fmt.Errorf("%w: position %d: type %d, form %d", events.ErrCorrupt, r.Position, int16(number), int16(form))
	}
	return r.Recall(in, events.Form(form), events.Type(number), raw[8], raw[6])
}

// epoch is that of PostgreSQL: 2000-01-01 in microseconds of Unix time.
const epoch = 946_684_800_000_000

func instant(raw []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(raw)) + epoch).UTC()
}

// Digests implements [events.Log].
func (l *Log) Digests(ctx context.Context, drafts []events.Draft) ([]*events.Digest, error) {
	digests, err := digestsOf(ctx, l.pool, findDigests, identitiesOf(drafts))
	if err != nil {
		return nil, fmt.Errorf("look up events: %w", err)
	}
	return digests, nil
}
