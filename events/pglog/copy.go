package pglog

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/segments"
)

// copyEvents takes the rows of a [rowBuffer] into the segment of this name.
const copyEvents = `
COPY %s (position, occurred_at, recorded_at, type, id, digest, campaign, payload, form)
FROM STDIN (FORMAT binary)`

// copyHeader begins COPY's binary format: its signature, no flags, no extension. (PostgreSQL's
// documentation, COPY, "Binary Format".)
const copyHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// usualRow is about how many bytes the row of a registration has, and some.
const usualRow = 384

// rowBuffer holds events as COPY takes them, in its binary format.
type rowBuffer []byte

// spareRows keeps the memory of rows for the next append. It is safe for concurrent use, and
// gives it to the collector where no append comes.
type spareRows struct{ pool sync.Pool }

func (s *spareRows) take() rowBuffer {
	if rows, ok := s.pool.Get().(*rowBuffer); ok {
		return *rows
	}
	return nil
}

func (s *spareRows) put(rows rowBuffer) { s.pool.Put(&rows) }

// Where a row has what is known only once the head is locked: behind the number of its fields,
// and behind the length of each.
const (
	rowPosition   = 2 + 4
	rowRecordedAt = rowPosition + 8 + 4 + 8 + 4
	rowDigest     = rowRecordedAt + 8 + 4 + 2 + 4 + len(events.ID{}) + 4
)

// add appends an event.
func (b rowBuffer) add(at events.Position, recordedAt time.Time, d *events.Draft) rowBuffer {
	const fields = 9
	b = binary.BigEndian.AppendUint16(b, fields)
	b = b.long(int64(at)).long(micros(d.OccurredAt)).long(micros(recordedAt)).short(uint16(d.Event.Type()))
	b = append(b.length(len(d.ID)), d.ID[:]...)
	b = append(b.length(len(d.Digest)), d.Digest[:]...)
	campaign := d.Event.Subject()
	b = append(b.length(len(campaign)), campaign...)
	b = b.length(0)
	payload := len(b)
	b = events.AppendStored(b, d.Event)
	binary.BigEndian.PutUint32(b[payload-4:], uint32(len(b)-payload))
	return b.short(uint16(events.CurrentForm))
}

func (b rowBuffer) length(n int) rowBuffer { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func (b rowBuffer) long(n int64) rowBuffer {
	return binary.BigEndian.AppendUint64(b.length(8), uint64(n))
}

func (b rowBuffer) short(n uint16) rowBuffer { return binary.BigEndian.AppendUint16(b.length(2), n) }

// digest returns the digest of the row that begins at row.
func (b rowBuffer) digest(row int) events.Digest { return events.Digest(b[row+rowDigest:]) }

// place says where the row that begins at row is, and when it was recorded.
func (b rowBuffer) place(row int, at events.Position, recordedAt time.Time) {
	binary.BigEndian.PutUint64(b[row+rowPosition:], uint64(at))
	binary.BigEndian.PutUint64(b[row+rowRecordedAt:], uint64(micros(recordedAt)))
}

// rowBuffers are the rows of consecutive events, by their segments.
type rowBuffers []segmentRows

type segmentRows struct {
	of   segments.Range
	rows rowBuffer
}

// at returns the rows of the segment that holds a position, which is not before those that are
// there, and which one of the segments holds.
func (b *rowBuffers) at(p events.Position, among []segments.Range) *segmentRows {
	if n := len(*b); n == 0 || (*b)[n-1].of.Last < p {
		i := slices.IndexFunc(among, func(s segments.Range) bool { return s.Holds(p) })
		*b = append(*b, segmentRows{of: among[i]})
	}
	return &(*b)[len(*b)-1]
}

// copyTo copies the rows into the log.
func (b rowBuffers) copyTo(ctx context.Context, conn *pgx.Conn) error {
	const end = "\xff\xff" // a row of -1 fields
	for _, s := range b {
		all := io.MultiReader(strings.NewReader(copyHeader), bytes.NewReader(s.rows), strings.NewReader(end))
		if _, err := conn.PgConn().CopyFrom(ctx, all, fmt.Sprintf(copyEvents, segment(s.of))); err != nil {
			return err
		}
	}
	return nil
}

// micros returns a time as PostgreSQL counts it.
func micros(t time.Time) int64 { return t.UnixMicro() - epoch }
