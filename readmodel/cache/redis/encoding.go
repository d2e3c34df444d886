package redis

import (
	"encoding/binary"
	"errors"

	"jangbu/events"
	"jangbu/readmodel"
)

var (
	// errForged: what Redis holds or sent was not made with this key, or was damaged.
	errForged = errors.New("not made with this key")
	// errUnusable: what Redis holds or sent is of another program, or about something else.
	errUnusable = errors.New("unusable value")
)

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendWon(b []byte, w *events.Won) []byte {
	if w == nil {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), int64(*w))
}

func appendRevision(b []byte, r readmodel.Revision) []byte {
	b = binary.AppendVarint(b, r.Incarnation)
	b = binary.AppendVarint(b, r.Edits)
	return binary.AppendVarint(b, int64(r.Position))
}

// decoder takes apart what the functions above put together. Texts share the
// memory of what it reads.
type decoder struct {
	rest string
	bad  bool
}

// fail makes everything that is read from now on zero.
func (d *decoder) fail() { d.rest, d.bad = "", true }

// done reports whether all was read and nothing was amiss.
func (d *decoder) done() bool { return !d.bad && d.rest == "" }

func (d *decoder) byte() byte {
	if d.rest == "" {
		d.fail()
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
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

func (d *decoder) signed() int64 {
	n := d.unsigned()
	return int64(n>>1) ^ -int64(n&1)
}

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
	if n > uint64(len(d.rest)/least) {
		d.fail()
		return 0
	}
	return int(n)
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

func (d *decoder) won() *events.Won {
	switch d.byte() {
	case 0:
		return nil
	case 1:
		w := events.Won(d.signed())
		return &w
	default:
		d.fail()
		return nil
	}
}

func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.fail()
	}
	return b == 1
}

func (d *decoder) revision() readmodel.Revision {
	return readmodel.Revision{Incarnation: d.signed(), Edits: d.signed(), Position: events.Position(d.signed())}
}
