package redis

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// A value in Redis is the revision in its ordered digits, by which scripts compare,
// then a format, a checksum of the tables' descriptions, the campaign, the rows of
// table after table, and a MAC of it all. A tombstone is the revision alone.

const (
	// valueFormat is the form of what follows the revision. A value of another form, or of
	// tables that are described otherwise, is not used.
	valueFormat = 3
	// maxValue is the longest value that is written, and the most that is read of one, in
	// bytes: the rows of a campaign that has had registrations in 9,000 hours.
	maxValue = 64 << 10
)

// codec encodes a campaign's rows for Redis, and decodes them.
type codec struct {
	*authenticator
	tables      []*readmodel.Table
	description uint32
}

func newCodec(tables []*readmodel.Table, a *authenticator) codec {
	sum := crc32.NewIEEE()
	for _, t := range tables {
		_, _ = fmt.Fprintf(sum, "%s;", t.Name) // a hash never fails
		for _, c := range t.Columns {
			_, _ = fmt.Fprintf(sum, "%s,%d;", c.Name, c.Kind)
		}
	}
	return codec{a, tables, sum.Sum32()}
}

// encode returns the rows as they are kept in Redis. It reports false where they are not
// all of the campaign, of no revision, of a table that the codec lacks, or too long.
func (k codec) encode(c events.Campaign, rows readmodel.CampaignRows) ([]byte, bool) {
	if rows.Revision.Incarnation == 0 || rows.Campaign().Campaign != c {
		return nil, false
	}
	b := []byte(rows.Revision.String())
	b = append(b, valueFormat)
	b = binary.BigEndian.AppendUint32(b, k.description)
	b = appendText(b, string(c))
	tables := 0
	for _, t := range k.tables {
		all, last := rows.Of(t), make([]int64, len(t.Columns))
		if len(all) > 0 {
			tables++
		}
		b = binary.AppendUvarint(b, uint64(len(all)))
		for _, row := range all {
			if t.CampaignOf(row) != c {
				return nil, false
			}
			for i := 1; i < len(t.Columns); i++ {
				b = appendField(b, t.Columns[i].At(row), &last[i])
			}
		}
	}
	b = k.seal(forValue, b)
	return b, tables == len(rows.Tables) && len(b) <= maxValue
}

// appendField appends a field of a row. Times are whole microseconds from the row
// before, since most follow each other.
func appendField(b []byte, field any, last *int64) []byte {
	switch field := field.(type) {
	case *string:
		return appendText(b, *field)
	case *bool:
		if *field {
			return append(b, 1)
		}
		return append(b, 0)
	case *int64:
		return binary.AppendVarint(b, *field)
	case *time.Time:
		micros := field.UnixMicro()
		b = binary.AppendVarint(b, micros-*last)
		*last = micros
		return b
	case **events.Won:
		return appendWon(b, *field)
	case *readmodel.Figure:
		return binary.AppendVarint(b, field.Value)
	case *readmodel.Counts:
		b = binary.AppendUvarint(b, uint64(len(*field)))
		for _, n := range *field {
			b = binary.AppendVarint(appendText(b, n.Label), n.Participants)
		}
		return b
	default:
		panic(fmt.Sprintf("redis: no encoding of a field of type %T", field))
	}
}

// isTombstone reports whether the value stands for rows that are still to be read.
func isTombstone(value string) bool { return len(value) == readmodel.RevisionDigits }

// decode returns the rows that encode was given: errForged where the value was not made
// with this key, errUnusable where it is of other tables or another campaign. Every value
// that encode makes of rows differs in its MAC by revision, incarnation and campaign, so
// none can take the place of another one.
func (k codec) decode(value string, c events.Campaign) (readmodel.CampaignRows, error) {
	body, ok := k.opened(forValue, value)
	if !ok {
		return readmodel.CampaignRows{}, errForged
	}
	if len(body) < readmodel.RevisionDigits {
		return readmodel.CampaignRows{}, errUnusable
	}
	rows := readmodel.NewCampaignRows()
	if rows.Revision, ok = parseRevision(body[:readmodel.RevisionDigits]); !ok {
		return readmodel.CampaignRows{}, errUnusable
	}
	d := &decoder{rest: body[readmodel.RevisionDigits:]}
	if d.byte() != valueFormat || d.fixed() != k.description || d.text() != string(c) {
		return readmodel.CampaignRows{}, errUnusable
	}
	for _, t := range k.tables {
		last := make([]int64, len(t.Columns))
		for range d.count(len(t.Columns) - 1) { // each field has at least one byte
			row := rows.Append(t)
			*t.Columns[0].At(row).(*string) = string(c)
			for i := 1; i < len(t.Columns); i++ {
				d.field(t.Columns[i].At(row), &last[i])
			}
		}
	}
	if !d.done() || rows.Campaign().Campaign != c {
		return readmodel.CampaignRows{}, errUnusable
	}
	return rows, nil
}

// field reads what appendField wrote.
func (d *decoder) field(field any, last *int64) {
	switch field := field.(type) {
	case *string:
		*field = d.text()
	case *bool:
		*field = d.bool()
	case *int64:
		*field = d.signed()
	case *time.Time:
		*last += d.signed()
		*field = time.UnixMicro(*last).UTC()
	case **events.Won:
		*field = d.won()
	case *readmodel.Figure:
		field.Value = d.signed()
	case *readmodel.Counts:
		for range d.count(2) { // a label and a number have at least one byte each
			label := d.text()
			field.Add(label, d.signed())
		}
	}
}

// parseRevision reads what [readmodel.Revision.String] wrote.
func parseRevision(digits string) (readmodel.Revision, bool) {
	var b [readmodel.RevisionDigits / 2]byte
	if n, err := hex.Decode(b[:], []byte(digits)); err != nil || n != len(b) {
		return readmodel.Revision{}, false
	}
	r := readmodel.Revision{
		Incarnation: int64(binary.BigEndian.Uint64(b[:])),
		Edits:       int64(binary.BigEndian.Uint64(b[8:])),
		Position:    events.Position(binary.BigEndian.Uint64(b[16:])),
	}
	return r, true
}
