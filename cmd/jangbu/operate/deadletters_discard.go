package operate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type deadLettersDiscardCommand struct {
	stores.Config
	IDs    []string `arg:"" optional:"" name:"id" help:"The letters' IDs, as list shows them."`
	All    bool     `help:"All letters that have not been discarded."`
	Reason string   `aliases:"with-reason" placeholder:"REASON" help:"The letters with this reason: malformed, unknown-type, conflict, other-shop or key."`
	Why    string   `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters that name no person."`
	Who    string   `placeholder:"NAME" help:"Who does it, for the record. Without it, the user of this process."`
	DryRun bool     `help:"Print how many would be discarded, and change nothing."`
	cli.Consent
	JSON bool `help:"Print one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (deadLettersDiscardCommand) Help() string {
	return `Erases the records in the letters. Their places, and who discarded them, when and why, stay
recorded; a record that is delivered again is a duplicate. This cannot be undone, so it says
how many there are and asks first. A service may run meanwhile. The same command goes on
with an interrupted discard.

Exits with 3 if there is no such letter, or all were discarded already.

Examples:
  jangbu deadletters discard 01890a5d-ac96-874b-bcce-b302099a8057 --why "sent by a test"
  jangbu deadletters discard --reason malformed --why "till of shop 7, see OPS-412" --dry-run
  jangbu deadletters discard --all --why "the trial is over" --yes --json`
}

// mostWhy bounds the reason for a discard, in bytes.
const mostWhy = 500

// Run discards the letters.
func (c deadLettersDiscardCommand) Run(ctx context.Context, t cli.Terminal) error {
	chosen, err := newSelection(c.IDs, c.All, c.Reason)
	if err != nil {
		return err
	}
	why := strings.TrimSpace(c.Why)
	if why == "" || len(why) > mostWhy || !utf8.ValidString(why) || cli.Printable(why) != why {
		return fmt.Errorf("%w: --why: expected a line of 1 to %d bytes", cli.ErrUsage, mostWhy)
	}
	return c.WithLog(ctx, func(log events.Log) error {
		by := events.Discarded{By: cmp.Or(c.Who, cli.Operator()), Why: why}
		if !c.DryRun {
			if err := c.ask(ctx, t, log, chosen); err != nil {
				return err
			}
			if err := stores.Record(ctx, log, events.Access{Command: "deadletters discard", Subject: chosen.String(), Who: by.By, Why: why}); err != nil {
				return err
			}
		}
		n, err := c.discard(ctx, t, log, chosen, by)
		if err != nil {
			return cli.Interruptible(ctx, err, fmt.Sprintf("%d dead letters were discarded; the same command goes on", n))
		}
		if n == 0 {
			return fmt.Errorf("%w: no such dead letter waits", cli.ErrNothing)
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(struct {
				DryRun    bool   `json:"dryRun"`
				Discarded int    `json:"discarded"`
				By        string `json:"by"`
				Why       string `json:"why"`
			}{c.DryRun, n, by.By, by.Why})
		}
		if c.DryRun {
			t.Printf("dead letters that would be discarded: %d, by %s: %s", n, by.By, by.Why)
			return nil
		}
		t.Printf("dead letters discarded: %d, by %s: %s", n, by.By, by.Why)
		return nil
	})
}

// ask asks before letters are discarded, of which there are some.
func (c deadLettersDiscardCommand) ask(ctx context.Context, t cli.Terminal, log events.Log, chosen selection) error {
	n, err := chosen.count(ctx, log)
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%w: no such dead letter waits", cli.ErrNothing)
	}
	return c.Ask(ctx, t, "the records of %d dead letters are erased for good", n)
}

// discard returns how many letters it has discarded or, in a dry run, would discard.
func (c deadLettersDiscardCommand) discard(ctx context.Context, t cli.Terminal, log events.Log, chosen selection, by events.Discarded) (done int, err error) {
	total, err := chosen.count(ctx, log)
	if err != nil {
		return 0, err
	}
	p := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "discarded", Unit: "through letter", Total: total}
	defer p.End()
	err = chosen.each(ctx, t, log, func(letters []events.DeadLetter) error {
		n := len(letters)
		if !c.DryRun {
			ids := make([]events.ID, len(letters))
			for i := range letters {
				ids[i] = letters[i].ID
			}
			var err error
			if n, err = log.DeadLetters().Discard(ctx, ids, by); err != nil {
				return err
			}
		}
		done += n
		p.At(int64(done))
		return nil
	})
	return done, err
}
