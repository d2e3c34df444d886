package readmodel

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"jangbu/events"
)

// Snapshot is the rows that a projection had of one campaign after one of its events: what a
// replay of the campaign through that event gives, with the events as they were overwritten when
// they were read. It is kept with a generation's rows, as disposable as these, and goes with them.
type Snapshot struct {
	Projection string
	Campaign   events.Campaign
	Position   events.Position // of the event
	RecordedAt time.Time       // of the event
	// Overwritten is how many events of the campaign erasures had overwritten before the events
	// were read, or [AsBefore].
	Overwritten int
	// Rows are those of the projection's table, as a [Codec] of that table encodes them.
	Rows string

	// As it is read, Of is the generation's checkpoint, and Next the position of the generation's
	// next snapshot of the campaign, 0 where there is none. They are not stored.
	Of   Checkpoint
	Next events.Position
}

// AsBefore is the Overwritten of a snapshot that was folded on from what is stored: it is that of
// the snapshot before, of the same generation and campaign, and 0 where there is none.
const AsBefore = -1

// Snapshots reads what is kept of earlier moments, and of what the next snapshots are made.
type Snapshots interface {
	// Earlier returns the last snapshot of the campaign that is not after the moment, of each
	// active generation that has one, sorted by projection, all of one snapshot of the
	// database. It leaves out those that a [Codec] of another description has encoded.
	Earlier(ctx context.Context, c events.Campaign, asOf Moment) ([]Snapshot, error)
	// LoadCampaign returns all the campaign's rows in the generations of the checkpoints.
	LoadCampaign(ctx context.Context, at []Checkpoint, c events.Campaign) (*Rows, error)
}

// InOrder yields snapshots that are stored at once, each with how many events were overwritten:
// [AsBefore] only of one whose snapshot before is stored already, or is one like it.
func InOrder(some []Snapshot) iter.Seq2[*Snapshot, int] {
	type key struct {
		projection string
		campaign   events.Campaign
	}
	return func(yield func(*Snapshot, int) bool) {
		before := make(map[key]int)
		for i := range some {
			k := key{some[i].Projection, some[i].Campaign}
			if _, ok := before[k]; !ok || some[i].Overwritten != AsBefore {
				before[k] = some[i].Overwritten
			}
			if !yield(&some[i], before[k]) {
				return
			}
		}
	}
}

// Keep has a write of the rows store the snapshots with them.
func (r *Rows) Keep(some ...Snapshot) { r.snapshots = append(r.snapshots, some...) }

// Snapshots returns those that are to be stored.
func (r *Rows) Snapshots() []Snapshot { return r.snapshots }

// Drop has a write store none of the snapshots for which which returns true.
func (r *Rows) Drop(which func(Snapshot) bool) { r.snapshots = slices.DeleteFunc(r.snapshots, which) }

// keepInPlace keeps the snapshots of other rows of the campaign in the place of those of r.
func (r *Rows) keepInPlace(c events.Campaign, others []Snapshot) {
	r.Drop(func(s Snapshot) bool { return s.Campaign == c })
	r.snapshots = append(r.snapshots, others...)
}

// checkSnapshots returns an error where a snapshot is of no generation.
func (of GenerationOf) checkSnapshots(some []Snapshot) error {
	for i := range some {
		if _, ok := of[some[i].Projection]; !ok {
			return fmt.Errorf("a snapshot of %s without its checkpoint", some[i].Projection)
		}
	}
	return nil
}

// Description returns a checksum of what is encoded, and how: codecs with another one do not decode it.
func (k Codec) Description() uint32 { return k.description }

// Texts holds the texts of snapshots of one table that were found, by column.
type Texts map[string]map[string]struct{}

// Has reports whether the text was found in a snapshot.
func (f Texts) Has(column, text string) bool {
	_, there := f[column][text]
	return there
}

// Find calls each with the texts of a snapshot of the table that were not found before.
func (f Texts) Find(in Snapshot, of *Table, each func(table, column, text string) error) error {
	_, some, err := NewCodec(of).Decode(in.Rows)
	if err != nil {
		return fmt.Errorf("snapshot of %s at position %d: %w", of.Name, in.Position, err)
	}
	for i := range of.Columns {
		c := &of.Columns[i]
		if !c.HasTexts() {
			continue
		}
		once := func(text string) error {
			if f.Has(c.Name, text) {
				return nil
			}
			if f[c.Name] == nil {
				f[c.Name] = make(map[string]struct{})
			}
			f[c.Name][text] = struct{}{}
			return each(of.Name, c.Name, text)
		}
		for _, row := range some.Of(of) {
			if err := c.EachText(c.Text(row), once); err != nil {
				return err
			}
		}
	}
	return nil
}
