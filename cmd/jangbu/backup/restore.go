package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/backup"
	"jangbu/events/privacy"
)

// RestoreCommand puts a backup where there is nothing.
type RestoreCommand struct {
	stores.Config
	cli.ZoneConfig
	stores.KeyConfig
	Dir  string `arg:"" name:"dir" help:"The directory of the backup."`
	JSON bool   `help:"Print the result as one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (RestoreCommand) Help() string {
	return `Puts a backup into an empty data directory, or an empty database, and into nothing else. The
whole backup is verified against its manifest before anything is written, and what was
written is read back against its hash chain before the command says that it is done. Until
then no service starts on the log, and the same command goes on with an interrupted one.
No service may run on it meanwhile.

Put the master key back, too: the command says whether it opens the restored keys. Then
start the service. It reads from Kafka what is newer than the backup, and folds the rows.
In a data directory the files of the broker may be there already, and the master key.

Exits with 3 where there is no whole backup, and with 4 if it is not as it was written, or
the master key is another one.

Examples:
  jangbu restore /backup/2026-11-30
  jangbu restore /backup/2026-11-30 --database-url postgres://jangbu@db/jangbu --master-key-file master.key --json`
}

// restored is what was restored as JSON.
type restored struct {
	Manifest backup.Manifest `json:"backup"`
	// MasterKey says whether the master key opens the restored keys: "fits", or "missing".
	MasterKey string `json:"masterKey"`
}

// Run restores the backup.
func (c RestoreCommand) Run(ctx context.Context, t cli.Terminal) error {
	if err := c.Checked(); err != nil {
		return err
	}
	b, err := backup.Open(c.Dir)
	if err != nil {
		return judged(err)
	}
	began := time.Now()
	out, err := c.restore(ctx, t, b)
	if err != nil {
		return cli.Interruptible(ctx, judged(err), "the same command goes on")
	}
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(out)
	}
	times, err := c.Times()
	if err != nil {
		return err
	}
	m := b.Manifest
	t.Printf("restored %d events, %d dead letters, %d sources and %d keys taken at %s, in %v", m.Head, m.DeadLetters(), m.Sources(), m.Keys(), times.Format(m.TakenAt), time.Since(began).Round(time.Millisecond))
	t.Printf("the log ends at position %d: %s", m.Head, m.Link)
	if out.MasterKey == "missing" {
		t.Printf("there is no master key: put it back before a service starts")
	}
	return nil
}

// judged gives an error of a backup its exit code.
func judged(err error) error {
	switch {
	case errors.Is(err, backup.ErrIncomplete):
		return fmt.Errorf("%w: %w", cli.ErrNothing, err)
	case errors.Is(err, backup.ErrDamaged):
		return fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	}
	return err
}

func (c RestoreCommand) restore(ctx context.Context, t cli.Terminal, b *backup.Backup) (out restored, err error) {
	steps := steps{Terminal: t, quiet: c.JSON}
	defer steps.end()
	if err := b.Verify(ctx, steps.at); err != nil {
		return out, err
	}
	if at := c.LogPlace(); at.Postgres == "" {
		for _, dir := range []string{filepath.Dir(at.Path), filepath.Dir(c.KeysPath())} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return out, fmt.Errorf("make data directory: %w", err)
			}
		}
	}
	log, closeLog, err := c.OpenLog(ctx, nil, nil)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	keys, closeKeys, err := c.OpenKeys(ctx, log)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	record := func(ctx context.Context) error {
		return stores.Record(ctx, log, events.Access{Command: "restore", Subject: fmt.Sprintf("positions 1 to %d, dead letters and keys", b.Manifest.Head)})
	}
	if err := b.Restore(ctx, log, keys, record, steps.at); err != nil {
		return out, err
	}
	out = restored{b.Manifest, "fits"}
	master, err := c.ExistingMasterKey(&c.Config)
	if err != nil && c.MasterKeyFile == "" {
		out.MasterKey = "missing"
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("%w: everything is restored, but the master key cannot be read: %w", cli.ErrCheckFailed, err)
	}
	if _, err := privacy.Open(ctx, privacy.Unwritten(keys), master); err != nil {
		return out, fmt.Errorf("%w: everything is restored, but: %w", cli.ErrCheckFailed, err)
	}
	return out, nil
}
