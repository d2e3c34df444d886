package replay

import (
	"context"
	"fmt"
	"slices"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// comparable returns the projections whose rows can be compared with the fold of this log, and
// the position of each. It records a divergence of those that have no active generation, of
// which nothing is served, and of those whose checkpoint is beyond the log's head or has
// another link than the log there: these are rows of another log (I13).
func (v *verifier) comparable(ctx context.Context, found []readmodel.Checkpoint) (ps []projections.Projection, at map[string]events.Position, err error) {
	at = make(map[string]events.Position, len(v.Projections))
	for _, p := range v.Projections {
		i := slices.IndexFunc(found, func(c readmodel.Checkpoint) bool { return c.Projection == p.Name() })
		if i < 0 {
			if v.head == 0 {
				continue // nothing is to be served
			}
			v.foundOf(readmodel.Difference{Table: p.Name(), Served: "no generation", Folded: fmt.Sprintf("log that ends at %d", v.head)})
			continue
		}
		c := found[i]
		if c.Version != p.Version && !v.AnyVersion {
			return nil, nil, fmt.Errorf("%s: rows are of version %d, the projection is of version %d: %w",
				p.Name(), c.Version, p.Version, readmodel.ErrVersion)
		}
		switch ours, err := v.ofThisLog(ctx, c); {
		case err != nil:
			return nil, nil, err
		case !ours:
			continue
		}
		ps, at[p.Name()] = append(ps, p), c.Position
		v.result.Lowest = min(v.result.Lowest, c.Position)
	}
	return ps, at, nil
}

// ofThisLog reports whether the checkpoint is one of the log's own history.
func (v *verifier) ofThisLog(ctx context.Context, at readmodel.Checkpoint) (bool, error) {
	if at.Position > v.head {
		if err := v.account(ctx); err != nil { // the log may have grown
			return false, err
		}
	}
	if at.Position > v.head {
		v.foundOf(readmodel.Difference{
			Table: at.Projection, Served: fmt.Sprintf("checkpoint %d", at.Position),
			Folded: fmt.Sprintf("log that ends at %d", v.head), Position: at.Position,
		})
		return false, nil
	}
	if at.Link == (events.Link{}) {
		return true, nil
	}
	link, known := v.links[at.Position]
	if !known {
		var err error
		if link, _, err = v.Log.Chain().Link(ctx, at.Position); err != nil {
			return false, err
		}
		v.links[at.Position] = link
	}
	if link == at.Link {
		return true, nil
	}
	v.foundOf(readmodel.Difference{
		Table: at.Projection, Served: fmt.Sprintf("checkpoint of a log with link %v", at.Link),
		Folded: fmt.Sprintf("log with link %v", link), Position: at.Position,
	})
	return false, nil
}
