package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// ProjectionsCommand shows and operates the projections.
type ProjectionsCommand struct {
	List     projectionsListCommand     `cmd:"" help:"Each generation of each projection, its state and its position."`
	Status   projectionsStatusCommand   `cmd:"" help:"Whether the rows are current, which process leads, and the last operations."`
	Rebuild  projectionsRebuildCommand  `cmd:"" help:"Fold the log into new generations, and then serve those."`
	Reset    projectionsResetCommand    `cmd:"" help:"Fold one campaign anew, or all of them, and replace what is served."`
	Rollback projectionsRollbackCommand `cmd:"" help:"Serve the generations again that the last rebuild replaced."`
	Pause    projectionsPauseCommand    `cmd:"" help:"Stop folding new events."`
	Resume   projectionsResumeCommand   `cmd:"" help:"Fold new events again."`
}

// projectionFlags are the flags that name the projections of a command.
type projectionFlags struct {
	Name []string `arg:"" optional:"" name:"name" help:"Projections, by the names that projections list prints."`
	All  bool     `help:"All projections."`
}

// names returns the names, sorted and each once.
func (c *projectionFlags) names(wrong *cli.Problems) []string {
	var known []string
	for _, p := range projections.All() {
		known = append(known, p.Name())
	}
	slices.Sort(known)
	switch {
	case c.All && len(c.Name) > 0:
		wrong.Add("all", "already names all of them")
	case c.All:
		return known
	case len(c.Name) == 0:
		wrong.Add("all", "name projections, or give --all; there are %s", strings.Join(known, ", "))
	}
	some := slices.Compact(slices.Sorted(slices.Values(c.Name)))
	for _, name := range some {
		if !slices.Contains(known, name) {
			wrong.Add("name", "there is no projection %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return some
}

// existingCampaign returns ErrNothing if the campaign has neither a row nor an event.
func existingCampaign(ctx context.Context, log events.Log, rows readmodel.Store, c events.Campaign) error {
	_, _, err := rows.Snapshot(ctx, c)
	if err == nil || !errors.Is(err, readmodel.ErrNotFound) {
		return err
	}
	first, err := log.ReadStream(ctx, events.Stream{Campaign: c, Limit: 1})
	if err == nil && len(first) == 0 {
		err = fmt.Errorf("%w: campaign %q has no event and no row", cli.ErrNothing, c)
	}
	return err
}
