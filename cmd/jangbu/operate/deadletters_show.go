package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type deadLettersShowCommand struct {
	stores.Config
	ID   string `arg:"" name:"id" help:"The letter's ID, as list shows it."`
	JSON bool   `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (deadLettersShowCommand) Help() string {
	return `Shows where the record came from, why it could not become an event, and who discarded it.
Times are those of Asia/Seoul. The record itself stays sealed, because it may hold a phone
number; it can be read in Kafka, at its offset.

Exits with 3 if there is no such dead letter.

Examples:
  jangbu deadletters show 01890a5d-ac96-874b-bcce-b302099a8057
  jangbu deadletters show 01890a5d-ac96-874b-bcce-b302099a8057 --json`
}

// Run prints the letter.
func (c deadLettersShowCommand) Run(ctx context.Context, t cli.Terminal) error {
	id, err := events.ParseID(c.ID)
	if err != nil {
		return fmt.Errorf("%w: %q is no ID of a dead letter (as 01890a5d-ac96-874b-bcce-b302099a8057)", cli.ErrUsage, c.ID)
	}
	location, err := cli.Seoul()
	if err != nil {
		return err
	}
	return c.WithLog(ctx, func(log events.Log) error {
		d, err := log.DeadLetters().Get(ctx, id)
		if errors.Is(err, events.ErrNoDeadLetter) {
			return fmt.Errorf("%w: there is no dead letter %s; a retry may have made an event of it", cli.ErrNothing, id)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(letterOf(d))
		}
		timestamp := "none that is a time"
		if !d.Timestamp.IsZero() {
			timestamp = d.Timestamp.In(location).Format(time.RFC3339Nano)
		}
		t.Printf("id          %s\ntopic       %s\npartition   %d\noffset      %d\ntimestamp   %s\nreason      %s\ndetail      %s\nburied      %s",
			d.ID, cli.Printable(d.Topic), d.Partition, d.Offset, timestamp,
			d.Reason, cli.Printable(d.Detail), d.BuriedAt.In(location).Format(time.RFC3339Nano))
		if d.Discarded == nil {
			t.Printf("sealed      %d bytes", len(d.Sealed))
			return nil
		}
		t.Printf("discarded   %s\nby          %s\nwhy         %s",
			d.Discarded.At.In(location).Format(time.RFC3339Nano), cli.Printable(d.Discarded.By), cli.Printable(d.Discarded.Why))
		return nil
	})
}
