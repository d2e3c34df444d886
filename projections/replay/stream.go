package replay

import (
	"context"
	"fmt"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// Stream folds one campaign's stream, by each projection up to a position of its own. What
// is withdrawn as of that position is not folded: where the stream goes on to a withdrawal of
// what was folded, it is folded anew.
type Stream struct {
	Log         events.Log
	Campaign    events.Campaign
	Projections []projections.Projection
	Batch       int             // events read at a time
	After       events.Position // where it begins, exclusive

	At   map[string]events.Position // up to where each projection has folded; not nil
	Rows *readmodel.Rows            // that it folds into; replaced where it is folded anew
	Read int64                      // how many events it has read

	withdrawals []events.Recorded // of the campaign, after After
	known       events.Position   // up to where withdrawals has all
}

// FoldTo folds on, by each projection up to its position in to.
func (s *Stream) FoldTo(ctx context.Context, to map[string]events.Position) error {
	through := events.Position(0)
	for _, p := range s.Projections {
		through = max(through, to[p.Name()])
	}
	anew, err := s.foldOn(ctx, to, through)
	if err != nil || !anew {
		return err
	}
	if err := s.readWithdrawals(ctx, through); err != nil {
		return err
	}
	s.Rows = readmodel.NewRows(projections.Tables(s.Projections)...)
	for _, p := range s.Projections {
		s.At[p.Name()] = s.After
	}
	_, err = s.foldOn(ctx, to, through)
	return err
}

// foldOn folds on until there is a withdrawal of what was folded, or that it does not know.
func (s *Stream) foldOn(ctx context.Context, to map[string]events.Position, through events.Position) (anew bool, err error) {
	after := events.Position(-1)
	withdrawn := make([]events.Withdrawn, len(s.Projections))
	for i, p := range s.Projections {
		from := s.At[p.Name()]
		if from >= to[p.Name()] {
			continue
		}
		if after < 0 || from < after {
			after = from
		}
		for _, w := range s.withdrawals {
			if from > s.After && w.Position > from && w.Position <= to[p.Name()] {
				return true, nil
			}
		}
		withdrawn[i] = events.WithdrawnAt(s.withdrawals, to[p.Name()])
	}
	if after < 0 {
		return false, nil
	}
	for more := true; more; {
		batch, err := s.Log.ReadStream(ctx, events.Stream{Campaign: s.Campaign, After: after, Through: through, Limit: s.Batch})
		if err != nil {
			return false, fmt.Errorf("read stream of campaign %q: %w", s.Campaign, err)
		}
		for _, e := range batch {
			if e.Position > s.known && e.Event.Type() == events.TypeEventsWithdrawn {
				return true, nil
			}
		}
		for i, p := range s.Projections {
			for _, e := range withdrawn[i].InEffect(batch) {
				if e.Position > s.At[p.Name()] && e.Position <= to[p.Name()] {
					p.Fold(s.Rows, e)
				}
			}
		}
		s.Read += int64(len(batch))
		if len(batch) > 0 {
			after = batch[len(batch)-1].Position
		}
		more = len(batch) > 0 && after < through
	}
	for _, p := range s.Projections {
		s.At[p.Name()] = max(s.At[p.Name()], to[p.Name()])
	}
	return false, nil
}

// readWithdrawals reads the campaign's withdrawals through a position.
func (s *Stream) readWithdrawals(ctx context.Context, through events.Position) error {
	s.withdrawals = nil
	for after := s.After; ; {
		read, err := s.Log.ReadStream(ctx, events.Stream{
			Campaign: s.Campaign, After: after, Through: through, Types: []events.Type{events.TypeEventsWithdrawn}, Limit: s.Batch,
		})
		if err != nil {
			return fmt.Errorf("read withdrawals of campaign %q: %w", s.Campaign, err)
		}
		if len(read) == 0 {
			s.known = through
			return nil
		}
		s.withdrawals = append(s.withdrawals, read...)
		after = read[len(read)-1].Position
	}
}
