package operate

import (
	"context"
	"fmt"
	"slices"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/readmodel"
)

type projectionsRollbackCommand struct {
	stores.Config
	projectionFlags
	operationFlags
}

// Help implements kong's detailed help.
func (projectionsRollbackCommand) Help() string {
	return `Serves the generation again that the last rebuild replaced, once it has caught up with the
events since. A second rollback returns to the newer one.

Exits with 3 if no earlier generation is kept.

Examples:
  jangbu projections rollback channel_stats --why "the rebuild was done with the wrong program"`
}

// Run rolls back.
func (c projectionsRollbackCommand) Run(ctx context.Context, t cli.Terminal) error {
	return c.run(ctx, t, &c.Config, &c.projectionFlags, readmodel.Rollback, func(rows readmodel.Store, names []string) error {
		all, err := rows.List(ctx)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !slices.ContainsFunc(all, func(b readmodel.GenerationState) bool { return b.Standby && b.Projection == name }) {
				return fmt.Errorf("%w: no earlier generation of %s is kept", cli.ErrNothing, name)
			}
		}
		return nil
	})
}

type projectionsPauseCommand struct {
	stores.Config
	projectionFlags
	operationFlags
}

// Help implements kong's detailed help.
func (projectionsPauseCommand) Help() string {
	return `Stops folding new events into the projections, in every service, until "jangbu
projections resume". Events are still logged, and the rows that are served stay.

Examples:
  jangbu projections pause --all --why "to compare figures with the shop's"`
}

// Run pauses.
func (c projectionsPauseCommand) Run(ctx context.Context, t cli.Terminal) error {
	return c.run(ctx, t, &c.Config, &c.projectionFlags, readmodel.Pause, nil)
}

type projectionsResumeCommand struct {
	stores.Config
	projectionFlags
	operationFlags
}

// Help implements kong's detailed help.
func (projectionsResumeCommand) Help() string {
	return `Folds new events into the projections again, from where they were paused.

Examples:
  jangbu projections resume --all`
}

// Run resumes.
func (c projectionsResumeCommand) Run(ctx context.Context, t cli.Terminal) error {
	return c.run(ctx, t, &c.Config, &c.projectionFlags, readmodel.Resume, nil)
}

// run asks for an operation on the projections that of names, unless check returns an error.
func (f *operationFlags) run(ctx context.Context, t cli.Terminal, at *stores.Config, of *projectionFlags, kind readmodel.OperationKind, check func(readmodel.Store, []string) error) error {
	var wrong cli.Problems
	at.Check(wrong.Add)
	names := of.names(&wrong)
	if err := wrong.Err(); err != nil {
		return err
	}
	return at.WithServed(ctx, func(log events.Log, rows readmodel.Store) error {
		if check != nil {
			if err := check(rows, names); err != nil {
				return err
			}
		}
		return f.operate(ctx, t, log, rows, readmodel.Operation{Kind: kind, Projections: names})
	})
}
