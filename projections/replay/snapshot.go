package replay

import (
	"cmp"
	"encoding/binary"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// snapshot is the rows of one campaign after an event of its stream. The zero value stands
// before the first event.
type snapshot struct {
	position   events.Position // of the event
	recordedAt time.Time       // of the event
	events     int             // how many events of the stream there are up to there
	campaign   events.Campaign
	packed     []byte // the rows of all tables; never changes
}

// size returns about what the snapshot occupies.
func (s snapshot) size() int { return 96 + cap(s.packed) }

func (s snapshot) compare(at events.Position) int { return cmp.Compare(s.position, at) }

// pack makes a snapshot of the rows of one campaign. It walks the tables' columns, all but the
// campaign: a time as its difference to that in the row before, which is small.
func pack(rows *readmodel.Rows, at events.Position, recordedAt time.Time, folded int) snapshot {
	s := snapshot{position: at, recordedAt: recordedAt, events: folded}
	var b []byte
	for t, list := range rows.All() {
		s.campaign = t.CampaignOf(list[0])
		b = packText(b, t.Name)
		b = binary.AppendUvarint(b, uint64(len(list)))
		before := make([]int64, len(t.Columns))
		for _, row := range list {
			for i, c := range t.Columns[1:] {
				b = packField(b, c.At(row), &before[i])
			}
		}
	}
	s.packed = append(make([]byte, 0, len(b)), b...)
	return s
}

func packText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// packField appends a field; before is the time that it had in the row before.
func packField(b []byte, field any, before *int64) []byte {
	switch field := field.(type) {
	case *string:
		return packText(b, *field)
	case *bool:
		if *field {
			return append(b, 1)
		}
		return append(b, 0)
	case *int64:
		return binary.AppendVarint(b, *field)
	case *readmodel.Figure:
		return binary.AppendVarint(b, field.Value)
	case *time.Time:
		if field.IsZero() {
			return append(b, 0)
		}
		at := field.UnixMicro()
		b = binary.AppendVarint(append(b, 1), at-*before)
		*before = at
		return b
	case **events.Won:
		if *field == nil {
			return append(b, 0)
		}
		return binary.AppendVarint(append(b, 1), int64(**field))
	case *readmodel.Counts:
		b = binary.AppendUvarint(b, uint64(len(*field)))
		for _, n := range *field {
			b = binary.AppendVarint(packText(b, n.Label), n.Participants)
		}
		return b
	}
	panic("replay: a column of an unknown kind")
}

// unpack returns the rows of the snapshot, which the caller may change.
func (s snapshot) unpack(ps []projections.Projection) *readmodel.Rows {
	tables := projections.Tables(ps)
	rows := readmodel.NewRows(tables...)
	for r := (unpacker{s.packed}); len(r.left) > 0; {
		name := r.text()
		for _, t := range tables {
			if t.Name != name {
				continue
			}
			before := make([]int64, len(t.Columns))
			for range r.uint() {
				row := t.NewRow()
				*t.Columns[0].At(row).(*string) = string(s.campaign)
				for i, c := range t.Columns[1:] {
					r.field(c.At(row), &before[i])
				}
				rows.Put(t, row)
			}
		}
	}
	return rows
}

// unpacker reads what pack has written.
type unpacker struct{ left []byte }

func (r *unpacker) uint() uint64 {
	v, n := binary.Uvarint(r.left)
	r.left = r.left[n:]
	return v
}

func (r *unpacker) int() int64 {
	v, n := binary.Varint(r.left)
	r.left = r.left[n:]
	return v
}

func (r *unpacker) flag() bool {
	set := r.left[0] == 1
	r.left = r.left[1:]
	return set
}

func (r *unpacker) text() string {
	n := r.uint()
	text := string(r.left[:n])
	r.left = r.left[n:]
	return text
}

func (r *unpacker) field(to any, before *int64) {
	switch to := to.(type) {
	case *string:
		*to = r.text()
	case *bool:
		*to = r.flag()
	case *int64:
		*to = r.int()
	case *readmodel.Figure:
		to.Value = r.int()
	case *time.Time:
		if r.flag() {
			*before += r.int()
			*to = time.UnixMicro(*before).UTC()
		}
	case **events.Won:
		if r.flag() {
			*to = new(events.Won(r.int()))
		}
	case *readmodel.Counts:
		for range r.uint() {
			label := r.text()
			to.Add(label, r.int())
		}
	}
}
