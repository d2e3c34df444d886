package stores

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/pglog"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/sqliterows"
)

// Config says where the log and its rows are. Commands that work on them
// without a service share it with those that run one.
type Config struct {
	DataDir     string `env:"JANGBU_DATA_DIR" default:"./jangbu-data" placeholder:"DIR" help:"Where embedded parts keep their files (${default})."`
	DatabaseURL string `env:"JANGBU_DATABASE_URL" placeholder:"URL" help:"Log and rows: postgres://…, or sqlite:///DIR. Without one, SQLite in the data directory."`
	LogURL      string `env:"JANGBU_LOG_URL" placeholder:"URL" help:"The log alone: postgres://… or sqlite:///FILE."`
	RowsURL     string `env:"JANGBU_ROWS_URL" placeholder:"URL" help:"The rows alone: postgres://… or sqlite:///FILE."`
}

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
}

// Checked is Check for a command that has nothing else to report.
func (c *Config) Checked() error {
	var all cli.Problems
	c.Check(all.Add)
	return all.Err()
}

// Place says where a log or its rows are.
type Place struct {
	Postgres string // the URL, if it is PostgreSQL
	Path     string // else the file, or for JANGBU_DATABASE_URL the directory
}

// ParsePlace reads a flag. Its errors do not repeat the URL, which may hold a password.
func ParsePlace(s string) (Place, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Place{}, fmt.Errorf("is no URL; expected postgres://… or sqlite:///PATH")
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return Place{Postgres: s}, nil
	case "sqlite":
		if path := u.Host + u.Path; path != "" && path != "/" {
			return Place{Path: path}, nil
		}
		return Place{}, fmt.Errorf("names no path; expected sqlite:///PATH")
	default:
		return Place{}, fmt.Errorf("expected postgres://… or sqlite:///PATH")
	}
}

// place resolves where a part lives: its own URL, else the database's, else
// SQLite in the data directory.
func (c *Config) place(own, file string) Place {
	if own != "" {
		u, _ := ParsePlace(own) // checked by validate
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

// LogPlace returns where the log is.
func (c *Config) LogPlace() Place { return c.place(c.LogURL, "log.db") }

// RowsPlace returns where the rows are.
func (c *Config) RowsPlace() Place { return c.place(c.RowsURL, "rows.db") }

// Shown tells operators where a store is, without its password, and of what kind.
func (u Place) Shown() (at, kind string) {
	if u.Postgres == "" {
		return u.Path, "embedded (SQLite)"
	}
	return Redacted(u.Postgres), "PostgreSQL"
}

// OpenLog opens the log, which is made where there is none.
func (c *Config) OpenLog(ctx context.Context, tracer pgx.QueryTracer) (log events.Log, closeLog func() error, err error) {
	at := c.LogPlace()
	if at.Postgres == "" {
		log, err := sqlitelog.Open(ctx, at.Path, sqlitelog.Options{})
		if err != nil {
			return nil, nil, err
		}
		return log, log.Close, nil
	}
	pg, err := pglog.Open(ctx, at.Postgres, pglog.Options{Tracer: tracer})
	if err != nil {
		return nil, nil, err
	}
	return pg, func() error { pg.Close(); return nil }, nil
}

// OpenRows opens the rows, which are made where there are none.
func (c *Config) OpenRows(ctx context.Context, tracer pgx.QueryTracer) (rows readmodel.Store, closeRows func() error, err error) {
	at := c.RowsPlace()
	if at.Postgres == "" {
		rows, err := sqliterows.Open(ctx, at.Path, projections.Tables(projections.All()))
		if err != nil {
			return nil, nil, err
		}
		return rows, rows.Close, nil
	}
	pg, err := pgrows.Open(ctx, at.Postgres, projections.Tables(projections.All()), pgrows.Options{Tracer: tracer})
	if err != nil {
		return nil, nil, err
	}
	return pg, func() error { pg.Close(); return nil }, nil
}

// Existing checks for a command that a service has worked here before: looking must
// not make an empty store that looks like an answer.
func (u Place) Existing() error {
	if u.Postgres != "" {
		return nil
	}
	if _, err := os.Stat(u.Path); err != nil {
		return fmt.Errorf("%w: no store at %s (--data-dir, --log-url, --rows-url and --database-url say where it is)", cli.ErrNothing, u.Path)
	}
	return nil
}

// WithLog runs f on the log, which must be there.
func (c *Config) WithLog(ctx context.Context, f func(events.Log) error) (err error) {
	if err := c.Checked(); err != nil {
		return err
	}
	if err := c.LogPlace().Existing(); err != nil {
		return err
	}
	log, closeLog, err := c.OpenLog(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	return f(log)
}

// Redacted returns a URL without its password.
func Redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be shown)"
	}
	query := u.Query()
	if query.Has("password") {
		query.Set("password", "xxxxx")
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}

// WithStores runs f on the log, which must be there, and its rows.
func (c *Config) WithStores(ctx context.Context, f func(events.Log, readmodel.Store) error) error {
	return c.WithLog(ctx, func(log events.Log) (err error) {
		rows, closeRows, err := c.OpenRows(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeRows()) }()
		return f(log, rows)
	})
}

// WithServed runs f on the log and its rows, which must be there.
func (c *Config) WithServed(ctx context.Context, f func(events.Log, readmodel.Store) error) error {
	if err := c.Checked(); err != nil {
		return err
	}
	if err := c.RowsPlace().Existing(); err != nil {
		return err
	}
	return c.WithStores(ctx, f)
}
