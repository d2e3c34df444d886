package runner

import (
	"context"
	"fmt"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// reset folds one campaign anew and replaces its rows, also as a heal. All but the last of its events
// are folded beside the live projections, the last between two batches of these.
func (l *leader) reset(ctx context.Context, op *readmodel.Operation, ps []projections.Projection) error {
	s := replay.Stream{
		Log: l.cfg.Log, Campaign: op.Campaign, Projections: ps, Batch: l.cfg.Batch, Snapshots: l.kept,
		At: make(map[string]events.Position, len(ps)), Rows: readmodel.NewRows(projections.Tables(ps)...),
	}
	to := func() map[string]events.Position {
		all := make(map[string]events.Position, len(ps))
		for _, p := range ps {
			all[p.Name()] = l.active(p.Name())
		}
		return all
	}
	if err := s.FoldTo(ctx, to()); err != nil {
		return err
	}
	return l.betweenBatches(ctx, func(ctx context.Context) error {
		if err := s.FoldTo(ctx, to()); err != nil {
			return err
		}
		at := make([]readmodel.Checkpoint, len(ps))
		for i, p := range ps {
			c := l.cursor(p.Name())
			if c.outdated() {
				return fmt.Errorf("%s: what is served was built by version %d: rebuild it", p.Name(), c.at.Version)
			}
			at[i] = c.at
		}
		s.Close()
		revision, err := l.cfg.Rows.Replace(ctx, l.lease, op.ID, at, op.Campaign, s.Rows)
		if err != nil {
			return err
		}
		l.announce(revision, op.Campaign)
		return nil
	})
}
