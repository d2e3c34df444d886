package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/brokers"
	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/privacy"
)

type benchIngestCommand struct {
	Events       int      `default:"1000000" help:"Registrations (${default})."`
	Campaigns    int      `default:"1000" help:"Campaigns of these registrations (${default}); the hottest has a fifth of them. 1: one hot campaign alone."`
	Rounds       int      `default:"3" help:"How often each is measured, in turns (${default}). The medians are printed."`
	Rate         float64  `aliases:"pace" placeholder:"RATE" help:"Registrations a second while the time from produced to visible is measured. Without it, half of the rate that rows were measured at."`
	KafkaBrokers []string `placeholder:"HOST:PORT,…" help:"Kafka brokers on which topics are made, and deleted in the end. Without any, a broker runs embedded."`
	brokers.ClientConfig
	DatabaseURL string `placeholder:"URL" help:"A PostgreSQL server on which databases are made, and dropped in the end. Without one, SQLite in temporary directories."`
	JSON        bool   `help:"Print the result as one JSON object."`
	cli.LogConfig
}

// Help implements kong's detailed help.
func (benchIngestCommand) Help() string {
	return `Produces registrations and measures how fast they are taken from the topics, in turns:

  log      by the part "ingest" of jangbu serve, into the log alone
  bare     the very rows of that log, into an empty one with the same indexes: by one COPY on
           PostgreSQL, by one prepared INSERT in transactions as large on SQLite
  obvious  one handler and one transaction a message, for the first 5,000, from memory
  rows     by the parts "ingest" and "project", into the log and all rows

Each has an empty database of its own. After the last round registrations are produced
at an even pace, and the time is taken until the rows have each. The time of processors is that of
this process, the embedded broker included, and of the whole PostgreSQL where it runs on this machine.

Examples:
  jangbu bench ingest
  jangbu bench ingest --events 1000000 --rounds 5 --database-url postgres://… --json
  jangbu bench ingest --campaigns 1 --kafka-brokers localhost:9092`
}

// ingestBench is what the rounds share.
type ingestBench struct {
	benchIngestCommand
	dir       string
	masterKey string // its file
	logger    *slog.Logger
	meter     meter
	topics    *topics
	model     model // of the first round's log
}

// Run measures.
func (c benchIngestCommand) Run(ctx context.Context, t cli.Terminal) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	c.Quiet()
	dir, err := os.MkdirTemp("", "jangbu-bench-")
	if err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &ingestBench{benchIngestCommand: c, dir: dir, masterKey: filepath.Join(dir, "master.key"), logger: c.Logger(t)}
	if _, err := privacy.CreateMasterKey(b.masterKey); err != nil {
		return err
	}
	if b.meter, err = newMeter(ctx, c.DatabaseURL); err != nil {
		return err
	}
	if b.topics, err = c.newTopics(ctx, dir, b.logger); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.topics.close(context.WithoutCancel(ctx))) }()
	tell := func(format string, args ...any) {
		if !c.JSON {
			t.Notef(format, args...)
		}
	}
	if err := b.topics.fill(ctx, c.Events, func(n int) { tell("%d of %d events produced", n, b.topics.events) }); err != nil {
		return err
	}
	result, err := b.measure(ctx, tell)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(result)
	}
	t.Printf("%s", result)
	return nil
}

func (c benchIngestCommand) check() error {
	var wrong cli.Problems
	if c.Events < 1 {
		wrong.Add("events", "%d is not at least 1", c.Events)
	}
	if c.Campaigns < 1 || c.Campaigns > 1_000_000 {
		wrong.Add("campaigns", "%d is not from 1 to 1,000,000", c.Campaigns)
	}
	if c.Rounds < 1 {
		wrong.Add("rounds", "%d is not at least 1", c.Rounds)
	}
	if c.Rate < 0 {
		wrong.Add("rate", "%v is not at least 0", c.Rate)
	}
	if u, e := stores.ParsePlace(c.DatabaseURL); c.DatabaseURL != "" && (e != nil || u.Postgres == "") {
		wrong.Add("database-url", "expected postgres://…")
	}
	if len(c.KafkaBrokers) == 0 && c.Given() {
		wrong.Add("kafka-brokers", "required with --kafka-tls and --kafka-sasl")
	}
	c.Check(c.KafkaBrokers, wrong.Add)
	return wrong.Err()
}

// newMeter returns a meter that also reads the processes of a PostgreSQL on this machine.
func newMeter(ctx context.Context, server string) (m meter, err error) {
	if server == "" {
		return m, nil
	}
	return m, withPostgres(ctx, server, func(conn *pgx.Conn) error {
		var backend int
		var database string
		if err := conn.QueryRow(ctx, `SELECT pg_backend_pid(), current_database()`).Scan(&backend, &database); err != nil {
			return err
		}
		m.server = serverOf(backend, database)
		return nil
	})
}

// measure measures all in turns, so that a machine that gets slower or faster meanwhile
// favours none, and then the time to be visible.
func (b *ingestBench) measure(ctx context.Context, tell func(string, ...any)) (out benchIngest, err error) {
	var all figures
	for round := range b.Rounds {
		for _, part := range []struct {
			name    string
			spent   *[]spent
			measure func(context.Context) (spent, error)
		}{
			{"log", &all.log, b.log},
			{"bare", &all.bare, b.bare},
			{"obvious", &all.obvious, b.obvious},
			{"rows", &all.rows, func(ctx context.Context) (s spent, err error) {
				return b.rows(ctx, func(p *pipeline, s spent) error {
					if round < b.Rounds-1 {
						return nil
					}
					pace := b.Rate
					if pace == 0 {
						pace = medianOf(append(all.rows, s), spent.perSecond) / 2
					}
					took, kept, err := b.visible(ctx, p, pace)
					out.VisibleMs.P50, out.VisibleMs.P99, out.PacePerSecond = percentile(took, 50), percentile(took, 99), kept
					return err
				})
			}},
		} {
			flushDisks()
			s, err := part.measure(ctx)
			if err != nil {
				return out, fmt.Errorf("measure %s: %w", part.name, errors.Join(ctx.Err(), err))
			}
			*part.spent = append(*part.spent, s)
			tell("round %d of %d: %-7s %10.0f events/s", round+1, b.Rounds, part.name, s.perSecond())
		}
	}
	b.summarise(&out, all)
	return out, nil
}

// log measures the log alone. It keeps what the first one holds, for bare.
func (b *ingestBench) log(ctx context.Context) (s spent, err error) {
	p, s, err := b.run(ctx, []string{"ingest"}, func(ctx context.Context, p *pipeline) (events.Position, error) {
		return logged(ctx, p, events.Position(b.topics.events))
	})
	if err != nil {
		return s, err
	}
	err = p.end()
	if err == nil && b.model.path == "" {
		err = b.keep(ctx, p.place)
	}
	return s, errors.Join(err, p.close(context.WithoutCancel(ctx)))
}

// rows measures log and rows together, and calls then while the service runs.
func (b *ingestBench) rows(ctx context.Context, then func(*pipeline, spent) error) (s spent, err error) {
	p, s, err := b.run(ctx, []string{"ingest", "project"}, func(_ context.Context, p *pipeline) (events.Position, error) {
		return folded(p, events.Position(b.topics.events)), nil
	})
	if err != nil {
		return s, err
	}
	return s, errors.Join(then(p, s), p.close(context.WithoutCancel(ctx)))
}
