package stores

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/pglog"
	"jangbu/events/postgres"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/sqliterows"
)

// Config is the flags that say where the log and its rows are: those of the service, and of
// every command that works on them beside it.
type Config struct {
	DataDir              string `env:"JANGBU_DATA_DIR" default:"./jangbu-data" placeholder:"DIR" help:"Where embedded parts keep their files (${default})."`
	DatabaseURL          string `env:"JANGBU_DATABASE_URL" placeholder:"URL" help:"Log and rows: postgres://…, or sqlite:///DIR. Without one, SQLite in the data directory."`
	DatabasePasswordFile string `env:"JANGBU_DATABASE_PASSWORD_FILE" placeholder:"FILE" help:"Password for the PostgreSQL URLs that hold none: a file readable by its owner only."`
	LogURL               string `env:"JANGBU_LOG_URL" placeholder:"URL" help:"The log alone: postgres://… or sqlite:///FILE."`
	RowsURL              string `env:"JANGBU_ROWS_URL" placeholder:"URL" help:"The rows alone: postgres://… or sqlite:///FILE."`
	// Connections is the most at once to PostgreSQL; 0 is [MinConnections], as commands have.
	Connections int `kong:"-"`
	// ReadOnly, Durable and MaxSkew are as in [postgres.Options].
	ReadOnly bool          `kong:"-"`
	Durable  bool          `kong:"-"`
	MaxSkew  time.Duration `kong:"-"`
}

// MinConnections is the fewest connections to PostgreSQL with which a process can work: those of
// the log and the keys, and those of the rows.
const MinConnections = 2 * postgres.MinConnections

// DefaultConnections is how many the service has.
const DefaultConnections = 10

// MendLog leads from a damaged log to one that is not.
const MendLog = "restore the log from a backup, or import an export into an empty one; what is newer is read again from Kafka"

// Check reports each flag that is wrong.
func (c *Config) Check(wrong func(flag, format string, args ...any)) {
	for flag, u := range map[string]string{"database-url": c.DatabaseURL, "log-url": c.LogURL, "rows-url": c.RowsURL} {
		if u == "" {
			continue
		}
		if _, err := ParsePlace(u); err != nil {
			wrong(flag, "%v", err)
		}
	}
	if c.DatabasePasswordFile != "" {
		if _, err := ReadSecret(c.DatabasePasswordFile); err != nil {
			wrong("database-password-file", "%v", err)
		}
	}
}

// password returns what reads the password of a PostgreSQL URL; nil where the URL holds it, or
// names its file.
func (c *Config) password(database string) func() (string, error) {
	u, err := url.Parse(database)
	if err != nil || c.DatabasePasswordFile == "" {
		return nil
	}
	if _, set := u.User.Password(); set || u.Query().Has("password") || u.Query().Has("passfile") {
		return nil
	}
	return func() (string, error) {
		secret, err := ReadSecret(c.DatabasePasswordFile)
		return string(secret), err
	}
}

// Checked is Check for a command that has nothing else to report.
func (c *Config) Checked() error {
	var all cli.Problems
	c.Check(all.Add)
	return all.Err()
}

// place returns where the log or the rows are: at their own URL, else at the database's,
// else in a file of the data directory.
func (c *Config) place(own, file string) Place {
	if own != "" {
		u, _ := ParsePlace(own) // Check reports its error
		return u
	}
	dir := c.DataDir
	if c.DatabaseURL != "" {
		u, _ := ParsePlace(c.DatabaseURL)
		if u.Postgres != "" {
			return u
		}
		dir = u.Path
	}
	return Place{Path: filepath.Join(dir, file)}
}

// connections returns how many of the connections the log has, with the keys, and how many the
// rows: half each, or all where the other is no database on PostgreSQL.
func (c *Config) connections() (log, rows int) {
	all := cmp.Or(c.Connections, MinConnections)
	if c.LogPlace().Postgres == "" || c.RowsPlace().Postgres == "" {
		return all, all
	}
	return all - all/2, all / 2
}

// LogPlace returns where the log is.
func (c *Config) LogPlace() Place { return c.place(c.LogURL, "log.db") }

// RowsPlace returns where the rows are.
func (c *Config) RowsPlace() Place { return c.place(c.RowsURL, "rows.db") }

// OpenLog opens the log, and makes it if there is none. Nil disables logging or tracing.
func (c *Config) OpenLog(ctx context.Context, logger *slog.Logger, tracer pgx.QueryTracer) (log events.Log, closeLog func() error, err error) {
	at := c.LogPlace()
	if at.Postgres == "" {
		log, err := sqlitelog.Open(ctx, at.Path, sqlitelog.Options{Logger: logger, ReadOnly: c.ReadOnly})
		if err != nil {
			return nil, nil, err
		}
		return log, log.Close, nil
	}
	most, _ := c.connections()
	pg, err := pglog.Open(ctx, at.Postgres, pglog.Options{
		Password: c.password(at.Postgres), Connections: most, Logger: logger, Tracer: tracer,
		ReadOnly: c.ReadOnly, Durable: c.Durable, MaxSkew: c.MaxSkew,
	})
	if err != nil {
		return nil, nil, err
	}
	return pg, func() error { pg.Close(); return nil }, nil
}

// OpenRows opens the rows, and makes their database if there is none. Nil disables logging or
// tracing. Rows that rest on assumptions are [readmodel.ErrAssumed].
func (c *Config) OpenRows(ctx context.Context, logger *slog.Logger, tracer pgx.QueryTracer) (rows readmodel.Store, closeRows func() error, err error) {
	at := c.RowsPlace()
	if at.Postgres == "" {
		open := sqliterows.Open
		if c.ReadOnly {
			open = sqliterows.Read
		}
		rows, err := open(ctx, at.Path, projections.Tables(projections.All()))
		if err != nil {
			return nil, nil, err
		}
		if err := trusted(ctx, rows); err != nil {
			return nil, nil, fmt.Errorf("open rows %s: %w", at.Path, errors.Join(err, rows.Close()))
		}
		return rows, rows.Close, nil
	}
	_, most := c.connections()
	pg, err := pgrows.Open(ctx, at.Postgres, projections.Tables(projections.All()), pgrows.Options{
		Password: c.password(at.Postgres), Connections: most, Logger: logger, Tracer: tracer,
		ReadOnly: c.ReadOnly, Durable: c.Durable, MaxSkew: c.MaxSkew,
	})
	if err != nil {
		return nil, nil, err
	}
	return pg, func() error { pg.Close(); return nil }, nil
}

// trusted returns [readmodel.ErrAssumed] for rows that rest on assumptions, whatever the log: a
// process that only reads them compares no history.
func trusted(ctx context.Context, rows readmodel.Generations) error {
	all, err := rows.List(ctx)
	for _, g := range all {
		if g.Link == readmodel.AssumedLink() {
			return readmodel.ErrAssumed
		}
	}
	return err
}

// WithLog calls f with the log, which must exist and be whole: a part of another one is
// neither folded nor copied.
func (c *Config) WithLog(ctx context.Context, f func(events.Log) error) (err error) {
	if err := c.Checked(); err != nil {
		return err
	}
	if err := c.LogPlace().Existing(); err != nil {
		return err
	}
	log, closeLog, err := c.OpenLog(ctx, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	// A log that is damaged is the command's business.
	if totals, err := log.Totals(ctx); err == nil && totals.Restoring > 0 {
		return totals.Whole()
	}
	return f(log)
}

// ReadLog is WithLog for a command that changes nothing: it works also where this process may only
// read, a file and its directory, or a database in which its role may only SELECT. What it opens
// otherwise is brought up to date. What f opens is only read too.
func (c *Config) ReadLog(ctx context.Context, f func(events.Log) error) error {
	c.ReadOnly = true
	err := c.WithLog(ctx, f)
	if errors.Is(err, postgres.ErrBehind) {
		c.ReadOnly = false
		err = c.WithLog(ctx, f)
	}
	return err
}

// ReadServed is ReadLog with the rows too, both of which must exist.
func (c *Config) ReadServed(ctx context.Context, f func(events.Log, readmodel.Store) error) error {
	if err := c.Checked(); err != nil {
		return err
	}
	if err := c.RowsPlace().Existing(); err != nil {
		return err
	}
	return c.ReadLog(ctx, func(log events.Log) (err error) {
		rows, closeRows, err := c.OpenRows(ctx, nil, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeRows()) }()
		return f(log, rows)
	})
}

// WithStores calls f with the log, which must exist, and its rows, which are made if there
// are none.
func (c *Config) WithStores(ctx context.Context, f func(events.Log, readmodel.Store) error) error {
	return c.WithLog(ctx, func(log events.Log) (err error) {
		rows, closeRows, err := c.OpenRows(ctx, nil, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeRows()) }()
		return f(log, rows)
	})
}

// WithServed calls f with the log and its rows, both of which must exist.
func (c *Config) WithServed(ctx context.Context, f func(events.Log, readmodel.Store) error) error {
	if err := c.Checked(); err != nil {
		return err
	}
	if err := c.RowsPlace().Existing(); err != nil {
		return err
	}
	return c.WithStores(ctx, f)
}
