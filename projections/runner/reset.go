package runner

import (
	"context"
	"fmt"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// reset folds one campaign anew and replaces its rows. All but the last of its events
// are folded beside the live projections, the last while these stand still.
func (f *follower) reset(ctx context.Context, act *readmodel.Act, ps []projections.Projection) error {
	s := streamFold{
		log: f.cfg.Log, campaign: act.Campaign, projections: ps, batch: f.cfg.Batch,
		at: make(map[string]events.Position, len(ps)), rows: readmodel.NewRows(),
	}
	to := func() map[string]events.Position {
		all := make(map[string]events.Position, len(ps))
		for _, p := range ps {
			all[p.Name] = f.active(p.Name)
		}
		return all
	}
	if err := s.foldTo(ctx, to()); err != nil {
		return err
	}
	return f.hand(ctx, func(ctx context.Context) error {
		if err := s.foldTo(ctx, to()); err != nil {
			return err
		}
		at := make([]readmodel.Checkpoint, len(ps))
		for i, p := range ps {
			c := f.cursor(p.Name)
			if c.outdated() {
				return fmt.Errorf("%s: what is served was built by version %d: rebuild it", p.Name, c.at.Version)
			}
			at[i] = c.at
		}
		revision, err := f.cfg.Rows.Replace(ctx, f.lease, act.ID, at, act.Campaign, s.rows)
		if err != nil {
			return err
		}
		f.announce(revision, act.Campaign)
		return nil
	})
}

// streamFold folds one campaign's stream, by each projection up to a position of its
// own.
type streamFold struct {
	log         events.Log
	campaign    events.Campaign
	projections []projections.Projection
	batch       int

	at   map[string]events.Position // up to where each projection has folded
	rows *readmodel.Rows
	read int64           // events
	last events.Position // of the last event read
}

// foldTo goes on to the positions.
func (s *streamFold) foldTo(ctx context.Context, to map[string]events.Position) error {
	after, through := events.Position(-1), events.Position(0)
	for _, p := range s.projections {
		if s.at[p.Name] >= to[p.Name] {
			continue
		}
		if after < 0 || s.at[p.Name] < after {
			after = s.at[p.Name]
		}
		through = max(through, to[p.Name])
	}
	if after < 0 {
		return nil
	}
	for more := true; more; {
		batch, err := s.log.ReadStream(ctx, events.Stream{Campaign: s.campaign, After: after, Through: through, Limit: s.batch})
		if err != nil {
			return fmt.Errorf("read stream of campaign %q: %w", s.campaign, err)
		}
		for _, p := range s.projections {
			for _, e := range batch {
				if e.Position > s.at[p.Name] && e.Position <= to[p.Name] {
					p.Fold(s.rows, e)
				}
			}
		}
		s.read += int64(len(batch))
		if len(batch) > 0 {
			after = batch[len(batch)-1].Position
			s.last = max(s.last, after)
		}
		more = len(batch) == s.batch && after < through
	}
	for _, p := range s.projections {
		s.at[p.Name] = max(s.at[p.Name], to[p.Name])
	}
	return nil
}
