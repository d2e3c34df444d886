package analyse

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/projections/replay"
	"jangbu/readmodel/dashboard"
)

// shortDay is how many intervals are printed one by one.
const shortDay = 24

// printWhy prints the number, what it is made of, and its events.
func printWhy(t cli.Terminal, e dashboard.Evidence, got replay.Result, location *time.Location) {
	t.Printf("eventId  %s\ncard     %s\ntotal    %s\nas of    position %d, %s\n",
		cli.Legible(string(e.Campaign)), e.Number, e.Whole(), got.Through, clock(&got.Moment, location))
	channels := cli.Table{Head: []string{"channel", "participants", "exposure", "cost"}, Texts: 1}
	for _, c := range e.ByChannel {
		channels.Lines = append(channels.Lines, []string{string(c.Channel), strconv.FormatInt(c.Participants, 10), whole(c.Exposure), whole((*int64)(c.Cost))})
	}
	channels.Print(t)
	t.Printf("")
	if len(e.ByHour) > shortDay {
		t.Printf("participants in %d intervals of a %s: --json lists them", len(e.ByHour), e.Interval)
	} else {
		hours := cli.Table{Head: []string{string(e.Interval), "participants"}, Texts: 1}
		for _, b := range e.ByHour {
			hours.Lines = append(hours.Lines, []string{clock(&b.From, location), strconv.FormatInt(b.Participants, 10)})
		}
		hours.Print(t)
	}
	if o := e.Outside; o.Before+o.After > 0 {
		t.Printf("outside the campaign's period: %d before, %d after", o.Before, o.After)
	}
	t.Printf("")
	listed := eventTable(e.Events, location)
	listed.Print(t)
	if e.Next != nil {
		t.Printf("there are more: --cursor %s", *e.Next)
	}
}

// eventTable returns a line for each event.
func eventTable(all []dashboard.EvidenceEvent, location *time.Location) cli.Table {
	out := cli.Table{Head: []string{"position", "type", "occurredAt", "channel", "topic", "partition", "offset", "says"}, Texts: 8}
	for _, e := range all {
		channel, topic, partition := "", "", ""
		if e.Channel != nil {
			channel = string(*e.Channel)
		}
		if e.Topic != nil {
			topic, partition = *e.Topic, strconv.FormatInt(int64(*e.Partition), 10)
		}
		out.Lines = append(out.Lines, []string{
			strconv.FormatInt(int64(e.Position), 10), e.Type, clock(e.OccurredAt, location), channel, topic, partition, whole(e.Offset), says(e),
		})
	}
	return out
}

// says returns the figures, amounts or costs that the event has, in a few words.
func says(e dashboard.EvidenceEvent) string {
	var all []string
	add := func(name string, n *int64) {
		if n != nil {
			all = append(all, fmt.Sprintf("%s %d", name, *n))
		}
	}
	if f := e.Figures; f != nil {
		add("impressions", f.Impressions)
		add("views", f.Views)
	}
	if a := e.Amounts; a != nil {
		for _, amount := range []struct {
			name string
			won  *events.Won
		}{
			{"prizeCost", a.PrizeCost},
			{"platformCost", a.PlatformCost},
			{"expectedSalesIncrease", a.ExpectedSalesIncrease},
			{"baselineSales", a.BaselineSales},
			{"newCustomerLtv", a.NewCustomerLTV},
		} {
			add(amount.name, (*int64)(amount.won))
		}
	}
	for _, c := range e.Costs {
		if c.Cost == nil {
			all = append(all, string(c.Channel)+" without a cost")
		}
		add(string(c.Channel)+" cost", (*int64)(c.Cost))
	}
	return strings.Join(all, ", ")
}

// clock returns a time with its offset; empty for none.
func clock(at *time.Time, location *time.Location) string {
	if at == nil {
		return ""
	}
	return at.In(location).Format(cli.TimeForm)
}
