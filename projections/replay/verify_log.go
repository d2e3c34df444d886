package replay

import (
	"context"
	"strings"

	"jangbu/events"
)

// foldLog verifies the log, and folds it up to its head, each campaign by itself.
func (v *verifier) foldLog(ctx context.Context) error {
	found, err := VerifyChain(ctx, ChainConfig{Log: v.Log, Batch: v.Batch, Each: v.Damaged, Progress: v.Progress, see: v.fold})
	v.result.Head, v.result.Events, v.result.Links = found.End.Position, found.Events, found.Links
	v.result.Damages, v.result.FirstDamage = found.Damages, found.First
	v.through = found.End.Position
	return err
}

// fold folds the log's next event.
func (v *verifier) fold(e *events.Recorded) {
	v.See(e)
	c := e.Event.Subject()
	if len(v.alone) > 0 && v.alone[c] {
		return
	}
	alone := e.Event.Type() == events.TypeEventsWithdrawn
	if !alone {
		for _, p := range v.Projections {
			p.Fold(v.rows, e)
		}
		v.rows.Note(c, e.Position)
		alone = v.rows.Len() > v.MaxRows
	}
	if alone {
		v.rows.Take(c)
		v.alone[events.Campaign(strings.Clone(string(c)))] = true // the event's own would keep the whole event in memory
	}
}
