package operate

import (
	"context"
	"strings"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/readmodel"
)

type projectionsRebuildCommand struct {
	stores.Config
	projectionFlags
	operationFlags
	diffFlags
}

// Help implements kong's detailed help.
func (projectionsRebuildCommand) Help() string {
	return `Folds the log from its start into new generations of the projections, beside those that are
served, and serves the new ones from one transaction on, at the position of the old ones or
beyond. The old ones are kept for "jangbu projections rollback" until the next rebuild.

A running service does it, under its lease; without one, this command does. Killed at any
moment, it leaves the rows that are served as they were; the next service, or the same
command, begins again.

--diff folds first, in memory, and shows what would change; then it asks. --dry-run stops
after that.

It also makes rows that were lost or never existed.

Examples:
  jangbu projections rebuild channel_stats
  jangbu projections rebuild --all --why "cost of a distribution counted twice"
  jangbu projections rebuild --all --dry-run --json`
}

// Run rebuilds.
func (c projectionsRebuildCommand) Run(ctx context.Context, t cli.Terminal) error {
	return rebuild(ctx, t, &c.Config, &c.projectionFlags, &c.operationFlags, &c.diffFlags, "", false)
}

type projectionsResetCommand struct {
	stores.Config
	projectionFlags
	operationFlags
	diffFlags
	Campaign events.Campaign `aliases:"event" placeholder:"ID" help:"Reset this campaign alone."`
}

// Help implements kong's detailed help.
func (projectionsResetCommand) Help() string {
	return `With --campaign, folds the events of one campaign anew and replaces its rows in one
transaction; no other row is touched. Without it, the same as "jangbu projections rebuild",
but for the question that is asked first.

A running service does it, under its lease; without one, this command does.

Examples:
  jangbu projections reset event_stats --campaign evt-1
  jangbu projections reset --all --campaign evt-1 --diff
  jangbu projections reset --all --yes`
}

// Run resets.
func (c projectionsResetCommand) Run(ctx context.Context, t cli.Terminal) error {
	return rebuild(ctx, t, &c.Config, &c.projectionFlags, &c.operationFlags, &c.diffFlags, c.Campaign, c.Campaign == "")
}

// rebuild rebuilds projections, or one campaign in them. ask says that it asks before, also where
// no flag has it show what would change.
func rebuild(ctx context.Context, t cli.Terminal, at *stores.Config, of *projectionFlags, how *operationFlags, look *diffFlags, c events.Campaign, ask bool) error {
	var wrong cli.Problems
	at.Check(wrong.Add)
	names := of.names(&wrong)
	if err := wrong.Err(); err != nil {
		return err
	}
	op := readmodel.Operation{Kind: readmodel.Rebuild, Projections: names}
	if c != "" {
		op.Kind, op.Campaign = readmodel.Reset, c
	}
	with := at.WithServed
	if op.Kind == readmodel.Rebuild {
		with = at.WithStores
	}
	return with(ctx, func(log events.Log, rows readmodel.Store) error {
		if c != "" {
			if err := existingCampaign(ctx, log, rows, c); err != nil {
				return err
			}
		}
		confirmed, err := look.confirm(ctx, t, log, rows, op, how.JSON)
		if err != nil || !confirmed {
			return err
		}
		if ask && !look.Diff {
			totals, err := log.Totals(ctx)
			if err != nil {
				return err
			}
			if err := look.Ask(ctx, t, "all rows of %s are folded anew, from %d events", strings.Join(names, ", "), totals.Head); err != nil {
				return err
			}
		}
		return how.operate(ctx, t, log, rows, op)
	})
}
