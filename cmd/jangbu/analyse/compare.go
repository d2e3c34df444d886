package analyse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// CompareCommand compares campaigns by their days, or one campaign at two moments.
type CompareCommand struct {
	stores.Config
	cli.ZoneConfig
	cli.MemoryConfig
	Campaigns []events.Campaign `arg:"" optional:"" name:"campaign" sep:"none" help:"The campaigns (eventId): two or more, or one with --at."`
	Shop      events.Shop       `aliases:"store" placeholder:"ID" help:"All campaigns of a shop, in the place of their names."`
	AsOf      string            `placeholder:"MOMENT" help:"Compare the campaigns as they were then: at a position, at an RFC 3339 time, or at the end of a day such as 2026-11-24. Without it, now."`
	At        []string          `sep:"none" placeholder:"MOMENT" help:"Compare one campaign at this moment, and at another that a second --at names."`
	Limit     int               `default:"50" placeholder:"N" help:"The most events and withdrawals to show with --at, at most 200 (${default})."`
	Out       string            `default:"table" enum:"table,json,csv" placeholder:"FORM" help:"The form of the output: ${enum} (${default}). CSV has the days of the campaigns, or the events with --at."`
	JSON      bool              `help:"The same as --out json."`
}

// Help implements kong's detailed help.
func (CompareCommand) Help() string {
	return `Folds the campaigns as the service does. Of several it shows, side by side, how many
participants each had by the end of its first day, its second, and so on, then their numbers
and how far each is from the first campaign's. A day that has not come is empty.

Of one campaign and two moments it shows how its numbers differ, and which events made the
difference: how many of each type and channel count at the later moment alone (added) or at the
earlier one alone (removed), who withdrew events in between and why, and the events themselves,
oldest first, each with the partition and offset that it came from. That the participants
differ by just these events is checked.

A comparison of several campaigns, and more than 100 events, are recorded with the log (jangbu
privacy accesses).

Exits with 3 if there was no such campaign, and with 4 if the events do not make the difference.

Examples:
  jangbu compare evt-1 evt-2
  jangbu compare evt-1 evt-2 --as-of 2026-11-24 --out csv > days.csv
  jangbu compare --shop store-1 --json
  jangbu compare evt-1 --at 2026-11-23 --at 2026-11-24
  jangbu compare evt-1 --at 1400 --at 1500 --limit 10 --json`
}

// point is a moment of the log as JSON.
type point struct {
	Through events.Position `json:"through"` // the last position that counts
	At      *time.Time      `json:"at"`
}

// Run compares.
func (c CompareCommand) Run(ctx context.Context, t cli.Terminal) error {
	location, moments, err := c.wanted()
	if err != nil {
		return err
	}
	defer c.MemoryConfig.Limit()()
	err = c.WithLog(ctx, func(log events.Log) error {
		if err := c.record(ctx, log); err != nil {
			return err
		}
		if len(c.At) > 0 {
			return c.twoMoments(ctx, t, log, location, moments)
		}
		return c.sideBySide(ctx, t, log, location, moments[0])
	})
	return cli.Interruptible(ctx, err, "nothing was changed")
}

// wanted checks the flags, and returns the time zone and the moments: one, or two with --at.
func (c *CompareCommand) wanted() (*time.Location, []readmodel.Moment, error) {
	var wrong cli.Problems
	location := zone(wrong.Add, c.ZoneConfig)
	moments := []readmodel.Moment{moment(wrong.Add, "as-of", c.AsOf, location)}
	sorted := slices.Sorted(slices.Values(c.Campaigns))
	switch {
	case len(c.At) > 0:
		moments = nil
		for _, at := range c.At {
			moments = append(moments, moment(wrong.Add, "at", at, location))
		}
		if len(c.At) != 2 || len(c.Campaigns) != 1 || c.Shop != "" || c.AsOf != "" {
			wrong.Add("at", "is given twice, with one campaign, and with neither --shop nor --as-of")
		}
	case c.Shop != "" && len(c.Campaigns) > 0:
		wrong.Add("shop", "goes without the names of campaigns")
	case c.Shop == "" && (len(c.Campaigns) < 2 || len(c.Campaigns) > mostCompared):
		wrong.AddArgument("campaign", "expected 2 to %d campaigns, or --shop, or one campaign with --at", mostCompared)
	}
	if len(slices.Compact(sorted)) < len(c.Campaigns) {
		wrong.AddArgument("campaign", "is given more than once")
	}
	if c.Limit < 1 || c.Limit > dashboard.MaxPage {
		wrong.Add("limit", "expected 1 to %d", dashboard.MaxPage)
	}
	if c.JSON {
		c.Out = "json"
	}
	c.Check(wrong.Add)
	return location, moments, wrong.Err()
}

// record records a comparison of several campaigns, and what is more than a look at events.
func (c *CompareCommand) record(ctx context.Context, log events.Log) error {
	what := events.Access{Command: "compare"}
	switch {
	case c.Shop != "":
		what.Subject = fmt.Sprintf("shop %q", c.Shop)
	case len(c.At) == 0:
		what.Subject = fmt.Sprintf("%d campaigns, the first %q", len(c.Campaigns), events.MaskPersonal(string(c.Campaigns[0])))
	case c.Limit > mostLook:
		what.Subject = fmt.Sprintf("%d events between two moments of campaign %q", c.Limit, events.MaskPersonal(string(c.Campaigns[0])))
	default:
		return nil
	}
	return stores.Record(ctx, log, what)
}
