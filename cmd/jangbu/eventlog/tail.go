package eventlog

import (
	"bytes"
	"context"
	"errors"
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
	cli.ZoneConfig
	Last     *int             `placeholder:"N" help:"How many of the last events to show (10; 0: only those to come)."`
	From     *events.Position `placeholder:"POSITION" help:"Begin with the event at a position, in place of the last ones."`
	Follow   bool             `short:"f" help:"Go on with new events until interrupted."`
	Type     string           `placeholder:"TYPE" help:"Only EventCreated, ParticipantRegistered, DistributionCompleted, ChannelStatsFetched or EventsWithdrawn."`
	Campaign events.Campaign  `aliases:"event" placeholder:"ID" help:"Only the events of one campaign (eventId)."`
	JSON     bool             `help:"Print one JSON object for each event, as export writes it."`
}

// Help implements kong's detailed help.
func (tailCommand) Help() string {
	return `Prints a line for each event: its position, when it was recorded, its type,
its campaign and a summary. It only reads events, so a service may run meanwhile.

More than the last 100 events, --from and --follow are a copy rather than a look: who makes it and
when is recorded with the log, as of an export (jangbu privacy accesses).

With --from each JSON object has one member more, "link": the value of the log's hash chain after the
event. Two logs with the same link at a position are the same up to there. A program that keeps a
copy stores position and link of the last event it has, begins with that one again, and compares.
Exits with 3 if the log ends before, or holds no event of the campaign that is named, and with 4 if it goes back or is exchanged meanwhile.

Examples:
  jangbu events tail
  jangbu events tail --follow --type ParticipantRegistered
  jangbu events tail --from 1 --follow --json
  jangbu events tail --campaign evt-1 --last 100 --json`
}

const (
	lookAt   = 10  // events, without --last
	mostLook = 100 // events that may be looked at without a record of it
)

// back is how many of the last events are shown.
func (c tailCommand) back() int {
	switch {
	case c.From != nil:
		return 0
	case c.Last == nil:
		return lookAt
	default:
		return *c.Last
	}
}

// record records what is more than a look.
func (c tailCommand) record(ctx context.Context, log events.Log) error {
	if c.back() <= mostLook && c.From == nil && !c.Follow {
		return nil
	}
	what := fmt.Sprintf("the last %d events", c.back())
	if c.From != nil {
		what = fmt.Sprintf("the events from position %d on", *c.From)
	}
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
	if c.Last != nil && c.From != nil {
		return fmt.Errorf("%w: --from: is in place of --last: give one of them", cli.ErrUsage)
	}
	if c.back() < 0 {
		return fmt.Errorf("%w: --last: expected 0 or more", cli.ErrUsage)
	}
	if c.From != nil && *c.From < 1 {
		return fmt.Errorf("%w: --from: expected 1 or more", cli.ErrUsage)
	}
	if c.back() == 0 && c.From == nil && !c.Follow {
		return fmt.Errorf("%w: --last: 0 shows something only with --follow", cli.ErrUsage)
	}
	var typ events.Type
	if c.Type != "" {
		var known bool
		if typ, known = events.TypeNamed(c.Type); !known {
			return fmt.Errorf("%w: --type: %q is none of %v", cli.ErrUsage, c.Type, append(events.Types(), events.TypeEventsWithdrawn))
		}
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	wanted := func(r events.Recorded) bool {
		return (typ == 0 || r.Event.Type() == typ) && (c.Campaign == "" || r.Event.Subject() == c.Campaign)
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		if err := c.record(ctx, log); err != nil {
			return err
		}
		totals, err := log.Totals(ctx)
		if err != nil {
			return err
		}
		shown := false
		show := func(r events.Recorded, link events.Link) error {
			if !wanted(r) {
				return nil
			}
			shown = true
			return c.print(t, r, link, times)
		}
		after := totals.Head
		if c.From != nil {
			after = *c.From - 1
		}
		err = c.last(ctx, log, after, wanted, show)
		if err == nil && (c.From != nil || c.Follow) {
			err = c.readOn(ctx, log, after, totals.Head, show)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return cli.ErrInterrupted // which may have made the read fail
		case err == nil && !shown && !c.Follow:
			return c.missing(ctx, log)
		}
		return err
	})
}

// missing returns [cli.ErrNothing] if the campaign that is named has no event at all.
func (c tailCommand) missing(ctx context.Context, log events.Log) error {
	if c.Campaign == "" {
		return nil
	}
	some, err := log.ReadStream(ctx, events.Stream{Campaign: c.Campaign, Limit: 1})
	if err == nil && len(some) == 0 {
		err = fmt.Errorf("%w: the log holds no event of campaign %s", cli.ErrNothing, cli.Legible(string(c.Campaign)))
	}
	return err
}

// last shows the last wanted events up to the head.
func (c tailCommand) last(ctx context.Context, log events.Log, head events.Position, wanted func(events.Recorded) bool, show func(events.Recorded, events.Link) error) error {
	last, err := lastEvents(ctx, log, head, c.back(), c.Campaign, wanted)
	if err == nil {
		err = log.Sources().Trace(ctx, last)
	}
	for i := 0; err == nil && i < len(last); i++ {
		err = show(last[i], events.Link{})
	}
	return err
}

// readOn shows the wanted events after a position up to the head, and goes on with --follow.
func (c tailCommand) readOn(ctx context.Context, log events.Log, after, head events.Position, show func(events.Recorded, events.Link) error) error {
	link, ok, err := log.Chain().Link(ctx, after)
	if err == nil && !ok {
		err = fmt.Errorf("%w: the log ends at position %d", cli.ErrNothing, head)
	}
	if err != nil {
		return err
	}
	at, err := through(ctx, log, events.Mark{Position: after, Link: link}, head, show)
	if err == nil && c.Follow {
		err = follow(ctx, log, at, show)
	}
	return err
}

func (c tailCommand) print(t cli.Terminal, r events.Recorded, link events.Link, times cli.Times) error {
	var err error
	if c.JSON {
		line := archive.AppendLine(nil, r)
		if c.From != nil {
			line = append(bytes.TrimSuffix(line, []byte("}")), `,"link":"`+link.String()+`"}`...)
		}
		_, err = t.Out.Write(append(line, '\n'))
	} else {
		_, err = fmt.Fprintf(t.Out, "%8d  %s  %-21s  %s  %s\n", r.Position, times.Format(r.RecordedAt),
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

// idle is after how long without a new event follow looks whether the log is still the same.
const idle = 10 * time.Second

// follow calls f with every event after a mark until it fails or ctx ends.
func follow(ctx context.Context, log events.Log, at events.Mark, f func(events.Recorded, events.Link) error) error {
	for {
		look, stop := context.WithTimeout(ctx, idle)
		head, err := log.Wait(look, at.Position)
		stop()
		switch {
		case err == nil:
			at, err = through(ctx, log, at, head, f)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			err = compare(ctx, log, at)
		}
		if err != nil {
			return err
		}
	}
}

// through calls f with the events after a mark up to a position, each with its link, and returns
// the mark of the last one.
func through(ctx context.Context, log events.Log, at events.Mark, last events.Position, f func(events.Recorded, events.Link) error) (events.Mark, error) {
	for at.Position < last {
		read, err := log.Read(ctx, at.Position, int(min(eventsAtOnce, last-at.Position)))
		if err == nil {
			err = log.Sources().Trace(ctx, read)
		}
		end := at
		for _, r := range read {
			end = end.Next(r.Digest)
		}
		// Before any of them is passed on: one history (I13).
		if err == nil {
			err = compare(ctx, log, end)
		}
		if err != nil || len(read) == 0 {
			return at, err
		}
		for _, r := range read {
			at = at.Next(r.Digest)
			if err := f(r, at.Link); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}

// compare returns an error unless the log is, up to the mark, the one that was read.
func compare(ctx context.Context, log events.Log, m events.Mark) error {
	link, ok, err := log.Chain().Link(ctx, m.Position)
	if err == nil && (!ok || link != m.Link) {
		err = fmt.Errorf("%w: the log went back or was exchanged: up to position %d it is not the one that was read", cli.ErrCheckFailed, m.Position)
	}
	return err
}
