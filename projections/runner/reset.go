package runner

import (
	"context"
	"fmt"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// reset folds one campaign anew and replaces its rows. All but the last of its events
// are folded beside the live projections, the last while these stand still.
func (f *follower) reset(ctx context.Context, op *readmodel.Operation, ps []projections.Projection) error {
	s := replay.Stream{
		Log: f.cfg.Log, Campaign: op.Campaign, Projections: ps, Batch: f.cfg.Batch,
		At: make(map[string]events.Position, len(ps)), Rows: readmodel.NewRows(projections.Tables(ps)...),
	}
	to := func() map[string]events.Position {
		all := make(map[string]events.Position, len(ps))
		for _, p := range ps {
			all[p.Name()] = f.active(p.Name())
		}
		return all
	}
	if err := s.FoldTo(ctx, to()); err != nil {
		return err
	}
	return f.hand(ctx, func(ctx context.Context) error {
		if err := s.FoldTo(ctx, to()); err != nil {
			return err
		}
		at := make([]readmodel.Checkpoint, len(ps))
		for i, p := range ps {
			c := f.cursor(p.Name())
			if c.outdated() {
				return fmt.Errorf("%s: what is served was built by version %d: rebuild it", p.Name(), c.at.Version)
			}
			at[i] = c.at
		}
		revision, err := f.cfg.Rows.Replace(ctx, f.lease, op.ID, at, op.Campaign, s.Rows)
		if err != nil {
			return err
		}
		f.announce(revision, op.Campaign)
		return nil
	})
}
