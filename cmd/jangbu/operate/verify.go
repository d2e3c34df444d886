package operate

import (
	"context"
	"errors"
	"fmt"
	"os"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// shownDifferences is how many differences and damages are printed for people.
const shownDifferences = 20

// VerifyCommand compares the rows with the fold of the log.
type VerifyCommand struct {
	stores.Config
	Campaign []events.Campaign `aliases:"event" placeholder:"ID" sep:"none" help:"Verify this campaign alone, from its own events; given again, those campaigns."`
	Sample   int               `placeholder:"N" help:"Verify N campaigns chosen at random among those that have events or rows, each from its own events."`
	Log      bool              `help:"Verify the log alone."`
	JSON     bool              `help:"Print one JSON object, with every difference."`
}

// Help implements kong's detailed help.
func (VerifyCommand) Help() string {
	return `Starts from the log: reads it once, compares every event with its digest and every stored
link with the hash chain, folds it, and compares every field of every row that is served
with the fold, at the position of its checkpoint. Every campaign of the log must be served,
and every one that is served must be in the log. Services may run meanwhile; nothing is
written. It says how much it compared, and lists what differs: the first 20, with --json all.

Where there is a key store, every campaign with pseudonyms must have its key there, which is
as old as they are, and those whose keys were destroyed must have none.

--campaign and --sample compare the events and rows of their campaigns alone. --log reads no
rows.

Exits with 4 if a row differs, is missing or is too many, if nothing is served of a
projection, if the rows are of another log, or if the log is damaged; with 3 if there is
nothing to compare. "jangbu projections reset --all --campaign ID" mends the rows of a
campaign, "jangbu projections rebuild --all" all rows. No command mends a log: restore it
from a backup, or import an export; what is newer is read again from Kafka.

Examples:
  jangbu verify
  jangbu verify --campaign evt-1 --campaign evt-2 --json
  jangbu verify --sample 100 --database-url postgres://…
  jangbu verify --log
  jangbu verify --log-url postgres://… --rows-url sqlite:///var/tmp/rows.db`
}

// verified is what was compared, as JSON. Its damages and differences come before.
type verified struct {
	OK        bool              `json:"ok"`
	Campaigns int               `json:"campaigns"`
	Rows      int64             `json:"rows"`
	Diverging int               `json:"diverging"`
	Events    int64             `json:"events"`
	Links     int64             `json:"links"`
	Keys      *int              `json:"keys,omitempty"` // that were compared
	Head      events.Position   `json:"head"`
	Lowest    events.Position   `json:"lowestCheckpoint"`
	Sampled   []events.Campaign `json:"sampled,omitempty"`
}

// Run verifies.
func (c VerifyCommand) Run(ctx context.Context, t cli.Terminal) error {
	if err := c.validate(); err != nil {
		return err
	}
	out := findings{terminal: t, asJSON: c.JSON}
	err := c.ReadLog(ctx, func(log events.Log) error {
		if c.Log {
			return c.verifyLog(ctx, t, log, &out)
		}
		return c.verify(ctx, t, log, &out)
	})
	switch {
	case errors.Is(err, readmodel.ErrNotFound), errors.Is(err, replay.ErrNothing):
		err = fmt.Errorf("%w: %w", cli.ErrNothing, err)
	case errors.Is(err, events.ErrUnfinished):
		err = fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	case errors.Is(err, events.ErrGap), errors.Is(err, events.ErrCorrupt):
		err = fmt.Errorf("%w: %w: %s", cli.ErrCheckFailed, err, stores.MendLog)
	}
	return cli.Interruptible(ctx, err, "nothing was changed")
}

func (c VerifyCommand) verify(ctx context.Context, t cli.Terminal, log events.Log, out *findings) (err error) {
	if err := c.RowsPlace().Existing(); err != nil {
		return err
	}
	rows, closeRows, err := c.OpenRows(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRows()) }()
	folded := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "verified"}
	compared := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "compared", Unit: "campaign"}
	keys := privacy.NewKeyCheck()
	found, err := replay.Verify(ctx, replay.VerifyConfig{
		See: keys.See,
		Log: log, Rows: rows, Projections: projections.All(), Campaigns: c.Campaign, Sample: c.Sample,
		Each: out.difference, Damaged: out.damage,
		Progress: func(at, to events.Position) {
			folded.Total = int64(to)
			folded.At(int64(at))
		},
		Compared: func(n, of int) {
			folded.End()
			compared.Total = int64(of)
			compared.At(int64(n))
		},
	})
	folded.End()
	compared.End()
	if err != nil {
		return errors.Join(err, out.end(nil))
	}
	var inStore *int
	if whole := len(c.Campaign) == 0 && c.Sample == 0; whole && found.FirstDamage == nil {
		if inStore, err = c.compareKeys(ctx, log, keys, &found, out.difference); err != nil {
			return errors.Join(err, out.end(nil))
		}
	}
	ok := found.First == nil && found.FirstDamage == nil
	err = out.end(verified{
		Keys: inStore,
		OK:   ok, Campaigns: found.Campaigns, Rows: found.Rows, Diverging: found.Diverging, Events: found.Events,
		Links: found.Links, Head: found.Head, Lowest: found.Lowest, Sampled: found.Sampled,
	})
	if !c.JSON {
		c.print(t, found, inStore)
	}
	switch {
	case err != nil || ok:
		return err
	case found.FirstDamage != nil:
		return damagedLog(found.FirstDamage)
	case found.First.Table == keysTable:
		return fmt.Errorf("%w: %s: restore the key store; where it is lost, jangbu privacy erase --campaign ID gives the campaign's key up",
			cli.ErrCheckFailed, found.First)
	case found.First.Campaign == "":
		return fmt.Errorf("%w: %s: jangbu projections rebuild --all makes rows of this log", cli.ErrCheckFailed, found.First)
	default:
		return fmt.Errorf("%w: %s: jangbu projections reset --all --campaign ID mends a campaign, jangbu projections rebuild --all all of them",
			cli.ErrCheckFailed, found.First)
	}
}

// keysTable stands for the key store in a difference.
const keysTable = "keys"

// compareKeys compares the key store, where there is one, with what the log says of it. It
// returns how many keys it compared; nil where there is none, as beside an imported copy.
func (c VerifyCommand) compareKeys(ctx context.Context, log events.Log, check *privacy.KeyCheck, found *replay.Verified, each func(*replay.Divergence)) (compared *int, err error) {
	if c.LogPlace().Postgres == "" {
		if _, err := os.Stat(c.KeysPath()); err != nil {
			return nil, nil
		}
	}
	keys, closeKeys, err := c.OpenKeys(ctx, log)
	if errors.Is(err, cli.ErrNothing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	n, bound, err := check.Compare(ctx, keys, log, func(of events.Campaign, has, says string) {
		d := &replay.Divergence{Campaign: of, Difference: readmodel.Difference{Table: keysTable, Served: has, Folded: says, Position: found.Head}}
		if found.Differences++; found.First == nil {
			found.First = d
		}
		each(d)
	})
	if !bound {
		return nil, err
	}
	return &n, err
}

// print says how much was compared.
func (c VerifyCommand) print(t cli.Terminal, found replay.Verified, keys *int) {
	if len(found.Sampled) > 0 {
		t.Printf("sampled: %q", found.Sampled)
	}
	if found.FirstDamage != nil {
		t.Printf("verified %d events and %d links; %d places of the log are not as they were written; no rows were compared", found.Events, found.Links, found.Damages)
		return
	}
	t.Printf("compared %d rows of %d campaigns with the fold of %d events; the log ends at %d, the lowest checkpoint is %d",
		found.Rows, found.Campaigns, found.Events, found.Head, found.Lowest)
	if found.Links > 0 {
		t.Printf("the chain is intact: every digest, and %d links", found.Links)
	}
	if keys != nil {
		t.Printf("compared %d keys of campaigns with the log", *keys)
	}
	switch {
	case found.First == nil && len(c.Campaign) > 0:
		t.Printf("the rows of these campaigns equal the fold")
	case found.First == nil && c.Sample > 0:
		t.Printf("the rows of the sample equal the fold")
	case found.First == nil:
		t.Printf("rows equal the fold")

	default:
		t.Printf("differences: %d; campaigns that differ: %d", found.Differences, found.Diverging)
	}
}

// damagedLog says that the log is not as it was written.
func damagedLog(first *replay.Damage) error {
	return fmt.Errorf("%w: the log is not as it was written, first at %s: %s", cli.ErrCheckFailed, first, stores.MendLog)
}

// chainVerified is the result of --log as JSON.
type chainVerified struct {
	OK     bool            `json:"ok"`
	Events int64           `json:"events"`
	Links  int64           `json:"links"`
	Head   events.Position `json:"head"`
	Link   string          `json:"link"`
}

// damage is a place where the log is not as it was written, as JSON.
type damage struct {
	Position events.Position `json:"position"`
	Problem  string          `json:"problem"`
}

// verifyLog verifies the chain.
func (c VerifyCommand) verifyLog(ctx context.Context, t cli.Terminal, log events.Log, out *findings) error {
	p := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "verified"}
	found, err := replay.VerifyChain(ctx, replay.ChainConfig{
		Log: log, Each: out.damage,
		Progress: func(at, head events.Position) {
			p.Total = int64(head)
			p.At(int64(at))
		},
	})
	p.End()
	if err == nil && found.Events == 0 && found.First == nil {
		err = fmt.Errorf("the log has no event: %w", replay.ErrNothing)
	}
	if err != nil {
		return errors.Join(err, out.end(nil))
	}
	err = out.end(chainVerified{OK: found.First == nil, Events: found.Events, Links: found.Links, Head: found.End.Position, Link: found.End.Link.String()})
	switch {
	case c.JSON:
	case found.First == nil:
		t.Printf("verified %d events and %d links; the chain is intact up to position %d: %s", found.Events, found.Links, found.End.Position, found.End.Link)
	default:
		t.Printf("verified %d events and %d links; %d places are not as they were written", found.Events, found.Links, found.Damages)
	}
	if err == nil && found.First != nil {
		err = damagedLog(found.First)
	}
	return err
}

func (c VerifyCommand) validate() error {
	var wrong cli.Problems
	c.Check(wrong.Add)
	if c.Sample < 0 {
		wrong.Add("sample", "%d is not at least 1", c.Sample)
	}
	if c.Log && (len(c.Campaign) > 0 || c.Sample != 0) {
		wrong.Add("log", "the chain goes over all events; give neither --campaign nor --sample")
	}
	if len(c.Campaign) > 0 && c.Sample != 0 {
		wrong.Add("sample", "--campaign names the campaigns already")
	}
	return wrong.Err()
}
