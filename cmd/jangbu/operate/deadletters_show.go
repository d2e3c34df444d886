package operate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
)

type deadLettersShowCommand struct {
	stores.Config
	cli.ZoneConfig
	stores.KeyConfig
	ID   string `arg:"" name:"id" help:"The letter's ID, as list shows it."`
	Open bool   `help:"Open the letter with the master key, and show the record itself."`
	Why  string `placeholder:"TEXT" help:"With --open: the reason, for the record; at most 500 characters that name no person."`
	Who  string `placeholder:"NAME" help:"With --open: who does it, for the record. Without it, the user of this process."`
	JSON bool   `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (deadLettersShowCommand) Help() string {
	return `Shows where the record came from, why it could not become an event, and who discarded it.
The record itself stays sealed, because it may hold a phone
number. With --open it is shown as it was received: key, headers and value, of which what is
no text is in base64. That needs the master key under which it was sealed, and a reason: who
opens it, why and when is recorded with the log first (jangbu privacy accesses).

Exits with 3 if there is no such dead letter.

Examples:
  jangbu deadletters show 01890a5d-ac96-874b-bcce-b302099a8057
  jangbu deadletters show 01890a5d-ac96-874b-bcce-b302099a8057 --json
  jangbu deadletters show 01890a5d-ac96-874b-bcce-b302099a8057 --open --why "till of shop 7, OPS-412"`
}

// openedLetter is a dead letter and, with --open, its record, as JSON.
type openedLetter struct {
	letter
	Record *openedRecord `json:"record,omitempty"`
}

// openedRecord is a record as it was received, as JSON. Text that is none is in base64, and said
// to be.
type openedRecord struct {
	Key     *openedText    `json:"key"` // null: the record has none
	Headers []openedHeader `json:"headers"`
	Value   *openedText    `json:"value"`
}

type openedHeader struct {
	Key   string      `json:"key"`
	Value *openedText `json:"value"`
}

type openedText struct {
	Text   string `json:"text"`
	Base64 bool   `json:"base64,omitempty"`
}

func textOf(b []byte) *openedText {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return &openedText{Text: string(b)}
	}
	return &openedText{base64.StdEncoding.EncodeToString(b), true}
}

// shown returns the text for a terminal, line by line.
func (t *openedText) shown() string {
	switch {
	case t == nil:
		return "none"
	case t.Base64:
		return "in base64: " + t.Text
	}
	lines := strings.Split(t.Text, "\n")
	for i := range lines {
		lines[i] = cli.Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// Run prints the letter.
func (c deadLettersShowCommand) Run(ctx context.Context, t cli.Terminal) error {
	id, err := events.ParseID(c.ID)
	if err != nil {
		return fmt.Errorf("%w: %q is no ID of a dead letter (as 01890a5d-ac96-874b-bcce-b302099a8057)", cli.ErrUsage, c.ID)
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	switch {
	case c.Open && strings.TrimSpace(c.Why) == "":
		return fmt.Errorf("%w: --why: required with --open", cli.ErrUsage)
	case !c.Open && c.Why+c.Who != "":
		return fmt.Errorf("%w: --open: required with --why and --who", cli.ErrUsage)
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		d, err := log.DeadLetters().Get(ctx, id)
		if errors.Is(err, events.ErrNoDeadLetter) {
			return fmt.Errorf("%w: there is no dead letter %s; a retry may have made an event of it", cli.ErrNothing, id)
		}
		if err != nil {
			return err
		}
		out := openedLetter{letter: letterOf(d)}
		if c.Open {
			if out.Record, err = c.open(ctx, log, d); err != nil {
				return err
			}
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(out)
		}
		timestamp := "none that is a time"
		if !d.Timestamp.IsZero() {
			timestamp = times.Exact(d.Timestamp)
		}
		t.Printf("id          %s\ntopic       %s\npartition   %d\noffset      %d\ntimestamp   %s\nreason      %s\ndetail      %s\nburied      %s",
			d.ID, cli.Printable(d.Topic), d.Partition, d.Offset, timestamp,
			d.Reason, cli.Printable(d.Detail), times.Exact(d.BuriedAt))
		if d.Discarded == nil {
			t.Printf("sealed      %d bytes", len(d.Sealed))
			out.Record.print(t)
			return nil
		}
		t.Printf("discarded   %s\nby          %s\nwhy         %s",
			times.Exact(d.Discarded.At), cli.Printable(d.Discarded.By), cli.Printable(d.Discarded.Why))
		return nil
	})
}

// open opens the letter, once it is recorded who does it.
func (c deadLettersShowCommand) open(ctx context.Context, log events.Log, d events.DeadLetter) (_ *openedRecord, err error) {
	if d.Discarded != nil {
		return nil, fmt.Errorf("%w: the record was erased when the letter was discarded", cli.ErrNothing)
	}
	keeper, _, closeKeys, err := c.OpenKeeper(ctx, log, &c.Config, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	what := events.Access{Command: "deadletters show --open", Subject: "dead letter " + d.ID.String(), Who: c.Who, Why: c.Why}
	if err := stores.Record(ctx, log, what); err != nil {
		return nil, err
	}
	record, err := keeper.Unseal(ctx, d.Sealed)
	if err != nil {
		return nil, fmt.Errorf("%w: it was sealed under another master key: that of its time, as --master-key-file, opens it", err)
	}
	opened := &openedRecord{Key: textOf(record.Key), Headers: []openedHeader{}, Value: textOf(record.Value)}
	for _, h := range record.Headers {
		opened.Headers = append(opened.Headers, openedHeader{h.Key, textOf(h.Value)})
	}
	return opened, nil
}

// print shows the record; nothing where it was not opened.
func (r *openedRecord) print(t cli.Terminal) {
	if r == nil {
		return
	}
	t.Printf("key         %s", r.Key.shown())
	for _, h := range r.Headers {
		t.Printf("header      %s: %s", cli.Printable(h.Key), h.Value.shown())
	}
	t.Printf("value       %s", r.Value.shown())
}
