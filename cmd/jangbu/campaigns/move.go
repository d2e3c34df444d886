package campaigns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type moveCommand struct {
	stores.Config
	Campaign events.Campaign `required:"" placeholder:"ID" help:"The campaign (eventId)."`
	Shop     events.Shop     `required:"" placeholder:"ID" help:"The shop that gets it (storeId)."`
	Why      string          `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters, no phone number."`
	Who      string          `placeholder:"NAME" help:"Who moves it. Without it, the user of this process."`
	DryRun   bool            `help:"Say what would be done, and do nothing."`
	JSON     bool            `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (moveCommand) Help() string {
	return `Appends an event that gives the campaign, as it is described now, to another shop, which
sees all of it from then on; the former one no longer does. Who, why and when are kept in the
log. Only this moves a campaign: what a producer sends of it with another storeId is a dead
letter, which can be tried again after the move. To take a move back, withdraw its event or
move the campaign again.

Exits with 3 if the log has no description of the campaign.

Examples:
  jangbu campaigns move --campaign evt-1 --shop store-2 --why "the shop was sold"
  jangbu campaigns move --campaign evt-1 --shop store-2 --why "mistyped" --dry-run --json`
}

// moved is a move as JSON.
type moved struct {
	Campaign events.Campaign `json:"campaign"`
	From     events.Shop     `json:"from"`
	To       events.Shop     `json:"to"`
	Who      string          `json:"who"`
	Why      string          `json:"why"`
	Position events.Position `json:"position"` // 0: nothing was done
}

// Run moves the campaign.
func (c moveCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Who == "" {
		c.Who = cli.Operator()
	}
	return c.WithLog(ctx, func(log events.Log) error {
		if !c.DryRun {
			what := events.Access{Command: "campaigns move", Subject: fmt.Sprintf("campaign %q to shop %q", c.Campaign, c.Shop), Who: c.Who, Why: c.Why}
			if err := stores.Record(ctx, log, what); err != nil {
				return err
			}
		}
		out, err := c.move(ctx, log)
		if err != nil {
			return cli.Interruptible(ctx, err, "the campaign may have been moved: jangbu campaigns show")
		}
		switch {
		case c.JSON:
			return json.NewEncoder(t.Out).Encode(out)
		case c.DryRun:
			t.Printf("campaign %s would be moved from shop %s to shop %s", cli.Legible(string(out.Campaign)), cli.Legible(string(out.From)), cli.Legible(string(out.To)))
		default:
			t.Printf("position %d: campaign %s is moved from shop %s to shop %s", out.Position, cli.Legible(string(out.Campaign)), cli.Legible(string(out.From)), cli.Legible(string(out.To)))
		}
		return nil
	})
}

// move appends the move, and again where the campaign was described anew meanwhile, so that
// no correction is lost.
func (c moveCommand) move(ctx context.Context, log events.Log) (moved, error) {
	described, err := describe(ctx, log, c.Campaign)
	if err != nil {
		return moved{}, err
	}
	at, last, ok := described.Last()
	if !ok {
		return moved{}, fmt.Errorf("%w: campaign %s has no description yet, so no shop", cli.ErrNothing, cli.Legible(string(c.Campaign)))
	}
	out := moved{Campaign: c.Campaign, From: last.Shop, To: c.Shop, Who: c.Who, Why: c.Why}
	for {
		draft, err := events.NewMove(*last, c.Shop, c.Who, c.Why, time.Now())
		if err != nil {
			return out, fmt.Errorf("%w: --%w", cli.ErrUsage, err)
		}
		if c.DryRun {
			return out, nil
		}
		if _, err := log.Append(ctx, []events.Draft{draft}); err != nil {
			return out, err
		}
		if described, err = events.Describe(ctx, log, c.Campaign); err != nil {
			return out, err
		}
		before := described
		for i, r := range described {
			if r.ID == draft.ID {
				out.Position, before = r.Position, described[:i]
			}
		}
		now, latest, ok := before.Last()
		if !ok || out.Position == 0 {
			return out, errors.New("the campaign's events were withdrawn meanwhile")
		}
		if now == at {
			return out, nil
		}
		at, last = now, latest
	}
}
