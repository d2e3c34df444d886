package analyse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections/replay"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

// differed is how a campaign differs between two moments, as JSON.
type differed struct {
	Campaign   events.Campaign      `json:"eventId"`
	From       summed               `json:"from"`
	To         summed               `json:"to"`
	Difference dashboard.Difference `json:"difference"`
	Changes    dashboard.Changes    `json:"changes"`
	// Withdrawals and Events are the first ones; the others are only counted.
	Withdrawals     []withdrawal `json:"withdrawals"`
	WithdrawalsLeft int64        `json:"withdrawalsLeft"`
	Events          []changed    `json:"events"`
	EventsLeft      int64        `json:"eventsLeft"`
}

// summed is the numbers at a moment.
type summed struct {
	point
	Summary dashboard.Summary `json:"summary"`
}

// withdrawal is a withdrawal between the moments, also of what makes no difference.
type withdrawal struct {
	Position   events.Position   `json:"position"`
	RecordedAt time.Time         `json:"recordedAt"`
	Positions  []events.Position `json:"positions"`
	Who        string            `json:"who"`
	Why        string            `json:"why"`
	// Withdrawn is the position of the withdrawal that undid it by the later moment; null: none did.
	Withdrawn *events.Position `json:"withdrawn"`
}

// changed is an event that makes a difference.
type changed struct {
	dashboard.EvidenceEvent
	Added bool `json:"added"` // else it is removed
	// By is the position of the withdrawal that made the difference; null: the event is new.
	By *events.Position `json:"by"`
}

// twoMoments compares the campaign at two moments.
func (c *CompareCommand) twoMoments(ctx context.Context, t cli.Terminal, log events.Log, location *time.Location, moments []readmodel.Moment) error {
	campaign := c.Campaigns[0]
	out := differed{Campaign: campaign, Changes: dashboard.Changes{}, Withdrawals: []withdrawal{}, Events: []changed{}}
	var at [2]readmodel.CampaignRows
	var views [2]dashboard.View
	for i, side := range []*summed{&out.From, &out.To} {
		got, err := foldOne(ctx, log, campaign, moments[i])
		if err != nil {
			return err
		}
		at[i], views[i] = got.Rows.Of(campaign), dashboard.View{Now: got.Moment, Location: location}
		*side = summed{pointOf(got, location), dashboard.New(at[i], views[i]).Summary}
	}
	if out.To.Through < out.From.Through {
		return fmt.Errorf("%w: --at: the second, position %d, is before the first, position %d", cli.ErrUsage, out.To.Through, out.From.Through)
	}
	out.Difference = out.To.Summary.Minus(out.From.Summary)
	if err := c.changes(ctx, log, &out, views[1]); err != nil {
		return err
	}
	if err := out.Changes.Check(at[0], at[1], views[1]); errors.Is(err, dashboard.ErrEvidence) {
		return fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	} else if err != nil {
		return err
	}
	switch c.Out {
	case "json":
		return json.NewEncoder(t.Out).Encode(out)
	case "csv":
		return out.eventTable(location).CSV(t)
	default:
		out.print(t, location)
		return nil
	}
}

// changes sets which events and withdrawals make the difference.
func (c *CompareCommand) changes(ctx context.Context, log events.Log, out *differed, v dashboard.View) error {
	var listed []replay.Change
	err := replay.Evidence{Log: log}.Changes(ctx, out.Campaign, out.From.Through, out.To.Through, func(change replay.Change) error {
		out.Changes.Count(change.Event, change.Added)
		if len(listed) < c.Limit {
			listed = append(listed, change)
		} else {
			out.EventsLeft++
		}
		return nil
	})
	if err != nil {
		return err
	}
	read := make([]events.Recorded, len(listed))
	for i, change := range listed {
		read[i] = change.Recorded
	}
	if err := log.Sources().Trace(ctx, read); err != nil {
		return err
	}
	for i, e := range dashboard.EvidenceEvents(read, v) {
		one := changed{EvidenceEvent: e, Added: listed[i].Added}
		if by := listed[i].By; by > 0 {
			one.By = &by
		}
		out.Events = append(out.Events, one)
	}
	return c.withdrawals(ctx, log, out, v.Location)
}

// withdrawals sets the withdrawals between the moments.
func (c *CompareCommand) withdrawals(ctx context.Context, log events.Log, out *differed, location *time.Location) error {
	described, err := events.Describe(ctx, log, out.Campaign)
	if err != nil {
		return err
	}
	withdrawn := events.WithdrawnAt(described, out.To.Through)
	for _, r := range described {
		fact, ok := r.Event.(*events.EventsWithdrawn)
		if !ok || r.Position <= out.From.Through || r.Position > out.To.Through {
			continue
		}
		if len(out.Withdrawals) == c.Limit {
			out.WithdrawalsLeft++
			continue
		}
		one := withdrawal{Position: r.Position, RecordedAt: r.RecordedAt.In(location), Positions: fact.Positions, Who: fact.Who, Why: fact.Why}
		if by, ok := withdrawn[r.Position]; ok {
			one.Withdrawn = &by
		}
		out.Withdrawals = append(out.Withdrawals, one)
	}
	return nil
}

// print prints the difference for people.
func (d *differed) print(t cli.Terminal, location *time.Location) {
	t.Printf("eventId  %s\n", cli.Legible(string(d.Campaign)))
	numbers := cli.Table{Head: append([]string{"at", "position"}, summaryNames()...), Texts: 1}
	for _, side := range []summed{d.From, d.To} {
		numbers.Lines = append(numbers.Lines, append([]string{clock(side.At, location), strconv.FormatInt(int64(side.Through), 10)}, summaryCells(side.Summary)...))
	}
	numbers.Lines = append(numbers.Lines, append([]string{"difference", ""}, differenceCells(d.Difference)...))
	numbers.Print(t)
	if len(d.Changes) == 0 {
		t.Printf("\nno event makes a difference")
	} else {
		t.Printf("")
		kinds := cli.Table{Head: []string{"type", "channel", "added", "removed"}, Texts: 2}
		for _, c := range d.Changes {
			channel := ""
			if c.Channel != nil {
				channel = string(*c.Channel)
			}
			kinds.Lines = append(kinds.Lines, []string{c.Type, channel, strconv.FormatInt(c.Added, 10), strconv.FormatInt(c.Removed, 10)})
		}
		kinds.Print(t)
	}
	if len(d.Withdrawals) > 0 {
		t.Printf("")
		out := cli.Table{Head: []string{"withdrawal", "recordedAt", "positions", "who", "why", "withdrawn by"}, Texts: 6}
		for _, w := range d.Withdrawals {
			by := ""
			if w.Withdrawn != nil {
				by = strconv.FormatInt(int64(*w.Withdrawn), 10)
			}
			out.Lines = append(out.Lines, []string{
				strconv.FormatInt(int64(w.Position), 10), clock(&w.RecordedAt, location), positions(w.Positions), w.Who, w.Why, by,
			})
		}
		out.Print(t)
	}
	if len(d.Events) > 0 {
		t.Printf("")
		d.eventTable(location).Print(t)
	}
	if d.EventsLeft+d.WithdrawalsLeft > 0 {
		t.Printf("not shown: %d events, %d withdrawals; --limit shows up to %d", d.EventsLeft, d.WithdrawalsLeft, dashboard.MaxPage)
	}
}

// positions returns the first of the positions, and how many others there are.
func positions(all []events.Position) string {
	if len(all) == 1 {
		return strconv.FormatInt(int64(all[0]), 10)
	}
	return fmt.Sprintf("%d and %d more", all[0], len(all)-1)
}

// eventTable returns a line for each event that is listed.
func (d *differed) eventTable(location *time.Location) cli.Table {
	all := make([]dashboard.EvidenceEvent, len(d.Events))
	for i, e := range d.Events {
		all[i] = e.EvidenceEvent
	}
	out := eventTable(all, location)
	out.Head, out.Texts = append([]string{"change", "by"}, out.Head...), out.Texts+2
	for i, e := range d.Events {
		change, by := "removed", ""
		if e.Added {
			change = "added"
		}
		if e.By != nil {
			by = strconv.FormatInt(int64(*e.By), 10)
		}
		out.Lines[i] = append([]string{change, by}, out.Lines[i]...)
	}
	return out
}
