package replay

import (
	"cmp"
	"fmt"
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
	packed     string          // the rows of all tables
}

// size returns about what the snapshot occupies.
func (s snapshot) size() int { return 80 + len(s.packed) }

func (s snapshot) compare(at events.Position) int { return cmp.Compare(s.position, at) }

// packer makes snapshots of the rows of one campaign, and rows of snapshots.
type packer struct {
	campaign events.Campaign
	tables   []*readmodel.Table
	codec    readmodel.Codec
	buffer   []byte
}

func newPacker(c events.Campaign, ps []projections.Projection) *packer {
	tables := projections.Tables(ps)
	return &packer{campaign: c, tables: tables, codec: readmodel.NewCodec(tables...)}
}

// pack returns the snapshot with the rows, which are those after an event.
func (p *packer) pack(rows *readmodel.Rows, after snapshot) snapshot {
	of := func(t *readmodel.Table) []any { return rows.In(t, p.campaign) }
	p.buffer, _ = p.codec.Append(p.buffer[:0], p.campaign, of) // rows of the campaign
	after.packed = string(p.buffer)
	return after
}

// unpack returns the rows of the snapshot, which the caller may change.
func (p *packer) unpack(s snapshot) (*readmodel.Rows, error) {
	rows := readmodel.NewRows(p.tables...)
	if s.position == 0 {
		return rows, nil
	}
	_, some, err := p.codec.Decode(s.packed)
	if err != nil {
		return nil, fmt.Errorf("snapshot at position %d: %w", s.position, err)
	}
	rows.PutAll(some)
	return rows, nil
}
