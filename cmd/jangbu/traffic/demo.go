package traffic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/events/channels/simulator"
	"jangbu/events/synthetic"
)

// DemoCommand runs a service with generated traffic in a temporary directory.
type DemoCommand struct {
	HTTPAddr string `env:"JANGBU_HTTP_ADDR" default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where the read API listens (${default}: any free port)."`
	trafficConfig
	Rate  float64       `default:"0" help:"Registrations a second, as a load on the campaigns that run (${default}: as people come)."`
	For   time.Duration `placeholder:"DURATION" help:"End after this time."`
	Chaos bool          `help:"Let the channel APIs fail in every way, one after another."`
	JSON  bool          `help:"Print one JSON object for each line."`
	cli.LogConfig
}

// Help implements kong's detailed help.
func (DemoCommand) Help() string {
	return `Starts every part in a temporary directory, on free ports: broker, log, rows, API,
simulated channel APIs and generated traffic. Shows the pipeline at work until it is
interrupted, and leaves nothing behind.

The traffic is that of six small shops, each with a campaign that is planned, one that
runs, one that ends today, one that has ended well and one that has ended badly. Their
last weeks are there at the start; then people register as they would at this hour in
Seoul, one to three a minute at the busiest, one a minute at night. With --rate they
register as fast as it says, which is a load and no longer like life.

With --chaos the channel APIs hang, break off, send garbage and refuse; the figures on the
dashboards only ever grow. A fault can also be set by hand: curl -X PUT -d hang
CONTROL-URL/sns begins one, curl -X DELETE ends it.

Examples:
  jangbu demo
  jangbu demo --chaos
  jangbu demo --rate 2000 --malformed 0.01
  jangbu demo --for 30s --json`
}

const (
	// demoQuiet is the longest time without a registration, also at night.
	demoQuiet = time.Minute
	// demoGlance is how often the start looks whether the past is there.
	demoGlance = 50 * time.Millisecond
	// demoInterval is how often the channels are polled: often enough to see figures grow.
	demoInterval = 10 * time.Second
)

// Run runs the demo.
func (c DemoCommand) Run(ctx context.Context, t cli.Terminal) (err error) {
	var wrong cli.Problems
	c.validate(c.Rate, wrong.Add)
	if err := wrong.Err(); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	if c.For > 0 {
		timer := time.AfterFunc(c.For, end)
		defer timer.Stop()
	}
	c.Quiet()
	logger := c.Logger(t)
	dir, err := os.MkdirTemp("", "jangbu-demo-")
	if err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	now := time.Now()
	shops, err := synthetic.NewShowcase(c.traffic(now, stores.DefaultTopics().Topics()))
	if err != nil {
		return err
	}
	const key = "demo"
	simulated, err := simulator.Start(ctx, simulator.Config{Key: key, Since: now, Figure: shops.Figure, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, simulated.Close()) }()
	cfg, err := c.config(dir, key, simulated)
	if err != nil {
		return err
	}
	s, err := service.Start(ctx, cfg, logger)
	if err != nil {
		return err
	}
	s.Print(t, c.JSON)
	t.Print(c.JSON, service.PartLine{Part: "channels", At: simulated.ControlURL(), Kind: "simulated"})
	if err := c.startTraffic(ctx, s, t, shops, simulated); err != nil {
		end()
		return errors.Join(err, s.Close())
	}
	return s.Wait(ctx)
}

// config returns a service with all parts embedded, on free ports, that polls the simulated
// channels.
func (c DemoCommand) config(dir, key string, simulated *simulator.Simulator) (service.Config, error) {
	path := filepath.Join(dir, "channel.key")
	if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
		return service.Config{}, fmt.Errorf("write key of channels: %w", err)
	}
	api := func(a simulator.API) service.ChannelAPI {
		return service.ChannelAPI{URL: simulated.URL(a), KeyFile: path}
	}
	cfg := service.Embedded(dir)
	cfg.HTTPAddr, cfg.LogConfig = c.HTTPAddr, c.LogConfig
	cfg.Wooridongnetv, cfg.Genietv, cfg.SNS = api(simulator.WooridongneTV), api(simulator.GenieTV), api(simulator.SNS)
	cfg.PollInterval, cfg.PollIntervalMax, cfg.ChannelRoots = demoInterval, demoInterval, simulated.Roots()
	return cfg, nil
}

// startTraffic publishes the past and starts the traffic and the lines that show it.
func (c DemoCommand) startTraffic(ctx context.Context, s *service.Service, t cli.Terminal, shops *synthetic.Showcase, simulated *simulator.Simulator) error {
	producer, err := kafka.NewProducer(s.Kafka())
	if err != nil {
		return err
	}
	past := shops.Past()
	if err := producer.Produce(ctx, past); err != nil {
		return errors.Join(fmt.Errorf("publish the last weeks: %w", err), producer.Close())
	}
	for received := int64(0); received < int64(len(past)) && pass(ctx, demoGlance); { // or it would be shown half
		totals, err := s.Totals(ctx)
		if lag, ok := s.Lag(totals.Head); err == nil && ok && lag == 0 {
			received = totals.Received
		}
	}
	base := "http://" + s.HTTPAddr()
	open := shownDashboard{Open: base + "/#/stores/" + string(shops.Shops()[0]), Shops: shops.Shops()}
	campaign, title := shops.Liveliest()
	open.Watch, open.title = base+"/api/events/"+string(campaign)+"/analytics", title
	t.Print(c.JSON, open)
	s.Go(func() error {
		var err error
		if c.Rate > 0 {
			g := shops.Load(time.Now(), time.Duration(float64(time.Second)/c.Rate))
			err = register(ctx, producer, g, 0, c.Rate, func(int) {})
		} else {
			err = come(ctx, producer, shops)
		}
		if ctx.Err() != nil {
			err = nil
		}
		return errors.Join(err, producer.Close())
	})
	if c.Chaos {
		for i, a := range simulator.APIs() {
			s.Go(func() error {
				chaos(ctx, simulated, a, c.Seed+uint64(i), func(f orderedFault) { t.Print(c.JSON, f) })
				return nil
			})
		}
	}
	s.Go(func() error { show(ctx, t, c.JSON, s, open.Open); return nil })
	return nil
}

// come publishes one registration after the other as people come, until ctx ends or all
// have come.
func come(ctx context.Context, p *kafka.Producer, shops *synthetic.Showcase) error {
	for {
		wait, more := shops.Wait(time.Now(), demoQuiet)
		if !more || !pass(ctx, wait) {
			return nil
		}
		if err := p.Produce(ctx, []events.Record{shops.Next(time.Now())}); err != nil {
			return err
		}
	}
}

// shownDashboard is the address of a dashboard to open, and what else there is to see.
type shownDashboard struct {
	Open  string        `json:"open"`
	Watch string        `json:"watch"` // the figures of the campaign that moves most
	Shops []events.Shop `json:"shops"`
	title string
}

// String is the line for people.
func (d shownDashboard) String() string {
	return fmt.Sprintf(`
Open %s

  %s ends today, and moves most. Another campaign runs, one is planned, one
  has ended well and one badly; so it is with the other shops, at the same address:
  %v
  The same figures: curl %s
`, d.Open, d.title, d.Shops[1:], d.Watch)
}

// shownPipeline is the state of the pipeline at one moment.
type shownPipeline struct {
	Head            events.Position `json:"head"`
	EventsPerSecond events.Position `json:"eventsPerSecond"`
	Lag             events.Position `json:"lag"`
	Duplicates      int64           `json:"duplicates"`
	DeadLetters     int64           `json:"deadLetters"`
	Channels        []shownChannel  `json:"channels"`
}

type shownChannel struct {
	API   string `json:"api"`
	State string `json:"state"`
}

// String is the line for people.
func (p shownPipeline) String() string {
	var line strings.Builder
	_, _ = fmt.Fprintf(&line, "%10d %10d %8d %12d %14d", p.Head, p.EventsPerSecond, p.Lag, p.Duplicates, p.DeadLetters)
	for _, c := range p.Channels {
		_, _ = fmt.Fprintf(&line, "  %-13s", c.State)
	}
	return line.String()
}

// head returns the names of the columns.
func (p shownPipeline) head() string {
	var line strings.Builder
	_, _ = fmt.Fprintf(&line, "%10s %10s %8s %12s %14s", "log head", "events/s", "lag", "duplicates", "dead letters")
	for _, c := range p.Channels {
		_, _ = fmt.Fprintf(&line, "  %-13s", c.API)
	}
	return line.String()
}

// show prints the state of the pipeline once a second, and what to open now and again.
func show(ctx context.Context, t cli.Terminal, asJSON bool, s *service.Service, open string) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before events.Totals
	for n := 0; ; n++ {
		totals, err := s.Totals(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			lag, _ := s.Lag(totals.Head)
			now := shownPipeline{
				Head: totals.Head, EventsPerSecond: totals.Head - before.Head, Lag: lag,
				Duplicates: totals.Duplicates, DeadLetters: totals.DeadLettered,
			}
			for _, p := range s.Polled() {
				now.Channels = append(now.Channels, shownChannel{p.Source, shownState(p)})
			}
			if n%20 == 0 && !asJSON {
				if n > 0 {
					t.Printf("Open %s", open)
				}
				t.Printf("%s", now.head())
			}
			t.Print(asJSON, now)
			before = totals
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// shownState returns the state of a breaker, or the pause that its API has asked for.
func shownState(s channels.Status) string {
	if wait := time.Until(s.PausedUntil); wait > 0 {
		return "pauses " + wait.Round(time.Second).String()
	}
	return string(s.Breaker)
}
