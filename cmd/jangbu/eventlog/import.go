package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/archive"
)

type importCommand struct {
	stores.Config
	File string `arg:"" name:"file" help:"The export, with its manifest beside it."`
	JSON bool   `help:"Print the result as one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (importCommand) Help() string {
	return `Puts an export into an empty log: the same events, with the same positions, identities and
times. Nothing is written before the whole file has been verified against its manifest. The
same command goes on with an interrupted import; until the last event is there nothing else
is appended, no service starts on the log, and no command believes it.

An export has no keys. Before a service runs on the copy, put keys.db and master.key
beside it: under new keys a record that is delivered again differs from its first
delivery.

Examples:
  jangbu events import log.jsonl.zst --data-dir ./copy
  jangbu events import log.jsonl.zst --log-url postgres://jangbu@db/jangbu --json`
}

// Run imports the file.
func (c importCommand) Run(ctx context.Context, t cli.Terminal) error {
	if err := archive.CheckName(c.File); err != nil {
		return fmt.Errorf("%w: %s: %w", cli.ErrUsage, c.File, err)
	}
	if err := c.Checked(); err != nil {
		return err
	}
	r, err := archive.Open(c.File)
	if err != nil {
		return err
	}
	present, err := c.load(ctx, t, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return cli.Interruptible(ctx, err, "the same command goes on")
	}
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(struct {
			Head     events.Position `json:"head"`
			Present  int64           `json:"present"`
			Appended int64           `json:"appended"`
		}{r.Manifest.Last, present, int64(r.Manifest.Last) - present})
	}
	t.Printf("imported %d events; %d were there already", int64(r.Manifest.Last)-present, present)
	return nil
}

// load verifies the file, before it makes the log, and then restores the events.
func (c importCommand) load(ctx context.Context, t cli.Terminal, r *archive.Reader) (present int64, err error) {
	if err := r.Manifest.Importable(); err != nil {
		return 0, fmt.Errorf("import: %w", err)
	}
	verified := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "verified", Total: int64(r.Manifest.Last)}
	err = r.Verify(ctx, func(at events.Position) { verified.At(int64(at)) })
	verified.End()
	if err != nil {
		return 0, err
	}
	if at := c.LogPlace(); at.Postgres == "" {
		if err := os.MkdirAll(filepath.Dir(at.Path), 0o700); err != nil {
			return 0, fmt.Errorf("make data directory: %w", err)
		}
	}
	log, closeLog, err := c.OpenLog(ctx, nil, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	if err := stores.Record(ctx, log, events.Access{Command: "events import", Subject: fmt.Sprintf("positions 1 to %d", r.Manifest.Last)}); err != nil {
		return 0, err
	}
	imported := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "imported", Total: int64(r.Manifest.Last)}
	defer imported.End()
	return archive.Import(ctx, log, r, func(at events.Position) { imported.At(int64(at)) })
}
