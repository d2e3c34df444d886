package analyse

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// mostCompared is how many campaigns are compared at most (I14).
const mostCompared = 200

// sideBySide compares campaigns by their days.
func (c *CompareCommand) sideBySide(ctx context.Context, t cli.Terminal, log events.Log, location *time.Location, asOf readmodel.Moment) error {
	fold := c.foldNamed
	if c.Shop != "" {
		fold = c.foldShop
	}
	all, as, err := fold(ctx, t, log, asOf)
	if err != nil {
		return err
	}
	view := dashboard.View{Now: as.Moment, Location: location}
	if c.AsOf == "" {
		view.Now = time.Now()
	}
	out := struct {
		point
		dashboard.Compared
	}{pointOf(as, location), dashboard.Compare(all, view)}
	switch c.Out {
	case "json":
		return json.NewEncoder(t.Out).Encode(out)
	case "csv":
		return dayTable(out.Compared).CSV(t)
	default:
		t.Printf("as of position %d, %s\n", as.Through, clock(&as.Moment, location))
		dayTable(out.Compared).Print(t)
		t.Printf("")
		summaryTable(out.Compared).Print(t)
		return nil
	}
}

// pointOf returns where a fold ends.
func pointOf(of replay.Result, location *time.Location) point {
	at := of.Moment.Truncate(time.Second).In(location)
	return point{of.Through, &at}
}

// foldNamed folds the named campaigns, each from its own events, as of one position.
func (c *CompareCommand) foldNamed(ctx context.Context, _ cli.Terminal, log events.Log, asOf readmodel.Moment) (all []readmodel.CampaignRows, as replay.Result, err error) {
	for i, campaign := range c.Campaigns {
		got, err := foldOne(ctx, log, campaign, asOf)
		if err != nil {
			return nil, replay.Result{}, err
		}
		if i == 0 { // the others end where the first did, though the log grows
			as, asOf = got, readmodel.Moment{Position: got.Through}
		}
		all = append(all, got.Rows.Of(campaign))
	}
	return all, as, nil
}

// foldShop folds the log, for a shop's campaigns.
func (c *CompareCommand) foldShop(ctx context.Context, t cli.Terminal, log events.Log, asOf readmodel.Moment) (all []readmodel.CampaignRows, as replay.Result, err error) {
	if err := reached(ctx, log, asOf); err != nil {
		return nil, replay.Result{}, err
	}
	p := cli.Progress{Terminal: t, Quiet: c.Out == "json", Verb: "folded"}
	as, err = replay.Run(ctx, replay.Config{
		Log: log, Projections: projections.All(), Through: asOf.Position, AsOf: asOf.At,
		Progress: func(at, to events.Position) {
			p.Total = int64(to)
			p.At(int64(at))
		},
	})
	p.End()
	if err != nil {
		return nil, replay.Result{}, err
	}
	for _, rows := range as.Rows.ByCampaign() {
		if rows.Campaign().Shop == c.Shop {
			all = append(all, rows)
		}
	}
	switch {
	case len(all) == 0:
		return nil, replay.Result{}, fmt.Errorf("%w: shop %s has no campaign up to position %d", cli.ErrNothing, cli.Legible(string(c.Shop)), as.Through)
	case len(all) > mostCompared:
		return nil, replay.Result{}, fmt.Errorf("%w: --shop: %s has %d campaigns, at most %d are compared: name them", cli.ErrUsage, cli.Legible(string(c.Shop)), len(all), mostCompared)
	}
	return all, as, nil
}

// dayTable returns a line for each day and a column for each campaign.
func dayTable(of dashboard.Compared) cli.Table {
	out := cli.Table{Head: []string{"day"}}
	for _, c := range of.Campaigns {
		out.Head = append(out.Head, string(c.Campaign))
	}
	for _, d := range of.Days {
		line := []string{strconv.Itoa(d.Day)}
		for _, n := range d.TotalParticipants {
			line = append(line, whole(n))
		}
		out.Lines = append(out.Lines, line)
	}
	return out
}

// summaryTable returns a line for each campaign, and one for each difference to the first.
func summaryTable(of dashboard.Compared) cli.Table {
	out := cli.Table{Head: append([]string{"eventId", "title", "firstDay"}, summaryNames()...), Texts: 3}
	for _, c := range of.Campaigns {
		out.Lines = append(out.Lines, append([]string{string(c.Campaign), text(c.Title), text(c.FirstDay)}, summaryCells(c.Summary)...))
	}
	for _, c := range of.Campaigns[1:] {
		out.Lines = append(out.Lines, append([]string{string(c.Campaign) + " - " + string(of.Campaigns[0].Campaign), "", ""}, differenceCells(*c.Difference)...))
	}
	return out
}

// summaryNames returns the heads of summaryCells and differenceCells.
func summaryNames() []string {
	return []string{"totalParticipants", "totalExposure", "roiPercent", "salesGrowthPercent", "costPerParticipant", "totalCost"}
}

func summaryCells(s dashboard.Summary) []string {
	return differenceCells(dashboard.Difference{
		TotalParticipants: s.TotalParticipants, TotalExposure: s.TotalExposure, ROIPercent: s.ROIPercent,
		SalesGrowthPercent: s.SalesGrowthPercent, CostPerParticipant: s.CostPerParticipant, TotalCost: s.TotalCost,
	})
}

func differenceCells(d dashboard.Difference) []string {
	return []string{
		strconv.FormatInt(d.TotalParticipants, 10), whole(d.TotalExposure), optional(d.ROIPercent), optional(d.SalesGrowthPercent),
		whole((*int64)(d.CostPerParticipant)), whole((*int64)(d.TotalCost)),
	}
}

// text returns a text; empty if there is none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
