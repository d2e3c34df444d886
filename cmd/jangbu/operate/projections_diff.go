package operate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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

// errNotConfirmed says that the reply was not yes.
var errNotConfirmed = errors.New("not confirmed, nothing was changed")

// diffFlags are the flags of commands that can show what they would change.
type diffFlags struct {
	Diff   bool `help:"Fold first, show what would change, and ask."`
	DryRun bool `help:"Show what would change, and change nothing."`
	Yes    bool `help:"Do not ask."`
}

func (f *diffFlags) validate(wrong *cli.Problems) {
	if f.Yes && f.DryRun {
		wrong.Add("yes", "--dry-run asks nothing")
	}
	if f.Yes && !f.Diff {
		wrong.Add("yes", "nothing is asked without --diff")
	}
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
	found.print(t)
	switch {
	case f.DryRun:
		return false, nil
	case found.Changing == 0:
		t.Warnf("nothing was changed: without --diff it would be folded anew all the same")
		return false, nil
	case f.Yes:
		return true, nil
	}
	_, _ = fmt.Fprintf(t.Err, "Go on? Type yes: ")
	reply, err := readLine(ctx, os.Stdin)
	if strings.TrimSpace(reply) == "yes" {
		return true, nil
	}
	if err != nil {
		t.Warnf("") // ends the line of the question
	}
	if ctx.Err() != nil {
		return false, cli.Interruptible(ctx, err, "nothing was changed")
	}
	return false, errNotConfirmed
}

// readLine returns one line of input. If ctx ends first, the goroutine that reads is left
// behind.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(in).ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
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
func (c changes) print(t cli.Terminal) {
	t.Warnf("%d of %d campaigns change", c.Changing, c.Campaigns)
	for i, d := range c.Changes {
		if i == shownChanges {
			t.Warnf("  … (--dry-run --json has more)")
			break
		}
		at := strings.Join(slices.DeleteFunc([]string{d.Table, d.Key, d.Field}, func(s string) bool { return s == "" }), " ")
		t.Warnf("  %s: %s: %s → %s", d.Campaign, at, d.Served, d.Folded)
	}
}
