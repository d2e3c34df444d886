package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// refold has campaigns' rows folded anew once their events have been overwritten. Cached answers
// follow the rows.
type refold struct {
	*stores.Config
	log    events.Log
	logger *slog.Logger
	who    string
	why    string
	quiet  bool
}

// campaign has the leader fold the campaign's rows anew, from a moment after the call on.
func (r refold) campaign(ctx context.Context, t cli.Terminal, c events.Campaign) error {
	return r.do(ctx, t, readmodel.Operation{Kind: readmodel.Reset, Campaign: c})
}

// everything has the leader fold all rows anew, in the same way.
func (r refold) everything(ctx context.Context, t cli.Terminal) error {
	return r.do(ctx, t, readmodel.Operation{Kind: readmodel.Rebuild})
}

func (r refold) do(ctx context.Context, t cli.Terminal, wanted readmodel.Operation) (err error) {
	if r.RowsPlace().Existing() != nil {
		return nil // there are no rows yet
	}
	rows, closeRows, err := r.OpenRows(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRows()) }()
	wanted.Who, wanted.Why = r.who, r.why
	for _, p := range projections.All() {
		wanted.Projections = append(wanted.Projections, p.Name())
	}
	var memory cli.MemoryConfig
	defer memory.Limit()()
	p := cli.Progress{Terminal: t, Quiet: r.quiet, Verb: "folded"}
	defer p.End()
	for fresh := false; !fresh; {
		done, err := runner.Operate(ctx, runner.Config{Log: r.log, Rows: rows, Projections: projections.All(), Memory: memory.Budget(), Logger: r.logger}, wanted,
			// One that ran already may have read the log before the events were overwritten.
			func(asked readmodel.Operation) { fresh = asked.State == readmodel.Waiting },
			func(op readmodel.Operation) {
				if op.To > 0 {
					p.Total = int64(op.To)
					p.At(int64(op.At))
				}
			})
		if err != nil {
			return fmt.Errorf("the events are overwritten; fold the rows anew (operation %d): %w", done.ID, err)
		}
	}
	return nil
}
