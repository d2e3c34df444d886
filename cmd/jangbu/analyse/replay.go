package analyse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel/dashboard"
)

// ReplayCommand folds the log again, or a part of it.
type ReplayCommand struct {
	stores.Config
	cli.ZoneConfig
	stores.PollConfig
	cli.MemoryConfig
	Source   string          `placeholder:"URL|FILE" help:"What is replayed: a log, as --log-url names it, or an export with its manifest beside it. Without it, the log."`
	Campaign events.Campaign `aliases:"event" placeholder:"ID" help:"One campaign alone."`
	Shop     events.Shop     `aliases:"store" placeholder:"ID" help:"The campaigns of one shop alone."`
	From     events.Position `placeholder:"POSITION" help:"The first position that counts (1)."`
	AsOf     string          `aliases:"to" placeholder:"MOMENT" help:"The last one: a position, an RFC 3339 time up to which events were recorded, or a day such as 2026-11-24, to its end in --tz. Without it, the head. Also --to."`
	Set      []string        `sep:"none" placeholder:"AMOUNT=VALUE|@FILE" help:"What if: an amount in the place of the shop's (prizeCost=500000), a part of it (prizeCost=*0.5) or a change (prizeCost=+10%). A file has lines of campaign,amount,value. Can be repeated; what is of a campaign goes before what is of all."`
	Why      string          `placeholder:"TEXT" help:"The reason, for the record of a replay of more than one campaign: at most 500 characters."`
	Who      string          `placeholder:"NAME" help:"Who does it, for that record. Without it, the user of this process."`
	Out      string          `default:"table" enum:"table,json,csv,parquet" placeholder:"FORM" help:"The form of the output: ${enum} (${default}). Parquet goes to a file: > FILE."`
	JSON     bool            `help:"The same as --out json."`
	Table    *string         `enum:"campaigns,channels,hours,profiles,shops" placeholder:"VIEW" help:"Write one of the views that the rows have in SQL: campaigns, channels, hours, profiles or shops, with all their columns. Days and hours are those of Seoul."`
	Into     string          `placeholder:"FILE" help:"Write the rows to a new SQLite file, to be asked by SQL, and print nothing else."`
}

// Help implements kong's detailed help.
func (ReplayCommand) Help() string {
	return `Folds the log, or a part of it, as the service does, and changes nothing that is served:
what did we know on Tuesday, what if the prize had cost half? Whether a channel was stale
at that moment depends on the polling intervals: give those of the service. Of an export
nothing is printed unless the whole file matches its manifest. A replay of a shop or of
everything is recorded with the log, with who did it and when: jangbu privacy accesses.

Examples:
  jangbu replay
  jangbu replay --campaign evt-1 --as-of 2026-11-24T09:00:00+09:00 --json
  jangbu replay --shop store-1 --set 'prizeCost=*0.5' --set newCustomerLtv=20000
  jangbu replay --set @what-if.csv --json
  jangbu replay --source log.jsonl.zst --as-of 2026-11-24T09:00:00+09:00 --out parquet > tuesday.parquet
  jangbu replay --table channels --as-of 2026-11-24 --out parquet > channels.parquet
  jangbu replay --log-url postgres://… --into rows.db && sqlite3 rows.db 'SELECT * FROM campaigns'`
}

// replayed is the result as JSON.
type replayed struct {
	Events     int64            `json:"events"`  // that were folded
	Through    events.Position  `json:"through"` // the last position that counts
	RecordedAt *time.Time       `json:"recordedAt"`
	Assumed    []string         `json:"assumed,omitempty"` // the values of --set
	Campaigns  []replayedReport `json:"campaigns"`
}

// replayedReport is a campaign's dashboard and, with --set, what it would be.
type replayedReport struct {
	dashboard.Dashboard
	WhatIf *whatIf `json:"whatIf,omitempty"`
}

// whatIf is what a campaign would be.
type whatIf struct {
	Assumed   []dashboard.Assumed `json:"assumed"`
	Summary   dashboard.Summary   `json:"summary"`
	Economics dashboard.Economics `json:"economics"`
}

// Run replays.
func (c ReplayCommand) Run(ctx context.Context, t cli.Terminal) error {
	cfg, location, set, err := c.wanted()
	if err != nil {
		return err
	}
	if c.Out == "parquet" && c.Into == "" && cli.IsTerminal(t.Out) {
		return fmt.Errorf("%w: --out: parquet does not go to a terminal; expected > FILE", cli.ErrUsage)
	}
	defer c.Limit()()
	cfg.Projections = projections.All()
	if c.isExport() {
		return cli.Interruptible(ctx, c.foldExport(ctx, t, cfg, location, set), "nothing was changed")
	}
	err = c.ReadLog(ctx, func(log events.Log) error {
		totals, err := log.Totals(ctx)
		if err != nil {
			return err
		}
		if err := c.reaches(cfg, totals.Head); err != nil {
			return err
		}
		if err := c.record(ctx, log); err != nil {
			return err
		}
		cfg.Log = log
		return c.fold(ctx, t, cfg, location, set)
	})
	return cli.Interruptible(ctx, err, "nothing was changed")
}

// record records a replay of more than one campaign with the log.
func (c *ReplayCommand) record(ctx context.Context, log events.Log) error {
	what := events.Access{Command: "replay", Subject: "everything", Who: c.Who, Why: c.Why}
	switch {
	case c.Campaign != "":
		return nil
	case c.Shop != "":
		what.Subject = fmt.Sprintf("shop %q", c.Shop)
	}
	return stores.Record(ctx, log, what)
}

// fold replays, and prints the result.
func (c *ReplayCommand) fold(ctx context.Context, t cli.Terminal, cfg replay.Config, location *time.Location, set *assumed) error {
	p := cli.Progress{Terminal: t, Quiet: c.Out == "json", Verb: "folded"}
	if cfg.Campaign == "" {
		cfg.Progress = func(at, to events.Position) {
			p.Total = int64(to)
			p.At(int64(at))
		}
	}
	got, err := replay.Run(ctx, cfg)
	p.End()
	if err != nil {
		return err
	}
	unknown := set.unknown(c.Campaign, got.Rows)
	if c.Into != "" {
		return cmp.Or(c.writeInto(ctx, t, got, set), unknown)
	}
	if c.Table != nil {
		return cmp.Or(c.view(ctx, t, got, set), unknown)
	}
	out, err := c.report(got, dashboard.View{Now: got.Moment, Location: location, PollInterval: c.Schedule().Interval, PollAfterEnd: c.Schedule().AfterEnd}, set)
	if err != nil {
		return err
	}
	if len(out.Campaigns) == 0 {
		return fmt.Errorf("%w: no campaign of that kind in %d events", cli.ErrNothing, got.Events)
	}
	return cmp.Or(c.print(t, out), unknown)
}

// print prints the result in the form that was asked for.
func (c *ReplayCommand) print(t cli.Terminal, out replayed) error {
	switch c.Out {
	case "json":
		return json.NewEncoder(t.Out).Encode(out)
	case "csv":
		return out.table(len(c.Set) > 0).CSV(t)
	case "parquet":
		return out.parquet(t.Out, len(c.Set) > 0)
	default:
		out.table(len(c.Set) > 0).Print(t)
		return nil
	}
}

// wanted returns the replay that the flags ask for, without its source, the time zone, and what is
// assumed.
func (c *ReplayCommand) wanted() (r replay.Config, location *time.Location, set *assumed, err error) {
	var wrong cli.Problems
	c.setSource(wrong.Add)
	c.Config.Check(wrong.Add)
	c.PollConfig.Check(wrong.Add)
	location = zone(wrong.Add, c.ZoneConfig)
	if c.From < 0 {
		wrong.Add("from", "expected a position, 1 or more")
	}
	last := moment(wrong.Add, "as-of", c.AsOf, location)
	r = replay.Config{Campaign: c.Campaign, After: max(c.From-1, 0), Through: last.Position, AsOf: last.At}
	if r.Through > 0 && r.Through <= r.After {
		wrong.Add("as-of", "is before --from")
	}
	if c.JSON {
		c.Out = "json"
	}
	if set, err = assume(c.Set); err != nil {
		wrong.Add("set", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if c.Into != "" {
		if c.Campaign != "" || c.Shop != "" || c.From > 1 {
			wrong.Add("into", "writes the rows of the whole log up to --as-of: it goes with none of --campaign, --shop, --from")
		}
		if c.Table != nil {
			wrong.Add("table", "is written to the output: it does not go with --into")
		}
		if _, err := os.Lstat(c.Into); !errors.Is(err, fs.ErrNotExist) {
			wrong.Add("into", "%s is there already", c.Into)
		}
	}
	return r, location, set, wrong.Err()
}

// report returns the result for the campaigns of the shop, or for all.
func (c *ReplayCommand) report(got replay.Result, v dashboard.View, set *assumed) (replayed, error) {
	out := replayed{Events: got.Events, Through: got.Through, Assumed: c.Set, Campaigns: []replayedReport{}}
	if !got.RecordedAt.IsZero() {
		at := got.RecordedAt.In(v.Location)
		out.RecordedAt = &at
	}
	for _, rows := range got.Rows.ByCampaign() {
		if c.Shop != "" && rows.Campaign().Shop != c.Shop {
			continue
		}
		one := replayedReport{Dashboard: dashboard.New(rows, v)}
		if len(c.Set) > 0 {
			replaced, err := set.Apply(rows.Campaign())
			if err != nil {
				return replayed{}, fmt.Errorf("%w: --set: %w", cli.ErrUsage, err)
			}
			would := dashboard.New(rows, v)
			one.WhatIf = &whatIf{replaced, would.Summary, would.Economics}
		}
		out.Campaigns = append(out.Campaigns, one)
	}
	return out, nil
}

// writeInto writes the rows to a file of SQLite that a service could serve or, where they rest on
// assumptions, must not.
func (c *ReplayCommand) writeInto(ctx context.Context, t cli.Terminal, got replay.Result, set *assumed) error {
	link, err := c.assumeIn(got, set)
	if err != nil {
		return err
	}
	rows, err := storeRows(ctx, c.Into, got, link)
	if err == nil {
		err = rows.Close()
	}
	if err != nil {
		_ = os.Remove(c.Into) // incomplete
		return err
	}
	if c.Out == "json" {
		return json.NewEncoder(t.Out).Encode(struct {
			Events  int64           `json:"events"`
			Through events.Position `json:"through"`
			Into    string          `json:"into"`
			Assumed []string        `json:"assumed,omitempty"`
		}{got.Events, got.Through, c.Into, c.Set})
	}
	under := ""
	if len(c.Set) > 0 {
		under = ", assuming " + cli.Printable(strings.Join(c.Set, ", ")) + "; they are not served"
	}
	t.Printf("%d events through position %d, %d campaigns, in %s%s", got.Events, got.Through, len(got.Rows.Campaigns()), c.Into, under)
	return nil
}
