package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type withdrawCommand struct {
	stores.Config
	Positions []events.Position `arg:"" name:"position" help:"The positions of the events."`
	Why       string            `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters, no phone number."`
	Who       string            `placeholder:"NAME" help:"Who does it. Without it, the user of this process."`
	Undo      bool              `help:"The positions are those of withdrawals, whose events count again."`
	DryRun    bool              `help:"Say what would be done, and do nothing."`
	cli.Consent
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (withdrawCommand) Help() string {
	return `Nothing is deleted from the log: an event is appended for each campaign that says which of its
events do not count, who said so and why. The running service folds the campaign anew without
them; a replay as of an earlier moment still has them. A record that Kafka delivers again stays
withdrawn. A withdrawal is undone by a withdrawal of its own. Where more than one position is
given, it says how many events of how many campaigns there are, and asks first.

Exits with 3 if a position holds no event, or what it holds is withdrawn already.

Examples:
  jangbu events withdraw 1024 --why "a test of the shop's"
  jangbu events withdraw 1024 1031 1040 --why "registered by a bot" --dry-run
  jangbu events withdraw 1057 --undo --why "they were people" --json`
}

// withdrawn is what was withdrawn of a campaign, as JSON.
type withdrawn struct {
	Campaign  events.Campaign   `json:"campaign"`
	Positions []events.Position `json:"positions"`
	Who       string            `json:"who"`
	Why       string            `json:"why"`
	Position  events.Position   `json:"position"` // of the event that says so; 0: nothing was done
}

// Run withdraws.
func (c withdrawCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Who == "" {
		c.Who = cli.Operator()
	}
	return c.WithLog(ctx, func(log events.Log) error {
		all, drafts, err := c.wanted(ctx, log)
		if err != nil {
			return err
		}
		if !c.DryRun {
			if err := c.ask(ctx, t, all); err != nil {
				return err
			}
			what := events.Access{Command: "events withdraw", Subject: subject(all), Who: c.Who, Why: c.Why}
			if c.Undo {
				what.Command += " --undo"
			}
			if err := stores.Record(ctx, log, what); err != nil {
				return err
			}
			if err := withdraw(ctx, log, all, drafts); err != nil {
				return cli.Interruptible(ctx, err, "the events may have been withdrawn: jangbu campaigns show")
			}
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(struct {
				Withdrawals []withdrawn `json:"withdrawals"`
			}{all})
		}
		said := "campaign %s: position %d is withdrawn"
		if c.Undo {
			said = "campaign %s: what position %d withdrew counts again"
		}
		for _, w := range all {
			by := "" // of a trial
			if !c.DryRun {
				by = fmt.Sprintf(", by position %d", w.Position)
			}
			for _, p := range w.Positions {
				t.Printf(said+"%s", cli.Legible(string(w.Campaign)), p, by)
			}
		}
		if c.DryRun {
			t.Printf("nothing was changed")
		}
		return nil
	})
}

// ask asks before the events of more than one position are withdrawn, or count again.
func (c withdrawCommand) ask(ctx context.Context, t cli.Terminal, all []withdrawn) error {
	positions := 0
	for _, w := range all {
		positions += len(w.Positions)
	}
	if positions < 2 {
		return nil
	}
	what := "%d events of %d campaigns do not count any more"
	if c.Undo {
		what = "what %d withdrawals of %d campaigns withdrew counts again"
	}
	return c.Ask(ctx, t, what, positions, len(all))
}

// subject says what is withdrawn.
func subject(all []withdrawn) string {
	if len(all) == 1 && len(all[0].Positions) == 1 {
		return fmt.Sprintf("position %d", all[0].Positions[0])
	}
	positions := 0
	for _, w := range all {
		positions += len(w.Positions)
	}
	return fmt.Sprintf("%d positions, the first %d", positions, all[0].Positions[0])
}

// wanted returns a withdrawal for each campaign that the positions are of, with its draft.
func (c withdrawCommand) wanted(ctx context.Context, log events.Log) (all []withdrawn, drafts []events.Draft, err error) {
	known := make(map[events.Campaign]events.Described)
	for _, p := range slices.Compact(slices.Sorted(slices.Values(c.Positions))) {
		if p < 1 {
			return nil, nil, fmt.Errorf("%w: %d is no position: expected 1 or more", cli.ErrUsage, p)
		}
		read, err := log.Read(ctx, p-1, 1)
		if err != nil {
			return nil, nil, err
		}
		if len(read) == 0 {
			return nil, nil, fmt.Errorf("%w: the log holds no event at position %d", cli.ErrNothing, p)
		}
		campaign := read[0].Event.Subject()
		i := slices.IndexFunc(all, func(w withdrawn) bool { return w.Campaign == campaign })
		if i < 0 {
			if known[campaign], err = events.Describe(ctx, log, campaign); err != nil {
				return nil, nil, err
			}
			i, all = len(all), append(all, withdrawn{Campaign: campaign, Who: c.Who, Why: c.Why})
		}
		by, already := known[campaign].Withdrawn()[p]
		_, withdrawal := read[0].Event.(*events.EventsWithdrawn)
		switch {
		case withdrawal && !c.Undo:
			return nil, nil, fmt.Errorf("%w: position %d is a withdrawal: --undo makes what it withdrew count again", cli.ErrUsage, p)
		case !withdrawal && c.Undo && already:
			return nil, nil, fmt.Errorf("%w: position %d is no withdrawal; it was withdrawn by position %d: expected --undo %d", cli.ErrUsage, p, by, by)
		case !withdrawal && c.Undo:
			return nil, nil, fmt.Errorf("%w: position %d is no withdrawal, and is not withdrawn", cli.ErrUsage, p)
		case already:
			return nil, nil, fmt.Errorf("%w: position %d is withdrawn already, by position %d", cli.ErrNothing, p, by)
		}
		all[i].Positions = append(all[i].Positions, p)
	}
	for _, w := range all {
		d, err := events.NewWithdrawal(events.EventsWithdrawn{Campaign: w.Campaign, Positions: w.Positions, Who: w.Who, Why: w.Why}, time.Now())
		if err != nil {
			return nil, nil, fmt.Errorf("%w: --%w", cli.ErrUsage, err)
		}
		drafts = append(drafts, d)
	}
	return all, drafts, nil
}

// withdraw appends the drafts, and sets the position of each in all.
func withdraw(ctx context.Context, log events.Log, all []withdrawn, drafts []events.Draft) error {
	if _, err := log.Append(ctx, drafts); err != nil {
		return err
	}
	for i, d := range drafts {
		described, err := events.Describe(ctx, log, all[i].Campaign)
		if err != nil {
			return err
		}
		for _, r := range described {
			if r.ID == d.ID {
				all[i].Position = r.Position
			}
		}
	}
	return nil
}
