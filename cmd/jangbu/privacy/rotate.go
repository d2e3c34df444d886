package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
)

type rotateCommand struct {
	stores.Config
	stores.KeyConfig
	Into   string `aliases:"to" placeholder:"FILE" help:"The next master key; made if there is no such file. Without it, where Jangbu made the master key itself, in the data directory, the next one takes its place."`
	Why    string `placeholder:"TEXT" help:"The reason, for the record: at most 500 characters."`
	Who    string `placeholder:"NAME" help:"Who does it, for the record. Without it, the user of this process."`
	Finish bool   `help:"End the former master key, once every service has been started with the new one."`
	cli.Consent
	JSON bool `help:"Print one JSON object."`
}

// Help implements kong's detailed help.
func (rotateCommand) Help() string {
	return `Wraps every campaign's key with a new master key, in one transaction of the key store,
while services run. Before it the former master key opens everything, after it both do:
services that run go on, and may be started with either. Pseudonyms stay the same, and the
dead letters that are sealed can be retried.

Then start every service with the new master key, and end the former one with --finish,
which is to be given the new one. From then on only the new one opens the key store. A
backup of the key store needs the master key of its time: keep the former one with it.

It says how many keys there are, and asks first. Who rotates, why and when is recorded with the log: jangbu privacy accesses.

The same command goes on with one that was killed. It changes nothing where a campaign's
entry is damaged, which it names, or the last rotation is not finished.

Upgrade every process before the first rotation: those of a release that does not know
rotations would add keys that only the former master key opens.

--finish exits with 3 if no rotation is under way.

Examples:
  jangbu privacy rotate
  jangbu privacy rotate --finish
  jangbu privacy rotate --database-url postgres://… --master-key-file master.key --into next.key
  jangbu privacy rotate --database-url postgres://… --master-key-file next.key --finish`
}

// rotated is what was done as JSON.
type rotated struct {
	Keys      int    `json:"keys"`
	Finished  bool   `json:"finished"`
	MasterKey string `json:"masterKeyFile,omitempty"`
	Former    string `json:"formerKeyFile,omitempty"`
}

// Run rotates, or ends the former master key.
func (c rotateCommand) Run(ctx context.Context, t cli.Terminal) error {
	own := c.MadeKeyPath(&c.Config)
	var wrong cli.Problems
	c.Check(wrong.Add)
	switch {
	case c.Finish && c.Into != "":
		wrong.Add("into", "--finish makes no master key")
	case !c.Finish && c.Into == "" && own == "":
		wrong.Add("into", "required where the master key is not the one that Jangbu made in the data directory")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	return c.WithLog(ctx, func(log events.Log) (err error) {
		keeper, keys, closeKeys, err := c.OpenKeeper(ctx, log, &c.Config, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeKeys()) }()
		if err := c.ask(ctx, t, keys); err != nil {
			return err
		}
		do, what := c.rotate, events.Access{Command: "privacy rotate", Subject: "the master key", Who: c.Who, Why: c.Why}
		if c.Finish {
			do, what.Command = c.finish, "privacy rotate --finish"
		}
		if err := stores.Record(ctx, log, what); err != nil {
			return err
		}
		out, err := do(ctx, keeper, own)
		if err != nil {
			return cli.Interruptible(ctx, explained(err), "the same command goes on")
		}
		return c.print(t, out)
	})
}

// ask asks before the master key changes, or its former one ends.
func (c rotateCommand) ask(ctx context.Context, t cli.Terminal, keys events.Keys) error {
	n := 0
	for after := events.ReservedKey; ; {
		page, err := keys.Campaigns(ctx, after, scanPage)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		n, after = n+len(page), page[len(page)-1]
	}
	if c.Finish {
		return c.Ask(ctx, t, "the former master key does not open the keys of %d campaigns any more", n)
	}
	return c.Ask(ctx, t, "the keys of %d campaigns are wrapped with a new master key", n)
}

// rotate replaces the master key, and then the file of one that Jangbu made itself: whichever is
// there when it is killed opens the store.
func (c rotateCommand) rotate(ctx context.Context, keeper *privacy.Keeper, own string) (out rotated, err error) {
	path := c.Into
	if path == "" {
		path = own + ".new"
	}
	next, err := c.next(keeper, path)
	if err != nil {
		return out, err
	}
	if out.Keys, err = keeper.Rotate(ctx, next); err != nil {
		return out, err
	}
	out.MasterKey = path
	if c.Into == "" {
		out.MasterKey, out.Former = own, own+".former"
		return out, privacy.ReplaceMasterKey(own, path, out.Former)
	}
	return out, nil
}

// next loads the next master key, or makes it.
func (c rotateCommand) next(keeper *privacy.Keeper, path string) (privacy.MasterKey, error) {
	next, err := privacy.LoadMasterKey(path)
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return next, err
	case keeper.Former(): // its file is lost, and the former master key leads to it
		return keeper.SaveMasterKey(path)
	case keeper.Unfinished():
		return next, privacy.ErrUnfinished
	}
	next, err = privacy.CreateMasterKey(path)
	if errors.Is(err, fs.ErrExist) { // by another such command
		return privacy.LoadMasterKey(path)
	}
	return next, err
}

func (c rotateCommand) finish(ctx context.Context, keeper *privacy.Keeper, _ string) (rotated, error) {
	return rotated{Finished: true, MasterKey: c.MasterKeyFile}, keeper.Finish(ctx)
}

// explained says what to do about the errors of a rotation.
func explained(err error) error {
	switch {
	case errors.Is(err, privacy.ErrUnfinished):
		return fmt.Errorf("%w: start every service with the master key of now, then: jangbu privacy rotate --finish", err)
	case errors.Is(err, privacy.ErrFormer):
		return fmt.Errorf("%w: start every service with the new one, and name it here with --master-key-file", err)
	case errors.Is(err, privacy.ErrFinished):
		return fmt.Errorf("%w: %w", cli.ErrNothing, err)
	case errors.Is(err, privacy.ErrDamagedKey):
		return fmt.Errorf("%w; nothing was changed: restore the entry from a backup of the key store, "+
			"or give up the campaign's key: jangbu privacy erase --campaign … --why …", err)
	}
	return err
}

// print says what was done, and what is to be done next.
func (c rotateCommand) print(t cli.Terminal, out rotated) error {
	switch {
	case c.JSON:
		return json.NewEncoder(t.Out).Encode(out)
	case out.Finished:
		t.Printf("only this master key opens the key store from now on; backups of the key store made before need that of their time")
		return nil
	case out.Keys == 0:
		t.Printf("every campaign's key is wrapped with the master key in %s", out.MasterKey) // or was already
	default:
		t.Printf("campaigns' keys wrapped with the master key in %s: %d", out.MasterKey, out.Keys)
	}
	if out.Former != "" {
		t.Printf("the former one is in %s; backups of the key store made before need it", out.Former)
		t.Printf("both open everything: restart every service, then: jangbu privacy rotate --finish")
		return nil
	}
	t.Printf("both it and the former one open everything: start every service with --master-key-file %s, then: jangbu privacy rotate --finish", out.MasterKey)
	t.Printf("backups of the key store made before need the former one")
	return nil
}
