package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

type benchReplayCommand struct {
	Events      int    `default:"1000000" help:"Events to make (${default})."`
	Campaigns   int    `default:"1000" help:"Campaigns of these events (${default})."`
	DatabaseURL string `placeholder:"URL" help:"A PostgreSQL server on which a database is made, and dropped in the end. Without one, SQLite in a temporary directory."`
	JSON        bool   `help:"Print the result as one JSON object."`
	cli.LogConfig
}

// Help implements kong's detailed help.
func (benchReplayCommand) Help() string {
	return `Makes a log of a week's traffic in a scratch database and folds it into rows. Then, one
after another, it folds the whole log in memory, as "jangbu replay" does; reads the same columns of
the same rows and discards them, by COPY on PostgreSQL or a scan on SQLite; and rebuilds
all projections, as "jangbu projections rebuild --all" does, from the request to the
switch. Then it resets the campaign whose number of events is nearest to 10,000. Each is
done five times; the medians are printed.

Examples:
  jangbu bench replay
  jangbu bench replay --events 1000000 --database-url postgres://… --json`
}

// benchReplay is the result, as JSON.
type benchReplay struct {
	Events                 int     `json:"events"`
	ReplayEventsPerSecond  float64 `json:"replayEventsPerSecond"`
	RebuildEventsPerSecond float64 `json:"rebuildEventsPerSecond"`
	BareEventsPerSecond    float64 `json:"bareEventsPerSecond"`
	ReplayRatio            float64 `json:"replayRatio"`
	PeakMemoryMiB          float64 `json:"peakMemoryMiB"`
	Rows                   int     `json:"rows"`
	FollowEventsPerSecond  float64 `json:"followEventsPerSecond"`
	ResetEvents            int     `json:"resetEvents"`
	ResetMs                float64 `json:"resetMs"`
}

// Run measures.
func (c benchReplayCommand) Run(ctx context.Context, t cli.Terminal) (err error) {
	var wrong cli.Problems
	if c.Events < 1 {
		wrong.Add("events", "%d is not at least 1", c.Events)
	}
	if c.Campaigns < 1 || c.Campaigns > 1_000_000 {
		wrong.Add("campaigns", "%d is not from 1 to 1,000,000", c.Campaigns)
	}
	if u, e := stores.ParsePlace(c.DatabaseURL); c.DatabaseURL != "" && (e != nil || u.Postgres == "") {
		wrong.Add("database-url", "expected postgres://…")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	c.Quiet()
	defer cli.MemoryConfig{}.Limit()()
	scratch, err := newScratch(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.drop(context.WithoutCancel(ctx))) }()
	counts, err := scratch.fill(ctx, c.Events, c.Campaigns, func(n int) {
		if !c.JSON {
			t.Notef("%d of %d events made", n, c.Events)
		}
	})
	if err != nil {
		return err
	}
	result, err := c.measure(ctx, scratch, counts, c.Logger(t))
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(result)
	}
	t.Printf(`%d events, %d campaigns, %d rows
replay        %10.0f events/s, in memory
bare          %10.0f events/s, read and discarded
ratio         %10.2f
rebuild       %10.0f events/s, all projections, to the switch
follow        %10.0f events/s, from nothing, a batch at a time
reset         %10.1f ms, a campaign of %d events
peak memory   %10.0f MiB`,
		result.Events, c.Campaigns, result.Rows, result.ReplayEventsPerSecond, result.BareEventsPerSecond, result.ReplayRatio,
		result.RebuildEventsPerSecond, result.FollowEventsPerSecond, result.ResetMs, result.ResetEvents, result.PeakMemoryMiB)
	return nil
}

// measure follows the log to its end, and then measures the others in alternation, so that a
// machine that gets slower or faster meanwhile favours none.
func (c benchReplayCommand) measure(ctx context.Context, s *scratch, counts map[events.Campaign]int, logger *slog.Logger) (out benchReplay, err error) {
	out.Events = c.Events
	start := time.Now()
	stop, err := s.follow(ctx, events.Position(c.Events), logger)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	out.FollowEventsPerSecond = perSecond(c.Events, time.Since(start))

	var names []string
	for _, p := range projections.All() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	var replays, bares, rebuilds []time.Duration
	for range benchRounds {
		took, rows, err := s.replay(ctx)
		if err != nil {
			return out, err
		}
		replays, out.Rows = append(replays, took), rows
		if took, err = timed(func() error { return s.bare(ctx) }); err != nil {
			return out, err
		}
		bares = append(bares, took)
		if took, err = s.operate(ctx, readmodel.Operation{Kind: readmodel.Rebuild, Projections: names}); err != nil {
			return out, err
		}
		rebuilds = append(rebuilds, took)
	}
	out.ReplayEventsPerSecond = perSecond(c.Events, median(replays))
	out.BareEventsPerSecond = perSecond(c.Events, median(bares))
	out.ReplayRatio = out.ReplayEventsPerSecond / out.BareEventsPerSecond
	out.RebuildEventsPerSecond = perSecond(c.Events, median(rebuilds))

	campaign := nearest(counts, 10_000)
	out.ResetEvents = counts[campaign]
	var resets []time.Duration
	for range benchRounds {
		took, err := s.operate(ctx, readmodel.Operation{Kind: readmodel.Reset, Projections: names, Campaign: campaign})
		if err != nil {
			return out, err
		}
		resets = append(resets, took)
	}
	out.ResetMs = median(resets).Seconds() * 1000
	out.PeakMemoryMiB = cli.PeakMemoryMiB()
	return out, nil
}

func (s *scratch) replay(ctx context.Context) (took time.Duration, rows int, err error) {
	took, err = timed(func() error {
		got, err := replay.Run(ctx, replay.Config{Log: s.log, Projections: projections.All()})
		if err == nil {
			rows = got.Rows.Len()
		}
		return err
	})
	return took, rows, err
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// nearest returns the campaign whose number of events is nearest to n; of several, the
// first by name.
func nearest(counts map[events.Campaign]int, n int) (c events.Campaign) {
	best := -1
	for campaign, count := range counts {
		if d := max(count-n, n-count); best < 0 || d < best || d == best && campaign < c {
			best, c = d, campaign
		}
	}
	return c
}
