package replay

import (
	"context"
	"fmt"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// Stream folds one campaign's stream, by each projection up to a position of its own.
type Stream struct {
	Log         events.Log
	Campaign    events.Campaign
	Projections []projections.Projection
	Batch       int // events read at a time

	At   map[string]events.Position // up to where each projection has folded; not nil
	Rows *readmodel.Rows            // that it folds into
	Read int64                      // how many events it has read
	Last events.Position            // that of the last event read
}

// FoldTo folds on, by each projection up to its position in to.
func (s *Stream) FoldTo(ctx context.Context, to map[string]events.Position) error {
	after, through := events.Position(-1), events.Position(0)
	for _, p := range s.Projections {
		if s.At[p.Name()] >= to[p.Name()] {
			continue
		}
		if after < 0 || s.At[p.Name()] < after {
			after = s.At[p.Name()]
		}
		through = max(through, to[p.Name()])
	}
	if after < 0 {
		return nil
	}
	for more := true; more; {
		batch, err := s.Log.ReadStream(ctx, events.Stream{Campaign: s.Campaign, After: after, Through: through, Limit: s.Batch})
		if err != nil {
			return fmt.Errorf("read stream of campaign %q: %w", s.Campaign, err)
		}
		for _, p := range s.Projections {
			for _, e := range batch {
				if e.Position > s.At[p.Name()] && e.Position <= to[p.Name()] {
					p.Fold(s.Rows, e)
				}
			}
		}
		s.Read += int64(len(batch))
		if len(batch) > 0 {
			after = batch[len(batch)-1].Position
			s.Last = max(s.Last, after)
		}
		more = len(batch) > 0 && after < through
	}
	for _, p := range s.Projections {
		s.At[p.Name()] = max(s.At[p.Name()], to[p.Name()])
	}
	return nil
}
