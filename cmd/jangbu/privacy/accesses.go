package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type accessesCommand struct {
	stores.Config
	cli.ZoneConfig
	Last int  `aliases:"limit" default:"50" placeholder:"N" help:"The newest N records (${default}; 0: all)."`
	JSON bool `help:"Print one JSON object for each record."`
}

// Help implements kong's detailed help.
func (accessesCommand) Help() string {
	return `Lists what operators did with the log, the newest first: exports and imports, long looks at
events (events tail), replays of shops or of everything, dead letters that were opened or discarded,
erasures and searches for a person, rotations of the master key, withdrawals, moves, and operations
on projections and leases. Each was recorded before it began, with who did it and why. What the read
API served to whom is in its access log: jangbu serve --access-log.

The record is in the database of the log, so a copy of that has it and an export has not.

Examples:
  jangbu privacy accesses
  jangbu privacy accesses --last 0 --json`
}

// access is an access as JSON.
type access struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Command string    `json:"command"`
	Subject string    `json:"subject"`
	Who     string    `json:"who"`
	Why     string    `json:"why"`
}

// accessesAtOnce is how many records are read at a time.
const accessesAtOnce = 500

// Run prints the records.
func (c accessesCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Last < 0 {
		return fmt.Errorf("%w: --last: expected 0 or more", cli.ErrUsage)
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		printed := 0
		for before := int64(0); c.Last == 0 || printed < c.Last; {
			most := accessesAtOnce
			if c.Last > 0 {
				most = min(most, c.Last-printed)
			}
			page, err := log.Accesses().List(ctx, before, most)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			if err := c.print(t, page, times); err != nil {
				return err
			}
			printed, before = printed+len(page), page[len(page)-1].ID
		}
		return nil
	})
}

func (c accessesCommand) print(t cli.Terminal, page []events.Access, times cli.Times) error {
	for _, a := range page {
		if c.JSON {
			if err := json.NewEncoder(t.Out).Encode(access(a)); err != nil {
				return fmt.Errorf("print access: %w", err)
			}
			continue
		}
		t.Printf("%s  %s  %s: %s", times.Format(a.At), cli.Printable(a.Who), a.Command, cli.Printable(a.Subject))
		if a.Why != "" {
			t.Printf("    %s", cli.Printable(a.Why))
		}
	}
	return nil
}
