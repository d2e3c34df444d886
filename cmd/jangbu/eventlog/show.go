package eventlog

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/archive"
)

type showCommand struct {
	stores.Config
	cli.ZoneConfig
	Which    string          `arg:"" name:"position|id" help:"The event's position, or its ID."`
	Campaign events.Campaign `aliases:"event" placeholder:"ID" help:"Its campaign (eventId), so that an ID is found without reading the whole log."`
	JSON     bool            `help:"Print one JSON object, as export writes it."`
}

// Help implements kong's detailed help.
func (showCommand) Help() string {
	return `Shows the event at a position, or the first one with an ID, which is unique within its
campaign. --tz changes no time in the event itself.

Examples:
  jangbu events show 1024
  jangbu events show 01890a5d-ac96-874b-bcce-b302099a8057 --campaign evt-1 --json`
}

// Run prints the event.
func (c showCommand) Run(ctx context.Context, t cli.Terminal) error {
	find, err := c.finder()
	if err != nil {
		return err
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		r, ok, err := find(ctx, log)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: the log holds no event %s", cli.ErrNothing, c.Which)
		}
		one := []events.Recorded{r}
		if err := log.Sources().Trace(ctx, one); err != nil {
			return err
		}
		r = one[0]
		if c.JSON {
			_, err := t.Out.Write(append(archive.AppendLine(nil, r), '\n'))
			return err
		}
		var whole bytes.Buffer
		if err := json.Indent(&whole, events.AppendStored(nil, r.Event), "", "  "); err != nil {
			return fmt.Errorf("indent event: %w", err)
		}
		described, err := events.Describe(ctx, log, r.Event.Subject())
		if err != nil {
			return err
		}
		withdrawn := ""
		if by, ok := described.Withdrawn()[r.Position]; ok {
			withdrawn = fmt.Sprintf("withdrawn   by position %d\n", by)
		}
		from := ""
		if o := r.Origin; o.Known() {
			from = fmt.Sprintf("from        %s, partition %d, offset %d\n", cli.Legible(o.Topic), o.Partition, o.Offset)
		}
		_, err = fmt.Fprintf(t.Out, "position    %d\nid          %s\ndigest      %s\noccurred    %s\nrecorded    %s\ntype        %s\ncampaign    %s\n%s%s%s\n",
			r.Position, r.ID, hex.EncodeToString(r.Digest[:]), times.Exact(r.OccurredAt),
			times.Exact(r.RecordedAt), r.Event.Type(), cli.Legible(string(r.Event.Subject())), from, withdrawn, &whole)
		return err
	})
}

// finder returns the function that finds the event; ok is false if there is none.
func (c showCommand) finder() (find func(context.Context, events.Log) (r events.Recorded, ok bool, err error), err error) {
	if position, err := strconv.ParseInt(c.Which, 10, 64); err == nil && position > 0 {
		return func(ctx context.Context, log events.Log) (events.Recorded, bool, error) {
			read, err := log.Read(ctx, events.Position(position-1), 1)
			if err != nil || len(read) == 0 || c.Campaign != "" && read[0].Event.Subject() != c.Campaign {
				return events.Recorded{}, false, err
			}
			return read[0], true, nil
		}, nil
	}
	id, err := events.ParseID(c.Which)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is neither a position (1 or more) nor an ID (as 01890a5d-ac96-874b-bcce-b302099a8057)", cli.ErrUsage, c.Which)
	}
	return func(ctx context.Context, log events.Log) (events.Recorded, bool, error) {
		for after := events.Position(0); ; {
			var read []events.Recorded
			var err error
			if c.Campaign != "" {
				read, err = log.ReadStream(ctx, events.Stream{Campaign: c.Campaign, After: after, Limit: eventsAtOnce})
			} else {
				read, err = log.Read(ctx, after, eventsAtOnce)
			}
			if err != nil || len(read) == 0 {
				return events.Recorded{}, false, err
			}
			for _, r := range read {
				if r.ID == id {
					return r, true, nil
				}
			}
			after = read[len(read)-1].Position
		}
	}, nil
}
