package replay

import (
	"context"
	"maps"
	"slices"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// withdraw folds the campaigns of which events were withdrawn anew, without those.
func (r *replay) withdraw(ctx context.Context, out *Result) error {
	if len(r.withdrawals) == 0 {
		return nil
	}
	if r.Export != nil {
		return r.withdrawOfExport(ctx, out)
	}
	anew := make(map[events.Campaign]*readmodel.Rows, len(r.withdrawals))
	for _, c := range slices.Sorted(maps.Keys(r.withdrawals)) {
		r.Between()
		rows, err := campaign(ctx, r.Log, r.Projections, c, r.After, out.Through, r.Snapshots)
		if err != nil {
			return err
		}
		anew[c] = rows
	}
	out.Rows.Replace(anew)
	return nil
}

// withdrawOfExport reads the export once more.
func (r *replay) withdrawOfExport(ctx context.Context, out *Result) error {
	withdrawn := make(map[events.Campaign]events.Withdrawn, len(r.withdrawals))
	anew := make(map[events.Campaign]*readmodel.Rows, len(r.withdrawals))
	for c, all := range r.withdrawals {
		withdrawn[c] = events.WithdrawnAt(all, out.Through)
		anew[c] = readmodel.NewRows(projections.Tables(r.Projections)...)
	}
	out.Rows.Replace(anew)
	return r.Export.Each(ctx, func(read []events.Recorded) error {
		r.Between()
		for _, e := range within(read, r.After, out.Through) {
			of, some := withdrawn[e.Event.Subject()]
			if !some {
				continue
			}
			projections.Fold(out.Rows, r.Projections, of.InEffect([]events.Recorded{e}))
		}
		return nil
	})
}

// Campaign returns the fold of one campaign's events after a position and through another,
// without those that are withdrawn there.
func Campaign(ctx context.Context, log events.Log, ps []projections.Projection, c events.Campaign, after, through events.Position) (*readmodel.Rows, error) {
	return campaign(ctx, log, ps, c, after, through, nil)
}

func campaign(ctx context.Context, log events.Log, ps []projections.Projection, c events.Campaign, after, through events.Position, snapshots *Snapshots) (*readmodel.Rows, error) {
	s := Stream{
		Log: log, Campaign: c, Projections: ps, Batch: streamBatch, After: after, Snapshots: snapshots,
		At: make(map[string]events.Position, len(ps)), Rows: readmodel.NewRows(projections.Tables(ps)...),
	}
	to := make(map[string]events.Position, len(ps))
	for _, p := range ps {
		s.At[p.Name()], to[p.Name()] = after, through
	}
	if err := s.readWithdrawals(ctx, through); err != nil {
		return nil, err
	}
	if err := s.FoldTo(ctx, to); err != nil {
		return nil, err
	}
	s.Close()
	return s.Rows, nil
}
