package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

// VerifyCommand compares the rows with the fold of the log.
type VerifyCommand struct {
	stores.Config
	Campaign events.Campaign `aliases:"event" placeholder:"ID" help:"Verify this campaign alone, from its own events."`
	Sample   int             `placeholder:"N" help:"Verify N campaigns chosen at random among those that have rows, each from its own events."`
	Log      bool            `help:"Verify the log alone: recompute its hash chain from the stored events."`
	JSON     bool            `help:"Print what was found as one JSON object."`
}

// Help implements kong's detailed help.
func (VerifyCommand) Help() string {
	return `Reads the log once, folds it in memory and compares every field of every row that is
served, at the position of its checkpoint. Services may run meanwhile; nothing is
written. All campaigns need memory for all rows. --campaign and --sample need little, but
find no damage to the log outside their campaigns, and no campaign whose rows are all
lost.

--log reads the log once and no rows. It recomputes the digest of every event from its
stored form and the hash chain from the digests, compares both with what is stored, and
names the first position that differs.

Exits with 4 if a row differs, is missing or is too many, if the rows are of another log,
or if the log is damaged; with 3 if there is no such campaign. "jangbu projections reset"
of the campaign, or a rebuild, mends rows that differ.

Examples:
  jangbu verify
  jangbu verify --campaign evt-1 --json
  jangbu verify --sample 100 --database-url postgres://…
  jangbu verify --log
  jangbu verify --log-url postgres://… --rows-url sqlite:///var/tmp/rows.db`
}

// verified is the result as JSON.
type verified struct {
	OK        bool              `json:"ok"`
	Campaigns int               `json:"campaigns"`
	Diverging int               `json:"diverging"`
	Events    int64             `json:"events"`
	Head      events.Position   `json:"head"`
	Lowest    events.Position   `json:"lowestCheckpoint"`
	Sampled   []events.Campaign `json:"sampled,omitempty"`
	First     *divergence       `json:"firstDivergence,omitempty"`
}

// divergence is one field that is not the fold, as JSON.
type divergence struct {
	Campaign events.Campaign `json:"eventId,omitempty"`
	Table    string          `json:"table"`
	Key      string          `json:"key,omitempty"`
	Field    string          `json:"field,omitempty"`
	Served   string          `json:"served"`
	Folded   string          `json:"folded"`
	Position events.Position `json:"position"`
}

// Run verifies.
func (c VerifyCommand) Run(ctx context.Context, t cli.Terminal) error {
	if err := c.validate(); err != nil {
		return err
	}
	verify := c.verify
	if c.Log {
		verify = c.verifyLog
	}
	err := c.WithLog(ctx, func(log events.Log) error { return verify(ctx, t, log) })
	return cli.Interruptible(ctx, err, "nothing was changed")
}

func (c VerifyCommand) verify(ctx context.Context, t cli.Terminal, log events.Log) (err error) {
	if err := c.RowsPlace().Existing(); err != nil {
		return err
	}
	rows, closeRows, err := c.OpenRows(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeRows()) }()
	folded := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "folded"}
	compared := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "compared", Unit: "campaign"}
	found, err := replay.Verify(ctx, replay.VerifyConfig{
		Log: log, Rows: rows, Projections: projections.All(), Campaign: c.Campaign, Sample: c.Sample,
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
	switch {
	case errors.Is(err, readmodel.ErrNotFound):
		return fmt.Errorf("%w: %w", cli.ErrNothing, err)
	case errors.Is(err, events.ErrGap), errors.Is(err, events.ErrCorrupt):
		return fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	case err != nil:
		return err
	}
	if err := c.print(t, found); err != nil {
		return err
	}
	if found.First != nil {
		return fmt.Errorf("%w: %s", cli.ErrCheckFailed, found.First)
	}
	return nil
}

// chainVerified is the result of --log as JSON.
type chainVerified struct {
	OK     bool            `json:"ok"`
	Events int64           `json:"events"`
	Head   events.Position `json:"head"`
	Link   string          `json:"link"`
	First  *damage         `json:"firstDamage,omitempty"`
}

// damage is a place where the log is not as it was written, as JSON.
type damage struct {
	Position events.Position `json:"position"`
	Problem  string          `json:"problem"`
}

// verifyLog verifies the chain.
func (c VerifyCommand) verifyLog(ctx context.Context, t cli.Terminal, log events.Log) error {
	p := cli.Progress{Terminal: t, Quiet: c.JSON, Verb: "verified"}
	found, err := replay.VerifyChain(ctx, log, func(at, head events.Position) {
		p.Total = int64(head)
		p.At(int64(at))
	})
	p.End()
	switch {
	case errors.Is(err, events.ErrGap), errors.Is(err, events.ErrCorrupt):
		return fmt.Errorf("%w: %w", cli.ErrCheckFailed, err)
	case err != nil:
		return err
	}
	if c.JSON {
		out := chainVerified{OK: found.First == nil, Events: found.Events, Head: found.End.Position, Link: found.End.Link.String()}
		if found.First != nil {
			first := damage(*found.First)
			out.First = &first
		}
		err = json.NewEncoder(t.Out).Encode(out)
	} else {
		t.Printf("verified %d events; the chain is intact up to position %d: %s", found.Events, found.End.Position, found.End.Link)
	}
	if err == nil && found.First != nil {
		err = fmt.Errorf("%w: the log is not as it was written, first at %s", cli.ErrCheckFailed, found.First)
	}
	return err
}

func (c VerifyCommand) validate() error {
	var wrong cli.Problems
	c.Check(wrong.Add)
	if c.Sample < 0 {
		wrong.Add("sample", "%d is not at least 1", c.Sample)
	}
	if c.Log && (c.Campaign != "" || c.Sample != 0) {
		wrong.Add("log", "the chain goes over all events; give neither --campaign nor --sample")
	}
	if c.Campaign != "" && c.Sample != 0 {
		wrong.Add("sample", "--campaign names the only campaign already")
	}
	return wrong.Err()
}

func (c VerifyCommand) print(t cli.Terminal, found replay.Verified) error {
	if c.JSON {
		out := verified{
			OK: found.First == nil, Campaigns: found.Campaigns, Diverging: found.Diverging, Events: found.Events,
			Head: found.Head, Lowest: found.Lowest, Sampled: found.Sampled,
		}
		if found.First != nil {
			first := divergence(*found.First)
			out.First = &first
		}
		return json.NewEncoder(t.Out).Encode(out)
	}
	if len(found.Sampled) > 0 {
		t.Printf("sampled: %q", found.Sampled)
	}
	t.Printf("compared %d campaigns with the fold of %d events; the log ends at %d, the lowest checkpoint is %d",
		found.Campaigns, found.Events, found.Head, found.Lowest)
	switch {
	case found.First == nil:
		t.Printf("rows equal the fold")
	case found.First.Campaign == "":
		t.Printf("the rows are of another log")
	default:
		t.Printf("%d of them differ; standard error says where first", found.Diverging)
	}
	return nil
}
