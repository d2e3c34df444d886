package eventlog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/archive"
)

type exportCommand struct {
	stores.Config
	File   string          `arg:"" name:"file" help:"The file to write: FILE.jsonl, FILE.jsonl.zst to have it compressed, or FILE.parquet."`
	From   events.Position `default:"1" placeholder:"POSITION" help:"The first position (${default}). Only an export from 1 can be imported."`
	To     events.Position `placeholder:"POSITION" help:"The last position. Without one, the head of the log at the start."`
	Why    string          `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters, no phone number."`
	Who    string          `placeholder:"NAME" help:"Who does it, for the record. Without it, the user of this process."`
	Resume bool            `help:"Go on with an export that was interrupted."`
	Force  bool            `help:"Write over an existing export, and begin an interrupted one anew."`
	JSON   bool            `help:"Print the manifest as one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (exportCommand) Help() string {
	return `Writes the events in the order of the log, one JSON object a line, and beside them
FILE.manifest.json: positions, counts by type, the SHA-256 of the lines, and the link of
the log's hash chain after the last event. Until
all of it is on the disk the lines are in FILE.partial, which --resume goes on with.
The log may grow meanwhile. FILE.parquet is the same as a table of position, id, type,
eventId, occurredAt, recordedAt, digest and payload, the event as JSON; the SHA-256 is
then that of the file.

Who exports what and why is recorded with the log: jangbu privacy accesses.

Events hold pseudonyms and no phone number. The keys that the pseudonyms were made
with are not in the log, so they are not exported.

Examples:
  jangbu events export log.jsonl.zst --why "backup of the week"
  jangbu events export log.jsonl.zst --resume --why "backup of the week"
  jangbu events export log.parquet --why "season report, OPS-412"
  jangbu events export part.jsonl --from 1000 --to 1999 --why "a till that failed" --json`
}

// Run writes the export.
func (c exportCommand) Run(ctx context.Context, t cli.Terminal) error {
	if err := archive.CheckName(c.File); err != nil {
		return fmt.Errorf("%w: %s: %w", cli.ErrUsage, c.File, err)
	}
	switch {
	case c.From < 1:
		return fmt.Errorf("%w: --from: expected 1 or more", cli.ErrUsage)
	case c.To < 0 || c.To > 0 && c.To < c.From:
		return fmt.Errorf("%w: --to: expected --from or more", cli.ErrUsage)
	case c.Resume && c.Force:
		return fmt.Errorf("%w: --resume and --force: one goes on with what is there, the other does away with it", cli.ErrUsage)
	}
	what := events.Access{Command: "events export", Who: cmp.Or(c.Who, cli.Operator()), Why: c.Why}
	if err := what.Check(); err != nil {
		return fmt.Errorf("%w: --%w", cli.ErrUsage, err)
	}
	return c.ReadLog(ctx, func(log events.Log) error {
		totals, err := log.Totals(ctx)
		if err != nil {
			return err
		}
		through := totals.Head
		if c.From > through || c.To > through {
			return fmt.Errorf("%w: the log ends at position %d", cli.ErrNothing, through)
		}
		if c.To > 0 {
			through = c.To
		}
		before, _, err := log.Chain().Link(ctx, c.From-1)
		if err != nil {
			return err
		}
		w, err := c.begin(before)
		if err != nil {
			return err
		}
		what.Subject = fmt.Sprintf("positions %d to %d", c.From, through)
		if err := stores.Record(ctx, log, what); err != nil {
			return errors.Join(err, w.Close())
		}
		m, err := c.write(ctx, t, log, w, through)
		if err = errors.Join(err, w.Close()); err != nil {
			return cli.Interruptible(ctx, err, "--resume goes on with "+archive.PartialPath(c.File))
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(m)
		}
		t.Printf("exported %d events, positions %d to %d, to %s", m.Last-m.First+1, m.First, m.Last, c.File)
		return nil
	})
}

// begin opens the partial file.
func (c exportCommand) begin(before events.Link) (*archive.Writer, error) {
	if _, err := os.Stat(c.File); err == nil && !c.Force {
		return nil, fmt.Errorf("%s is there already; --force writes over it", c.File)
	}
	if c.Resume {
		w, err := archive.Resume(c.File, before)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s is not there, so nothing was interrupted", cli.ErrNothing, archive.PartialPath(c.File))
		}
		return w, err
	}
	if c.Force {
		if err := os.Remove(archive.PartialPath(c.File)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("begin anew: %w", err)
		}
	}
	w, err := archive.Create(c.File, before)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already; --resume goes on with it, --force begins anew", archive.PartialPath(c.File))
	}
	return w, err
}

func (c exportCommand) write(ctx context.Context, t cli.Terminal, log events.Log, w *archive.Writer, through events.Position) (archive.Manifest, error) {
	p := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "exported", Total: int64(through)}
	defer p.End()
	if err := archive.Export(ctx, log, w, c.From, through, func(at events.Position) { p.At(int64(at)) }); err != nil {
		return archive.Manifest{}, fmt.Errorf("export: %w", err)
	}
	m, err := w.Finish(ctx, time.Now())
	if err != nil {
		return m, fmt.Errorf("export: %w", err)
	}
	return m, nil
}
