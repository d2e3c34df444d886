package analyse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// WhyCommand leads from a number of a campaign to the events that it is made of.
type WhyCommand struct {
	stores.Config
	cli.ZoneConfig
	Campaign events.Campaign `required:"" aliases:"event" placeholder:"ID" help:"The campaign (eventId)."`
	Card     string          `default:"totalParticipants" placeholder:"NUMBER" help:"The number: totalParticipants, totalExposure, roiPercent, salesGrowthPercent or costPerParticipant; participants, exposure, roi, growth and cost are the same (${default})."`
	At       string          `placeholder:"MOMENT" help:"The number as it was then: at a position, at an RFC 3339 time, or at the end of a day such as 2026-11-24. Without it, now."`
	Limit    int             `default:"50" placeholder:"N" help:"The most events to show, at most 200 (${default})."`
	Cursor   events.Position `placeholder:"POSITION" help:"Show the events after this position: what ended the page before."`
	JSON     bool            `help:"Print one JSON object, as the read API does."`
}

// Help implements kong's detailed help.
func (WhyCommand) Help() string {
	return `Folds the campaign's events, as the service does, and shows what the number is made of: by
channel, by hour, and the events themselves, oldest first, each with the partition and offset
that it came from. What was withdrawn is left out, as it is in the number. That the events
make the number is checked, of all events and not only of those shown.

More than 100 events, and the pages after the first, are a copy rather than a look: who makes
it and when is recorded with the log (jangbu privacy accesses).

Exits with 3 if there was no such campaign, and with 4 if the events do not make the number.

Examples:
  jangbu why --campaign evt-1
  jangbu why --campaign evt-1 --card roi --at 2026-11-24
  jangbu why --campaign evt-1 --card totalExposure --at 1400 --limit 20 --json`
}

// mostLook is how many events may be looked at without a record of it.
const mostLook = 100

// checkedAtOnce is how many events are checked at a time.
const checkedAtOnce = 10_000

// number returns the number that the card names.
func (c WhyCommand) number() dashboard.Number {
	short := map[string]dashboard.Number{
		"participants": dashboard.TotalParticipants, "exposure": dashboard.TotalExposure, "roi": dashboard.ROIPercent,
		"growth": dashboard.SalesGrowthPercent, "cost": dashboard.CostPerParticipant,
	}
	if n, ok := short[c.Card]; ok {
		return n
	}
	return dashboard.Number(c.Card)
}

// Run prints the number's events.
func (c WhyCommand) Run(ctx context.Context, t cli.Terminal) error {
	number := c.number()
	var wrong cli.Problems
	location := zone(wrong.Add, c.ZoneConfig)
	asOf := moment(wrong.Add, "at", c.At, location)
	if number.Types() == nil {
		wrong.Add("card", "%q is none of %v", c.Card, dashboard.Numbers())
	}
	if c.Limit < 1 || c.Limit > dashboard.MaxPage {
		wrong.Add("limit", "expected 1 to %d", dashboard.MaxPage)
	}
	if c.Cursor < 0 {
		wrong.Add("cursor", "expected a position")
	}
	c.Check(wrong.Add)
	if err := wrong.Err(); err != nil {
		return err
	}
	err := c.WithLog(ctx, func(log events.Log) error {
		got, err := foldOne(ctx, log, c.Campaign, asOf)
		if err != nil {
			return err
		}
		rows, view := got.Rows.Of(c.Campaign), dashboard.View{Now: got.Moment, Location: location}
		if c.At == "" {
			view.Now = time.Now()
		}
		found, err := dashboard.NewEvidence(rows, number, view)
		if err != nil {
			return err
		}
		wanted := readmodel.CampaignEvents{Campaign: c.Campaign, Types: number.Types(), Through: got.Through, AsOf: got.Through}
		if err := check(ctx, log, wanted, found, view); err != nil {
			return err
		}
		if err := c.record(ctx, log, number); err != nil {
			return err
		}
		wanted.After, wanted.Limit = c.Cursor, c.Limit
		page, more, err := replay.Evidence{Log: log}.CampaignEvents(ctx, wanted)
		if err != nil {
			return err
		}
		found.Events = dashboard.EvidenceEvents(page, view)
		if more {
			found.Next = new(strconv.FormatInt(int64(page[len(page)-1].Position), 10))
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(found)
		}
		printWhy(t, found, got, location)
		return nil
	})
	return cli.Interruptible(ctx, err, "nothing was changed")
}

// record records what is more than a look.
func (c WhyCommand) record(ctx context.Context, log events.Log, n dashboard.Number) error {
	if c.Limit <= mostLook && c.Cursor == 0 {
		return nil
	}
	what := fmt.Sprintf("%d events of %s after position %d, of campaign %q", c.Limit, n, c.Cursor, events.MaskPersonal(string(c.Campaign)))
	return stores.Record(ctx, log, events.Access{Command: "why", Subject: what})
}

// check folds the events behind the number and compares what they make.
func check(ctx context.Context, log events.Log, wanted readmodel.CampaignEvents, of dashboard.Evidence, v dashboard.View) error {
	made := readmodel.NewRows(projections.Tables(projections.All())...)
	wanted.Types = slices.Compact(slices.Sorted(slices.Values(append(wanted.Types, events.TypeParticipantRegistered))))
	wanted.Limit = checkedAtOnce
	for more := true; more; {
		var read []events.Recorded
		var err error
		if read, more, err = (replay.Evidence{Log: log}).CampaignEvents(ctx, wanted); err != nil {
			return err
		}
		projections.Fold(made, projections.All(), read)
		if more {
			wanted.After = read[len(read)-1].Position
		}
	}
	err := of.Check(made.Of(of.Campaign), v)
	if errors.Is(err, dashboard.ErrEvidence) {
		return fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	}
	return err
}
