package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

const (
	shownChanges = 20    // printed for people
	keptChanges  = 1_000 // printed as JSON
)

// diffFlags are the flags of commands that can show what they would change.
type diffFlags struct {
	Diff   bool `help:"Fold first, show what would change, and ask."`
	DryRun bool `help:"Show what would change, and change nothing."`
	cli.Consent
}

// changes is what an operation would change.
type changes struct {
	Campaigns int `json:"campaigns"` // that were compared
	Changing  int `json:"changing"`
	// Changes are the first ones; Truncated says that there are more.
	Changes   []replay.Divergence `json:"changes"`
	Truncated bool                `json:"truncated"`
}

// confirm shows what the operation would change, if the flags ask for that, and reports
// whether to carry it out.
func (f *diffFlags) confirm(ctx context.Context, t cli.Terminal, log events.Log, rows readmodel.Store, op readmodel.Operation, asJSON bool) (confirmed bool, err error) {
	if !f.Diff && !f.DryRun {
		return true, nil
	}
	folded := cli.Progress{Terminal: t, Quiet: asJSON, Verb: "folded"}
	found, err := findChanges(ctx, log, rows, op, func(at, to events.Position) {
		folded.Total = int64(to)
		folded.At(int64(at))
	})
	folded.End()
	if err != nil {
		return false, cli.Interruptible(ctx, err, "nothing was changed")
	}
	if asJSON && f.DryRun {
		return false, json.NewEncoder(t.Out).Encode(found)
	}
	say := t.Printf
	if asJSON {
		say = t.Notef
	}
	found.print(say)
	switch {
	case f.DryRun:
		return false, nil
	case found.Changing == 0:
		say("nothing was changed: without --diff it would be folded anew all the same")
		return false, nil
	}
	err = f.Ask(ctx, t, "%d campaigns change", found.Changing)
	return err == nil, err
}

// findChanges folds the log in memory and compares the rows with it.
func findChanges(ctx context.Context, log events.Log, rows readmodel.Store, op readmodel.Operation, tell func(at, to events.Position)) (changes, error) {
	found := changes{Changes: []replay.Divergence{}}
	cfg := replay.VerifyConfig{
		Log: log, Rows: rows, AnyVersion: true, Progress: tell,
		Projections: slices.DeleteFunc(projections.All(), func(p projections.Projection) bool { return !slices.Contains(op.Projections, p.Name()) }),
		Each: func(d *replay.Divergence) {
			if len(found.Changes) < keptChanges {
				found.Changes = append(found.Changes, *d)
			} else {
				found.Truncated = true
			}
		},
	}
	if op.Campaign != "" {
		cfg.Campaigns = []events.Campaign{op.Campaign}
	}
	verified, err := replay.Verify(ctx, cfg)
	switch {
	case errors.Is(err, events.ErrGap), errors.Is(err, events.ErrCorrupt):
		err = fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	case err == nil && verified.FirstDamage != nil:
		err = damagedLog(verified.FirstDamage)
	case err == nil && verified.First != nil && verified.First.Campaign == "":
		err = fmt.Errorf("a rebuild replaces all rows: %s", verified.First)
	}
	found.Campaigns, found.Changing = verified.Campaigns, verified.Diverging
	return found, err
}

// print shows the first changes.
func (c changes) print(say func(format string, args ...any)) {
	say("%d of %d campaigns change", c.Changing, c.Campaigns)
	for i, d := range c.Changes {
		if i == shownChanges {
			say("  … (--dry-run --json has more)")
			break
		}
		at := strings.Join(slices.DeleteFunc([]string{d.Table, d.Key, d.Field}, func(s string) bool { return s == "" }), " ")
		say("  %s: %s: %s → %s", d.Campaign, at, d.Served, d.Folded)
	}
}
