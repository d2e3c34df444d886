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
	"jangbu/events/bus"
)

type deadLettersRetryCommand struct {
	stores.Config
	stores.KeyConfig
	stores.TopicConfig
	IDs    []string `arg:"" optional:"" name:"id" help:"The letters' IDs, as list shows them."`
	All    bool     `help:"All letters that have not been discarded."`
	Reason string   `placeholder:"REASON" help:"The letters with this reason: malformed, unknown-type, conflict, other-shop or key."`
	Why    string   `required:"" placeholder:"TEXT" help:"Why the records are opened, for the record: at most 500 characters that name no person."`
	Who    string   `placeholder:"NAME" help:"Who does it, for the record. Without it, the user of this process."`
	DryRun bool     `help:"Print what would pass, and change no letter."`
	JSON   bool     `help:"Print one JSON object, and no progress."`
}

// Help implements kong's detailed help.
func (deadLettersRetryCommand) Help() string {
	return `Decodes dead letters with this version, in the order of their records, as if they arrived
now. A letter that passes is appended to the log, or found there as a duplicate, and ends
as a dead letter; the others stay and are counted by what is wrong with them now. It needs
the master key under which the letters were sealed, and the same names of topics as the
service. Who opens the records, why and when is recorded with the log, also of a trial: jangbu
privacy accesses. A service may run meanwhile. The same command goes on with a retry that was
interrupted or killed; IDs of letters that were discarded are printed on standard error.

Exits with 3 if there is no such letter, or all were discarded, and with 4 if some stay, or
with --dry-run would stay.

Examples:
  jangbu deadletters retry --all --why "after the release" --dry-run
  jangbu deadletters retry --reason unknown-type --why "the type is known now"
  jangbu deadletters retry 01890a5d-ac96-874b-bcce-b302099a8057 --why "till of shop 7" --json
  jangbu deadletters retry --all --why "OPS-412" --database-url postgres://… --master-key-file master.key`
}

// Run tries the letters again.
func (c deadLettersRetryCommand) Run(ctx context.Context, t cli.Terminal) error {
	chosen, err := newSelection(c.IDs, c.All, c.Reason)
	if err != nil {
		return err
	}
	var wrong cli.Problems
	c.Config.Check(wrong.Add)
	c.TopicConfig.Check(wrong.Add)
	if err := wrong.Err(); err != nil {
		return err
	}
	return c.WithLog(ctx, func(log events.Log) error {
		result := newRetried(c.DryRun)
		err := c.retry(ctx, t, log, chosen, result)
		if err != nil {
			return cli.Interruptible(ctx, err, fmt.Sprintf("%d dead letters were tried; the same command goes on", result.Letters))
		}
		if result.Letters == 0 {
			return fmt.Errorf("%w: no such dead letter waits", cli.ErrNothing)
		}
		if c.JSON {
			err = json.NewEncoder(t.Out).Encode(result.sorted())
		} else {
			result.sorted().print(t)
		}
		if err == nil && result.Stay > 0 {
			err = fmt.Errorf("%w: %d of %d dead letters stay", cli.ErrCheckFailed, result.Stay, result.Letters)
		}
		return err
	})
}

func (c deadLettersRetryCommand) retry(ctx context.Context, t cli.Terminal, log events.Log, chosen selection, result *retried) (err error) {
	keeper, _, closeKeys, err := c.OpenKeeper(ctx, log, &c.Config, c.DryRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	total, err := chosen.count(ctx, log)
	if err != nil {
		return err
	}
	what := events.Access{Command: "deadletters retry", Subject: chosen.String(), Who: c.Who, Why: c.Why}
	if c.DryRun {
		what.Command += " --dry-run"
	}
	if err := stores.Record(ctx, log, what); err != nil {
		return err
	}
	retrier := &bus.Retrier{Log: log, Privacy: keeper, Topics: c.Topics(), Now: time.Now}
	try := retrier.Retry
	if c.DryRun {
		try = retrier.Try
	}
	p := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "tried", Unit: "through letter", Total: total}
	defer p.End()
	return chosen.each(ctx, t, log, func(letters []events.DeadLetter) error {
		fates, err := try(ctx, letters)
		if err != nil {
			return err
		}
		for i, fate := range fates {
			result.add(letters[i], fate)
		}
		p.At(result.Letters)
		return nil
	})
}
