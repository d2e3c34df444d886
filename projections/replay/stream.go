package replay

import (
	"context"
	"fmt"
	"slices"

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

	// Snapshots has Rows keep snapshots, which [Stream.Close] completes. Nil takes none.
	Snapshots *Snapshots

	withdrawals []events.Recorded           // of the campaign, after After
	known       events.Position             // up to where withdrawals has all
	overwritten int                         // how many events were, before the first was read; valid once last is not nil
	last        map[string]*events.Recorded // of the events up to At, by projection
	step        events.Position             // of the snapshots that are due, every how many is taken
}

// begin prepares for the first event, if snapshots are taken.
func (s *Stream) begin(ctx context.Context) error {
	if s.Snapshots == nil || s.last != nil {
		return nil
	}
	of, err := Overwritten(ctx, s.Log, s.Campaign)
	if err != nil {
		return err
	}
	s.overwritten, s.last, s.step = of[s.Campaign], make(map[string]*events.Recorded), 1
	return nil
}

// keep takes a snapshot for the projection after an event, if one is due and what is withdrawn
// there is what is left out of its rows.
func (s *Stream) keep(p projections.Projection, after *events.Recorded, without events.Withdrawn) {
	if s.Snapshots == nil || !s.Snapshots.Due(after.Position, s.Rows.LenOf(s.Campaign)) || after.Position/s.Snapshots.every%s.step != 0 {
		return
	}
	if firstDifference(events.WithdrawnAt(s.withdrawals, after.Position), without) <= after.Position {
		return
	}
	s.Rows.Keep(s.Snapshots.Of(s.Rows, []projections.Projection{p}, s.Campaign, after, s.overwritten)...)
	if kept := s.Rows.Snapshots(); len(kept) > maxKept {
		s.step *= 2
		s.Rows.Drop(func(k readmodel.Snapshot) bool { return k.Position/s.Snapshots.every%s.step != 0 })
	}
}

// Close has Rows keep a snapshot for each projection after the last event.
func (s *Stream) Close() {
	for _, p := range s.Projections {
		last := s.last[p.Name()]
		if last == nil {
			continue
		}
		s.Rows.Drop(func(k readmodel.Snapshot) bool { return k.Projection == p.Name() && k.Position == last.Position })
		s.Rows.Keep(s.Snapshots.Of(s.Rows, []projections.Projection{p}, s.Campaign, last, s.overwritten)...)
	}
}

// FoldTo folds on, by each projection up to its position in to.
func (s *Stream) FoldTo(ctx context.Context, to map[string]events.Position) error {
	through := events.Position(0)
	for _, p := range s.Projections {
		through = max(through, to[p.Name()])
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	anew, err := s.foldOn(ctx, to, through)
	if err != nil || !anew {
		return err
	}
	clear(s.last)
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
			facts := withdrawn[i].InEffect(batch)
			for n := range facts {
				if e := &facts[n]; e.Position > s.At[p.Name()] && e.Position <= to[p.Name()] {
					p.Fold(s.Rows, e)
					s.keep(p, e, withdrawn[i])
				}
			}
			if s.last != nil {
				s.noteLast(p.Name(), batch, to[p.Name()])
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

// noteLast notes the last event of the batch through a position.
func (s *Stream) noteLast(name string, batch []events.Recorded, through events.Position) {
	for _, e := range slices.Backward(batch) {
		if e.Position <= through {
			if last := s.last[name]; last == nil || e.Position > last.Position {
				s.last[name] = &events.Recorded{Position: e.Position, RecordedAt: e.RecordedAt}
			}
			return
		}
	}
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
