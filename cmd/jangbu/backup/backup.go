package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/backup"
)

// Command makes a backup.
type Command struct {
	stores.Config
	Dir  string `arg:"" name:"dir" help:"The directory to write: an empty one, or one that is not there."`
	Why  string `required:"" placeholder:"TEXT" help:"The reason, for the record: at most 500 characters, no phone number."`
	Who  string `placeholder:"NAME" help:"Who does it, for the record. Without it, the user of this process."`
	JSON bool   `help:"Print the manifest as one JSON object, and no progress."`

	// Program is the version that the manifest names.
	Program string `kong:"-"`
}

// Help implements kong's detailed help.
func (Command) Help() string {
	return `Copies the log, its dead letters, how far the sources have been read, the records of accesses,
erasures and withdrawn rights, and the campaigns' keys. Services may run meanwhile, and
what they read meanwhile is read again from Kafka after a restore. The directory is a
backup once its manifest.json is there, which is written last; an interrupted command takes
away what it wrote.

The master key is not copied: keep it apart. With it the keys and the dead letters of the
backup can be opened, which hold personal data; without it they cannot be, by you either.
Rows and caches are not copied, for they are folded again, nor is a broker that is embedded.

Who copies and why is recorded with the log: jangbu privacy accesses.

Examples:
  jangbu backup /backup/2026-11-30 --why "every night"
  jangbu backup ./copy --why "before the upgrade, OPS-412" --database-url postgres://jangbu@db/jangbu --json`
}

// Run makes the backup.
func (c Command) Run(ctx context.Context, t cli.Terminal) error {
	what := events.Access{Command: "backup", Subject: "the log, dead letters and keys", Who: cmp.Or(c.Who, cli.Operator()), Why: c.Why}
	if err := what.Check(); err != nil {
		return fmt.Errorf("%w: --%w", cli.ErrUsage, err)
	}
	return c.WithLog(ctx, func(log events.Log) (err error) {
		if at := c.LogPlace(); at.Postgres == "" {
			if _, err := os.Stat(c.KeysPath()); err != nil {
				return fmt.Errorf("there is no key store at %s, without which a copy would be no backup; --data-dir says where it is", c.KeysPath())
			}
		}
		keys, closeKeys, err := c.OpenKeys(ctx, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeKeys()) }()
		if err := backup.Create(c.Dir); err != nil {
			return err
		}
		if err := stores.Record(ctx, log, what); err != nil {
			return err
		}
		steps := steps{Terminal: t, quiet: c.JSON}
		began := time.Now()
		m, err := backup.Write(ctx, c.Dir, log, keys, cmp.Or(c.Program, "(devel)"), steps.at)
		steps.end()
		if err != nil {
			return cli.Interruptible(ctx, err, "nothing is left of it in "+c.Dir)
		}
		if c.JSON {
			return json.NewEncoder(t.Out).Encode(m)
		}
		t.Printf("backed up %d events, %d dead letters, %d sources and %d keys to %s, in %v", m.Head, m.DeadLetters(), m.Sources(), m.Keys(), c.Dir, time.Since(began).Round(time.Millisecond))
		t.Printf("the log ends at position %d: %s", m.Head, m.Link)
		t.Printf("keep apart from it: the master key, and the key of the cache where it is a file")
		return nil
	})
}

// steps shows the progress of each step after the other.
type steps struct {
	cli.Terminal
	quiet bool
	now   *cli.Progress
}

func (s *steps) at(verb string, at, of events.Position) {
	if s.now == nil || s.now.Verb != verb {
		s.end()
		s.now = &cli.Progress{Terminal: s.Terminal, Quiet: s.quiet, Verb: verb, Total: int64(of)}
	}
	s.now.At(int64(at))
}

func (s *steps) end() {
	if s.now != nil {
		s.now.End()
		s.now = nil
	}
}
