package pglog

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
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

// row is an event at its place in the log.
type row struct {
	at         events.Position
	recordedAt time.Time
	*events.Draft
}

// rowBuffer holds events as COPY takes them, in its binary format.
type rowBuffer []byte

// add appends an event.
func (b rowBuffer) add(r row) rowBuffer {
	const fields = 9
	b = binary.BigEndian.AppendUint16(b, fields)
	b = b.long(int64(r.at)).long(micros(r.OccurredAt)).long(micros(r.recordedAt)).short(uint16(r.Event.Type()))
	b = append(b.length(len(r.ID)), r.ID[:]...)
	b = append(b.length(len(r.Digest)), r.Digest[:]...)
	campaign := r.Event.Subject()
	b = append(b.length(len(campaign)), campaign...)
	b = b.length(0)
	payload := len(b)
	b = events.AppendStored(b, r.Event)
	binary.BigEndian.PutUint32(b[payload-4:], uint32(len(b)-payload))
	return b.short(uint16(events.CurrentForm))
}

func (b rowBuffer) length(n int) rowBuffer { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func (b rowBuffer) long(n int64) rowBuffer {
	return binary.BigEndian.AppendUint64(b.length(8), uint64(n))
}

func (b rowBuffer) short(n uint16) rowBuffer { return binary.BigEndian.AppendUint16(b.length(2), n) }

// rowReader reads the rows of the next events. They are encoded while the server takes in those
// before them.
type rowReader struct {
	next func() row
	left int // events that are not encoded
	buf  rowBuffer
	rest []byte // of buf, which is not read
}

// Read implements [io.Reader].
func (r *rowReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		r.buf = r.buf[:0]
		for r.left > 0 && len(r.buf) < len(p) {
			r.buf = r.buf.add(r.next())
			r.left--
		}
		r.rest = r.buf
		if len(r.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// copyRows copies the events from the first position to the last, which next returns in turn, into
// their segments. After an error that is not the server's, next may yet be called by another
// goroutine, which ends with the connection.
func copyRows(ctx context.Context, conn *pgx.Conn, among []segments.Range, first, last events.Position, next func() row) error {
	const end = "\xff\xff" // a row of -1 fields
	for first <= last {
		s := among[slices.IndexFunc(among, func(s segments.Range) bool { return s.Holds(first) })]
		to := min(last, s.Last)
		all := io.MultiReader(strings.NewReader(copyHeader), &rowReader{next: next, left: int(to - first + 1)}, strings.NewReader(end))
		if _, err := conn.PgConn().CopyFrom(ctx, all, fmt.Sprintf(copyEvents, segment(s))); err != nil {
			return err
		}
		first = to + 1
	}
	return nil
}

// micros returns a time as PostgreSQL counts it.
func micros(t time.Time) int64 { return t.UnixMicro() - epoch }
