package eventlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/archive"
)

type tailCommand struct {
	stores.Config
	Last     int             `default:"10" placeholder:"N" help:"How many of the last events to show (${default}; 0: only those to come)."`
	Follow   bool            `short:"f" help:"Go on with new events until interrupted."`
	Type     string          `placeholder:"TYPE" help:"Only EventCreated, ParticipantRegistered, DistributionCompleted, ChannelStatsFetched or EventsWithdrawn."`
	Campaign events.Campaign `aliases:"event" placeholder:"ID" help:"Only the events of one campaign (eventId)."`
	JSON     bool            `help:"Print one JSON object for each event, as export writes it."`
}

// Help implements kong's detailed help.
func (tailCommand) Help() string {
	return `Prints a line for each event: its position, when it was recorded (Asia/Seoul), its type,
its campaign and a summary. It only reads events, so a service may run meanwhile.

More than the last 100 events, and --follow, are a copy rather than a look: who makes it and when
is recorded with the log, as of an export (jangbu privacy accesses).

Examples:
  jangbu events tail
  jangbu events tail --follow --type ParticipantRegistered
  jangbu events tail --campaign evt-1 --last 100 --json`
}

// mostLook is how many events may be looked at without a record of it.
const mostLook = 100

// record records what is more than a look.
func (c tailCommand) record(ctx context.Context, log events.Log) error {
	if c.Last <= mostLook && !c.Follow {
		return nil
	}
	what := fmt.Sprintf("the last %d events", c.Last)
	if c.Follow {
		what += " and those to come"
	}
	if c.Type != "" {
		what += ", " + c.Type
	}
	if c.Campaign != "" {
		what += fmt.Sprintf(", of campaign %q", events.MaskPersonal(string(c.Campaign)))
	}
	return stores.Record(ctx, log, events.Access{Command: "events tail", Subject: what})
}

// Run prints the events.
func (c tailCommand) Run(ctx context.Context, t cli.Terminal) error {
	if c.Last < 0 {
		return fmt.Errorf("%w: --last: expected 0 or more", cli.ErrUsage)
	}
	if c.Last == 0 && !c.Follow {
		return fmt.Errorf("%w: --last: 0 shows something only with --follow", cli.ErrUsage)
	}
	var typ events.Type
	if c.Type != "" {
		var known bool
		if typ, known = events.TypeNamed(c.Type); !known {
			return fmt.Errorf("%w: --type: %q is none of %v", cli.ErrUsage, c.Type, append(events.Types(), events.TypeEventsWithdrawn))
		}
	}
	location, err := cli.Seoul()
	if err != nil {
		return err
	}
	wanted := func(r events.Recorded) bool {
		return (typ == 0 || r.Event.Type() == typ) && (c.Campaign == "" || r.Event.Subject() == c.Campaign)
	}
	return c.WithLog(ctx, func(log events.Log) error {
		if err := c.record(ctx, log); err != nil {
			return err
		}
		totals, err := log.Totals(ctx)
		if err != nil {
			return err
		}
		last, err := lastEvents(ctx, log, totals.Head, c.Last, c.Campaign, wanted)
		if err != nil {
			return err
		}
		if len(last) == 0 && !c.Follow {
			return fmt.Errorf("%w: the log holds no such event", cli.ErrNothing)
		}
		if err := log.Sources().Trace(ctx, last); err != nil {
			return err
		}
		for _, r := range last {
			if err := c.print(t, r, location); err != nil {
				return err
			}
		}
		if !c.Follow {
			return nil
		}
		err = follow(ctx, log, totals.Head, func(r events.Recorded) error {
			if !wanted(r) {
				return nil
			}
			return c.print(t, r, location)
		})
		if ctx.Err() != nil {
			return cli.ErrInterrupted // which may have made the read fail
		}
		return err
	})
}

func (c tailCommand) print(t cli.Terminal, r events.Recorded, location *time.Location) error {
	var err error
	if c.JSON {
		_, err = t.Out.Write(append(archive.AppendLine(nil, r), '\n'))
	} else {
		_, err = fmt.Fprintf(t.Out, "%8d  %s  %-21s  %s  %s\n", r.Position, r.RecordedAt.In(location).Format(time.DateTime),
			r.Event.Type(), cli.Legible(string(r.Event.Subject())), summary(r.Event))
	}
	if err != nil {
		return fmt.Errorf("print event: %w", err)
	}
	return nil
}

// lastEvents returns the last n wanted events up to the head, in log order. With a campaign
// it reads the campaign's stream; without one it reads the log backwards.
func lastEvents(ctx context.Context, log events.Log, head events.Position, n int, campaign events.Campaign, wanted func(events.Recorded) bool) ([]events.Recorded, error) {
	if n == 0 || head == 0 {
		return nil, nil
	}
	var found []events.Recorded // without a campaign, from the last to the first
	if campaign != "" {
		for after := events.Position(0); ; {
			read, err := log.ReadStream(ctx, events.Stream{Campaign: campaign, After: after, Through: head, Limit: eventsAtOnce})
			if err != nil {
				return nil, err
			}
			for _, r := range read {
				if wanted(r) {
					found = append(found, r)
				}
			}
			found = slices.Delete(found, 0, max(0, len(found)-n))
			if len(read) == 0 {
				return found, nil
			}
			after = read[len(read)-1].Position
		}
	}
	for through := head; through > 0 && len(found) < n; {
		after := max(0, through-eventsAtOnce)
		var read []events.Recorded
		for at := after; at < through; {
			more, err := log.Read(ctx, at, int(through-at))
			if err != nil {
				return nil, err
			}
			if len(more) == 0 {
				break // the log went back
			}
			read, at = append(read, more...), more[len(more)-1].Position
		}
		for _, r := range slices.Backward(read) {
			if wanted(r) && len(found) < n {
				found = append(found, r)
			}
		}
		through = after
	}
	slices.Reverse(found)
	return found, nil
}

// follow calls f with every event after a position until it fails or ctx ends.
func follow(ctx context.Context, log events.Log, after events.Position, f func(events.Recorded) error) error {
	for {
		head, err := log.Wait(ctx, after)
		if err != nil {
			return err
		}
		for after < head {
			read, err := log.Read(ctx, after, eventsAtOnce)
			if err == nil {
				err = log.Sources().Trace(ctx, read)
			}
			if err != nil {
				return err
			}
			for _, r := range read {
				if err := f(r); err != nil {
					return err
				}
				after = r.Position
			}
		}
	}
}
