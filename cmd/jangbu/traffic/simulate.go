package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"jangbu/cmd/jangbu/brokers"
	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/synthetic"
)

// SimulateCommand publishes seeded traffic.
type SimulateCommand struct {
	KafkaBrokers []string `env:"JANGBU_KAFKA_BROKERS" default:"127.0.0.1:9092" placeholder:"HOST:PORT,…" help:"Brokers to publish to (${default})."`
	brokers.ClientConfig
	stores.TopicConfig
	trafficConfig
	Campaigns int     `default:"100" help:"Campaigns (${default}); their popularity follows a Zipf law, the first draws a fifth."`
	Rate      float64 `default:"0" help:"Registrations a second (${default}: as many as the brokers take)."`
	Events    int     `default:"10000" help:"Registrations to publish, duplicates and malformed ones included (${default}; 0: until interrupted)."`
	JSON      bool    `help:"Print the result as one JSON object."`
	cli.LogConfig
}

// trafficConfig is the flags that say what traffic to generate.
type trafficConfig struct {
	Seed       uint64  `default:"1" help:"Seed: equal seeds generate equal campaigns and people (${default})."`
	Duplicates float64 `default:"0" placeholder:"SHARE" help:"Share of registrations that repeat an earlier one, 0 to 1 (${default})."`
	Malformed  float64 `default:"0" placeholder:"SHARE" help:"Share that is malformed, in ten ways, one after another (${default})."`
}

// Help implements kong's detailed help.
func (SimulateCommand) Help() string {
	return `Publishes the campaigns, their distributions, a first report of each channel, and
then registrations. It prints what a log without earlier traffic of the same seed must
hold afterwards.

Examples:
  jangbu simulate
  jangbu simulate --events 200000 --campaigns 1000 --json
  jangbu simulate --events 0 --rate 500 --duplicates 0.05 --malformed 0.01`
}

// simulated is what was published, and what a log must hold for it, as JSON.
type simulated struct {
	Seconds          float64 `json:"seconds"`
	RecordsPerSecond float64 `json:"recordsPerSecond"`
	Records          int64   `json:"records"`
	Campaigns        int64   `json:"campaigns"`
	Distributions    int64   `json:"distributions"`
	ChannelStats     int64   `json:"channelStats"`
	Registrations    int64   `json:"registrations"`
	Expected         struct {
		Events       int64 `json:"events"`
		Participants int64 `json:"participants"`
		Duplicates   int64 `json:"duplicates"`
		DeadLetters  int64 `json:"deadLetters"`
	} `json:"expected"`
	HottestCampaign string `json:"hottestCampaign"`
}

// Run publishes the traffic.
func (c SimulateCommand) Run(ctx context.Context, t cli.Terminal) error {
	logger := c.Logger(t)
	var wrong cli.Problems
	if c.Events < 0 {
		wrong.Add("events", "expected 0 or more")
	}
	if c.Campaigns < 1 || c.Campaigns > 1_000_000 {
		wrong.Add("campaigns", "expected 1 to 1000000")
	}
	c.validate(c.Rate, wrong.Add)
	c.TopicConfig.Check(wrong.Add)
	c.ClientConfig.Check(c.KafkaBrokers, wrong.Add)
	if err := wrong.Err(); err != nil {
		return err
	}
	traffic := c.traffic(time.Now(), c.Topics())
	traffic.Campaigns = c.Campaigns
	g, err := synthetic.New(traffic)
	if err != nil {
		return err
	}
	client := c.Kafka(c.KafkaBrokers)
	client.ClientID, client.Logger = "jangbu-simulate", logger
	starting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := kafka.EnsureTopics(starting, client, service.Partitions, c.TopicNames()...); err != nil {
		return fmt.Errorf("reach brokers: %w", err)
	}
	producer, err := kafka.NewProducer(client)
	if err != nil {
		return err
	}
	defer func() {
		if err := producer.Close(); err != nil {
			logger.WarnContext(ctx, "simulate: close producer", slog.Any("error", err))
		}
	}()
	result, err := publish(ctx, producer, g, g.Stats(time.Now()), c.Events, c.Rate)
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if ctx.Err() != nil {
		return errors.Join(result.print(t, c.JSON), cli.ErrInterrupted)
	}
	return result.print(t, c.JSON)
}

// print prints the result.
func (r simulated) print(t cli.Terminal, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(t.Out).Encode(r)
	}
	e := r.Expected
	_, err := fmt.Fprintf(t.Out, `published %d records in %.2f s, %.0f/s
  %d campaigns, %d distributions, %d channel reports, %d registrations
expected of an empty log: %d events, %d of them participants; %d duplicates, %d dead letters
hottest campaign: %s
`, r.Records, r.Seconds, r.RecordsPerSecond,
		r.Campaigns, r.Distributions, r.ChannelStats, r.Registrations,
		e.Events, e.Participants, e.Duplicates, e.DeadLetters, r.HottestCampaign)
	return err
}

func (c trafficConfig) validate(rate float64, wrong func(flag, format string, args ...any)) {
	if rate < 0 {
		wrong("rate", "expected 0 or more")
	}
	if c.Duplicates < 0 || c.Malformed < 0 || c.Duplicates+c.Malformed >= 1 {
		wrong("duplicates", "expected 0 or more, and likewise --malformed, and together less than 1")
	}
}

func (c trafficConfig) traffic(start time.Time, topics map[events.Type]string) synthetic.Config {
	return synthetic.Config{
		Seed: c.Seed, Start: start, Topics: topics, DuplicateShare: c.Duplicates, MalformedShare: c.Malformed,
	}
}

// publish publishes the campaigns, their distributions and the channels' reports, and then
// registrations: a number of them, 0 until ctx ends, at a rate, 0 without a bound. It also
// returns what it has published when there is an error.
func publish(ctx context.Context, p *kafka.Producer, g *synthetic.Generator, stats []events.Record, registrations int, perSecond float64) (simulated, error) {
	start := time.Now()
	var r simulated
	campaigns, distributions := g.Campaigns(), g.Distributions()
	r.HottestCampaign = string(campaigns[0].Key)
	finish := func(err error) (simulated, error) {
		r.Records = r.Campaigns + r.Distributions + r.ChannelStats + r.Registrations
		r.Seconds = time.Since(start).Seconds()
		r.RecordsPerSecond = float64(r.Records) / r.Seconds
		r.Expected.Events = r.Records - r.Expected.Duplicates - r.Expected.DeadLetters
		return r, err
	}
	for _, opening := range []struct {
		records   []events.Record
		published *int64
	}{{campaigns, &r.Campaigns}, {distributions, &r.Distributions}, {stats, &r.ChannelStats}} {
		if err := p.Produce(ctx, opening.records); err != nil {
			return finish(err)
		}
		*opening.published = int64(len(opening.records))
	}
	err := register(ctx, p, g, registrations, perSecond, func(n int) {
		r.Registrations += int64(n)
		expected := g.Expected()
		r.Expected.Participants, r.Expected.Duplicates, r.Expected.DeadLetters = expected.Participants, expected.Duplicates, expected.DeadLetters
	})
	return finish(err)
}

// register publishes registrations: a number of them, 0 until ctx ends, at a rate a second,
// 0 without a bound. It calls published with the size of each batch.
func register(ctx context.Context, p *kafka.Producer, g *synthetic.Generator, registrations int, perSecond float64, published func(n int)) error {
	// A tenth of a second's worth at a time keeps a low rate smooth and a high one cheap.
	batch, limiter := 20_000, rate.NewLimiter(rate.Inf, 1)
	if perSecond > 0 {
		batch = max(1, min(batch, int(perSecond/10)))
		limiter = rate.NewLimiter(rate.Limit(perSecond), batch)
	}
	records := make([]events.Record, 0, batch)
	for done := 0; registrations == 0 || done < registrations; {
		n := batch
		if registrations > 0 {
			n = min(n, registrations-done)
		}
		if err := limiter.WaitN(ctx, n); err != nil {
			return err
		}
		records = records[:0]
		for range n {
			records = append(records, g.Next())
		}
		if err := p.Produce(ctx, records); err != nil {
			return err
		}
		done += n
		published(n)
	}
	return nil
}
