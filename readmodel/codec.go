package readmodel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"jangbu/events"
)

// codecFormat is the form of what a [Codec] writes, and its first byte. Forms 1 to 3 were of the
// shared cache alone.
const codecFormat = 4

// ErrEncoding says that bytes are not what a [Codec] of the same tables and of this form wrote.
var ErrEncoding = errors.New("not an encoding of rows of these tables")

// Codec encodes all rows of one campaign, by the tables' columns: a form, a checksum of the
// tables' descriptions, the campaign, and the rows of table after table. What it reads is of
// the same form and the same descriptions, or [ErrEncoding].
type Codec struct {
	tables      []*Table
	description uint32
	columns     int // at most, of a table
}

// NewCodec returns a codec of rows of the tables.
func NewCodec(tables ...*Table) Codec {
	k := Codec{tables: tables}
	sum := crc32.NewIEEE()
	_, _ = fmt.Fprintf(sum, "%d;", codecFormat) // a hash never fails
	for _, t := range tables {
		_, _ = fmt.Fprintf(sum, "%s;", t.Name)
		for _, c := range t.Columns {
			_, _ = fmt.Fprintf(sum, "%s,%d;", c.Name, c.Kind)
		}
		k.columns = max(k.columns, len(t.Columns))
	}
	k.description = sum.Sum32()
	return k
}

// Append appends the encoding of a campaign's rows, which of returns for each table. It reports
// false where one is of another campaign.
func (k Codec) Append(b []byte, c events.Campaign, of func(*Table) []any) (_ []byte, ok bool) {
	b = append(b, codecFormat)
	b = binary.BigEndian.AppendUint32(b, k.description)
	b = appendText(b, string(c))
	last := make([]int64, k.columns)
	for _, t := range k.tables {
		rows := of(t)
		b = binary.AppendUvarint(b, uint64(len(rows)))
		clear(last)
		for _, row := range rows {
			if t.CampaignOf(row) != c {
				return b, false
			}
			for i := 1; i < len(t.Columns); i++ {
				b = appendField(b, t.Columns[i].At(row), &last[i])
			}
		}
	}
	return b, true
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendField appends a field of a row; last is the time in that column of the row before.
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
		return appendTime(b, *field, last)
	case **events.Won:
		if *field == nil {
			return append(b, 0)
		}
		return binary.AppendVarint(append(b, 1), int64(**field))
	case *Figure:
		return binary.AppendVarint(b, field.Value)
	case *Counts:
		b = binary.AppendUvarint(b, uint64(len(*field)))
		for _, n := range *field {
			b = binary.AppendVarint(appendText(b, n.Label), n.Participants)
		}
		return b
	default:
		panic(fmt.Sprintf("readmodel: no encoding of a field of type %T", field))
	}
}

// In microseconds, as times are kept: an hour, and what no time of a store is away from 1970. So a
// number holds twice what lies between two times.
const (
	hour     = int64(time.Hour / time.Microsecond)
	farthest = int64(1) << 58
)

// appendTime appends 0 for the zero time, and for another one what lies between it and the last
// one: twice the microseconds, or twice the hours and one where they are whole, plus 1. Times of
// rows in order follow each other, many by an hour.
func appendTime(b []byte, at time.Time, last *int64) []byte {
	if at.IsZero() {
		return append(b, 0)
	}
	micros := at.UnixMicro()
	between := micros - *last
	*last = micros
	if between%hour == 0 {
		return binary.AppendUvarint(b, (zigzag(between/hour)<<1|1)+1)
	}
	return binary.AppendUvarint(b, zigzag(between)<<1+1)
}

func zigzag(n int64) uint64 { return uint64(n)<<1 ^ uint64(n>>63) }

func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

// Decode returns the campaign and the rows that Append was given: [ErrEncoding] where there is
// anything else. Texts share the memory of what it reads. The rows have no revision.
func (k Codec) Decode(encoded string) (events.Campaign, CampaignRows, error) {
	d := decoder{rest: encoded}
	if d.byte() != codecFormat || d.fixed() != k.description {
		return "", CampaignRows{}, ErrEncoding
	}
	c, rows := d.text(), NewCampaignRows()
	last := make([]int64, k.columns)
	for _, t := range k.tables {
		n := d.count(len(t.Columns) - 1) // each field has at least one byte
		if n == 0 {
			continue
		}
		list := t.newList(n)
		rows.Tables[t.Name] = list
		clear(last)
		for range n {
			row := list.Append()
			*t.Columns[0].At(row).(*string) = c
			for i := 1; i < len(t.Columns); i++ {
				d.field(t.Columns[i].At(row), &last[i])
			}
		}
	}
	if d.bad || d.rest != "" {
		return "", CampaignRows{}, ErrEncoding
	}
	return events.Campaign(c), rows, nil
}

// decoder takes apart what the functions above put together.
type decoder struct {
	rest string
	bad  bool
}

// fail makes everything that is read from now on zero.
func (d *decoder) fail() { d.rest, d.bad = "", true }

func (d *decoder) byte() byte {
	if d.rest == "" {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.fail()
	}
	return b == 1
}

// fixed reads four bytes.
func (d *decoder) fixed() uint32 {
	if len(d.rest) < 4 {
		d.fail()
		return 0
	}
	n := binary.BigEndian.Uint32([]byte(d.rest[:4]))
	d.rest = d.rest[4:]
	return n
}

func (d *decoder) unsigned() uint64 {
	var n uint64
	for shift := uint(0); shift < 64; shift += 7 {
		b := d.byte()
		if shift == 63 && b > 1 {
			break
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.fail()
	return 0
}

func (d *decoder) signed() int64 { return unzigzag(d.unsigned()) }

func (d *decoder) text() string {
	n := d.unsigned()
	if n > uint64(len(d.rest)) {
		d.fail()
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

// count reads how many items follow, each of at least so many bytes.
func (d *decoder) count(least int) int {
	n := d.unsigned()
	if n > uint64(len(d.rest)/max(1, least)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) time(last *int64) time.Time {
	n := d.unsigned()
	if n == 0 {
		return time.Time{}
	}
	between := unzigzag((n - 1) >> 1)
	if (n-1)&1 == 1 {
		between *= hour
	}
	if *last += between; between > 2*farthest || between < -2*farthest || *last > farthest || *last < -farthest {
		d.fail()
	}
	return time.UnixMicro(*last).UTC()
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
		*field = d.time(last)
	case **events.Won:
		if d.bool() {
			*field = new(events.Won(d.signed()))
		}
	case *Figure:
		field.Value = d.signed()
	case *Counts:
		d.counts(field)
	}
}

func (d *decoder) counts(to *Counts) {
	n := d.count(2) // a label and a number have at least one byte each
	if n == 0 {
		return
	}
	*to = make(Counts, n)
	for i := range *to {
		(*to)[i] = Count{d.text(), d.signed()}
		if i > 0 && strings.Compare((*to)[i-1].Label, (*to)[i].Label) >= 0 {
			d.fail()
		}
	}
}
