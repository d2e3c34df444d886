package bus

import (
	"context"
	"fmt"
	"time"

	"jangbu/events"
)

// formerPage is how many events of a campaign are read at a time.
const formerPage = 1_000

// recognise gives a campaign's description that an earlier release stored the ID of then, so
// that its record is a duplicate: an upgraded log does not know how far its sources were
// read, and they are read once more. That record was stamped before the release stored it;
// one that goes back to the same description later was not, and is a correction (I4).
func (h *ingest) recognise(ctx context.Context, frame *events.Frame, b *batch) error {
	var drafts []events.Draft
	var of []int // indexes in b.good
	for i := range b.good {
		if g := &b.good[i]; g.Former != (events.ID{}) {
			d := g.Draft
			d.ID = g.Former
			drafts, of = append(drafts, d), append(of, i)
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	stored, err := h.log.Digests(ctx, drafts)
	if err != nil {
		return fmt.Errorf("look up descriptions of earlier releases: %w", err)
	}
	for k, i := range of {
		if stored[k] == nil || stored[k].Conflicts(drafts[k].Digest) {
			continue
		}
		at, err := h.recordedAt(ctx, drafts[k])
		if err != nil {
			return fmt.Errorf("look up descriptions of earlier releases: %w", err)
		}
		if !frame.Records[b.good[i].record].Timestamp.After(at) {
			b.good[i].ID = drafts[k].ID
		}
	}
	return nil
}

// recordedAt returns when the log recorded an event of the draft's ID; zero if it has none.
func (h *ingest) recordedAt(ctx context.Context, d events.Draft) (time.Time, error) {
	s := events.Stream{Campaign: d.Event.Subject(), Limit: formerPage}
	for {
		read, err := h.log.ReadStream(ctx, s)
		if err != nil || len(read) == 0 {
			return time.Time{}, err
		}
		for i := range read {
			if read[i].ID == d.ID {
				return read[i].RecordedAt, nil
			}
		}
		s.After = read[len(read)-1].Position
	}
}
