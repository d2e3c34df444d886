package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

// Command is the commands about one campaign.
type Command struct {
	Show showCommand `cmd:"" help:"What the log says of a campaign: its shop and its descriptions."`
	Move moveCommand `cmd:"" help:"Give a campaign to another shop."`
}

type showCommand struct {
	stores.Config
	cli.ZoneConfig
	Campaign events.Campaign `required:"" placeholder:"ID" help:"The campaign (eventId)."`
	JSON     bool            `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (showCommand) Help() string {
	return `Shows each description of the campaign in the order of the log: what its shop sent, and
sent again, to which shop it was moved, by whom and why, and what was withdrawn. The last one
that was not withdrawn counts.

Exits with 3 if the log holds no event of the campaign.

Examples:
  jangbu campaigns show --campaign evt-1
  jangbu campaigns show --campaign evt-1 --database-url postgres://… --json`
}

// shown is a campaign as JSON.
type shown struct {
	Campaign     events.Campaign `json:"campaign"`
	Shop         *events.Shop    `json:"shop"` // null: it has not been described
	Descriptions []description   `json:"descriptions"`
	Withdrawals  []withdrawal    `json:"withdrawals"`
}

// change is what every event about a campaign says.
type change struct {
	Position   events.Position `json:"position"`
	RecordedAt time.Time       `json:"recordedAt"`
	// Withdrawn is the position of the event that withdrew this one; null: it counts.
	Withdrawn *events.Position `json:"withdrawn"`
}

type description struct {
	change
	Shop     events.Shop `json:"shop"`
	Title    string      `json:"title"`
	MovedBy  string      `json:"movedBy,omitempty"`
	MovedWhy string      `json:"movedWhy,omitempty"`
}

type withdrawal struct {
	change
	Positions []events.Position `json:"positions"`
	Who       string            `json:"who"`
	Why       string            `json:"why"`
}

// Run prints the campaign.
func (c showCommand) Run(ctx context.Context, t cli.Terminal) error {
	times, err := c.Times()
	if err != nil {
		return err
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		described, err := describe(ctx, log, c.Campaign)
		if err != nil {
			return err
		}
		out := report(c.Campaign, described)
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(out)
		}
		out.print(t, times)
		return nil
	})
}

// describe returns what the log holds of a campaign; [cli.ErrNothing] if it has no event.
func describe(ctx context.Context, log events.Log, c events.Campaign) (events.Described, error) {
	described, err := events.Describe(ctx, log, c)
	if err != nil || len(described) > 0 {
		return described, err
	}
	some, err := log.ReadStream(ctx, events.Stream{Campaign: c, Limit: 1})
	if err == nil && len(some) == 0 {
		err = fmt.Errorf("%w: the log holds no event of campaign %s", cli.ErrNothing, cli.Legible(string(c)))
	}
	return nil, err
}

func report(c events.Campaign, described events.Described) shown {
	out := shown{Campaign: c, Descriptions: []description{}, Withdrawals: []withdrawal{}}
	withdrawn := described.Withdrawn()
	for _, r := range described {
		is := change{Position: r.Position, RecordedAt: r.RecordedAt}
		if by, ok := withdrawn[r.Position]; ok {
			is.Withdrawn = &by
		}
		switch e := r.Event.(type) {
		case *events.EventCreated:
			out.Descriptions = append(out.Descriptions, description{is, e.Shop, e.Title, e.MovedBy, e.MovedWhy})
		case *events.EventsWithdrawn:
			out.Withdrawals = append(out.Withdrawals, withdrawal{is, e.Positions, e.Who, e.Why})
		case *events.ParticipantRegistered, *events.DistributionCompleted, *events.ChannelStatsFetched:
		}
	}
	if _, last, ok := described.Last(); ok {
		out.Shop = &last.Shop
	}
	return out
}

func (s shown) print(t cli.Terminal, times cli.Times) {
	shop := "none: it has not been described"
	if s.Shop != nil {
		shop = cli.Legible(string(*s.Shop))
	}
	t.Printf("campaign  %s\nshop      %s", cli.Legible(string(s.Campaign)), shop)
	out := cli.Table{Head: []string{"position", "recorded", "shop", "what", "withdrawn by"}, Texts: 5}
	add := func(is change, shop, what string) {
		by := ""
		if is.Withdrawn != nil {
			by = strconv.FormatInt(int64(*is.Withdrawn), 10)
		}
		out.Lines = append(out.Lines, []string{strconv.FormatInt(int64(is.Position), 10), times.Format(is.RecordedAt), shop, what, by})
	}
	for _, d := range s.Descriptions {
		what := strconv.Quote(d.Title)
		if d.MovedBy != "" {
			what = fmt.Sprintf("moved by %s: %s", d.MovedBy, d.MovedWhy)
		}
		add(d.change, cli.Legible(string(d.Shop)), what)
	}
	for _, w := range s.Withdrawals {
		add(w.change, "", fmt.Sprintf("%d withdrawn by %s: %s", len(w.Positions), w.Who, w.Why))
	}
	if len(out.Lines) > 0 {
		out.Print(t)
	}
}
