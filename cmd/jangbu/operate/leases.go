package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// LeasesCommand shows the leases under which a task runs in one process at a time, and takes
// one away.
type LeasesCommand struct {
	List  leasesListCommand  `cmd:"" help:"Which process holds each lease, and for how long."`
	Break leasesBreakCommand `cmd:"" help:"Take a lease away from its holder."`
}

type leasesListCommand struct {
	stores.Config
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (leasesListCommand) Help() string {
	return `A holder renews its lease every second or so; a lease that is left for longer than it is
taken for was taken by a clock that was wrong, and is broken by hand.

Exits with 4 if one lasts too long.

Examples:
  jangbu leases list
  jangbu leases list --database-url postgres://… --json`
}

// leaseReport is a lease as JSON.
type leaseReport struct {
	Name    string       `json:"name"`
	Owner   string       `json:"owner"`
	Epoch   int64        `json:"epoch"`
	Left    float64      `json:"leftSeconds"`
	TooLong bool         `json:"tooLong"`
	Fault   *faultReport `json:"lastError"` // null: the task works
}

// Run lists.
func (c leasesListCommand) Run(ctx context.Context, t cli.Terminal) error {
	return c.ReadServed(ctx, func(_ events.Log, rows readmodel.Store) error {
		held, err := rows.Holders(ctx)
		if err != nil {
			return err
		}
		all, wrong := make([]leaseReport, len(held)), ""
		for i, h := range held {
			all[i] = leaseReport{Name: h.Name, Owner: h.Owner, Epoch: h.Epoch, Left: h.Left.Seconds(), TooLong: h.TooLong(runner.DefaultLeaseTTL)}
			if h.Fault != "" {
				all[i].Fault = &faultReport{h.FaultOwner, h.FaultAt, h.Fault}
			}
			if all[i].TooLong {
				wrong = h.Name
			}
		}
		if c.JSON {
			err = json.NewEncoder(t.Out).Encode(struct {
				Leases []leaseReport `json:"leases"`
			}{all})
		} else {
			printLeases(t, all)
		}
		if err == nil && wrong != "" {
			err = fmt.Errorf("%w: lease %s lasts longer than any process asks for: jangbu leases break %s", cli.ErrCheckFailed, wrong, wrong)
		}
		return err
	})
}

func printLeases(t cli.Terminal, all []leaseReport) {
	out := cli.Table{Head: []string{"lease", "owner", "epoch", "left s", "last error"}, Texts: 2}
	for _, l := range all {
		fault := ""
		if l.Fault != nil {
			fault = l.Fault.Error
		}
		out.Lines = append(out.Lines, []string{l.Name, l.Owner, strconv.FormatInt(l.Epoch, 10), strconv.FormatFloat(l.Left, 'f', 1, 64), fault})
	}
	out.Print(t)
}

type leasesBreakCommand struct {
	stores.Config
	Name string `arg:"" help:"The lease, by the name that leases list prints."`
	Why  string `required:"" placeholder:"TEXT" help:"The reason, for the record."`
	cli.Consent
	JSON bool `help:"Print the operation as one JSON object."`
}

// Help implements kong's detailed help.
func (leasesBreakCommand) Help() string {
	return `Another process can take the lease at once, and what the former holder still writes is
refused. A holder that works is asked about first, because it takes the lease again.

Exits with 3 if no process holds the lease.

Examples:
  jangbu leases break projections --why "the clock of db-2 was 30 days ahead"
  jangbu leases break poller --why "its process is frozen" --yes --json`
}

// Run breaks the lease.
func (c leasesBreakCommand) Run(ctx context.Context, t cli.Terminal) error {
	if strings.TrimSpace(c.Why) == "" {
		return fmt.Errorf("%w: --why: expected a reason", cli.ErrUsage)
	}
	return c.WithServed(ctx, func(log events.Log, rows readmodel.Store) error {
		h, err := rows.Holder(ctx, c.Name)
		if err != nil {
			return err
		}
		if h.Owner == "" {
			return fmt.Errorf("%w: no process holds a lease %q", cli.ErrNothing, c.Name)
		}
		if !h.TooLong(runner.DefaultLeaseTTL) {
			if err := c.Ask(ctx, t, "lease %s is taken from %s, which renews it", h.Name, h.Owner); err != nil {
				return err
			}
		}
		if err := stores.Record(ctx, log, events.Access{Command: "leases break", Subject: fmt.Sprintf("lease %q of %s", h.Name, h.Owner), Why: c.Why}); err != nil {
			return err
		}
		op, err := rows.Break(ctx, h.Lease, cli.Operator(), c.Why)
		if errors.Is(err, readmodel.ErrFenced) {
			return fmt.Errorf("%w: %s gave the lease up meanwhile", cli.ErrNothing, h.Owner)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(reportOf(op))
		}
		t.Printf("operation %d: lease %s was taken away from %s, epoch %d, which had it for another %.1f s", op.ID, h.Name, h.Owner, h.Epoch, h.Left.Seconds())
		return nil
	})
}
