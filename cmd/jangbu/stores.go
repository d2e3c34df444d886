package main

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
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/pgrows"
	"jangbu/readmodel/sqliterows"
)

// rowStore is a store of rows as both adapters are.
type rowStore interface {
	readmodel.Reader
	readmodel.Distributions
	readmodel.Snapshots
	runner.Store
}

// storeConfig says where the log and its rows are. Commands that work on them
// without a service share it with those that run one.
type storeConfig struct {
	DataDir     string `env:"JANGBU_DATA_DIR" default:"./jangbu-data" placeholder:"DIR" help:"Where embedded parts keep their files (${default})."`
	DatabaseURL string `env:"JANGBU_DATABASE_URL" placeholder:"URL" help:"Log and rows: postgres://…, or sqlite:///DIR. Without one, SQLite in the data directory."`
	LogURL      string `env:"JANGBU_LOG_URL" placeholder:"URL" help:"The log alone: postgres://… or sqlite:///FILE."`
	RowsURL     string `env:"JANGBU_ROWS_URL" placeholder:"URL" help:"The rows alone: postgres://… or sqlite:///FILE."`
}

func (c *storeConfig) validate(wrong func(flag, format string, args ...any)) {
	for flag, u := range map[string]string{"database-url": c.DatabaseURL, "log-url": c.LogURL, "rows-url": c.RowsURL} {
		if u == "" {
			continue
		}
		if _, err := parseStoreURL(u); err != nil {
			wrong(flag, "%v", err)
		}
	}
}

// checked is validate for a command that has no more to say.
func (c *storeConfig) checked() error {
	var all cli.Problems
	c.validate(all.Add)
	return all.Err()
}

// storeURL says where a log or its rows are.
type storeURL struct {
	postgres string // the URL, if it is PostgreSQL
	path     string // else the file, or for JANGBU_DATABASE_URL the directory
}

func parseStoreURL(s string) (storeURL, error) {
	u, err := url.Parse(s)
	if err != nil { // the error would repeat the password
		return storeURL{}, fmt.Errorf("is no URL; expected postgres://… or sqlite:///PATH")
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return storeURL{postgres: s}, nil
	case "sqlite":
		if path := u.Host + u.Path; path != "" && path != "/" {
			return storeURL{path: path}, nil
		}
		return storeURL{}, fmt.Errorf("names no path; expected sqlite:///PATH")
	default:
		return storeURL{}, fmt.Errorf("expected postgres://… or sqlite:///PATH")
	}
}

// store resolves where a part lives: its own URL, else the database's, else
// SQLite in the data directory.
func (c *storeConfig) store(own, file string) storeURL {
	if own != "" {
		u, _ := parseStoreURL(own) // checked by validate
		return u
	}
	dir := c.DataDir
	if c.DatabaseURL != "" {
		u, _ := parseStoreURL(c.DatabaseURL)
		if u.postgres != "" {
			return u
		}
		dir = u.path
	}
	return storeURL{path: filepath.Join(dir, file)}
}

func (c *storeConfig) logStore() storeURL  { return c.store(c.LogURL, "log.db") }
func (c *storeConfig) rowsStore() storeURL { return c.store(c.RowsURL, "rows.db") }

// shown tells operators where a store is, without its password, and of what kind.
func (u storeURL) shown() (at, kind string) {
	if u.postgres == "" {
		return u.path, "embedded (SQLite)"
	}
	return redacted(u.postgres), "PostgreSQL"
}

// openLog opens the log, which is made where there is none.
func (c *storeConfig) openLog(ctx context.Context, tracer pgx.QueryTracer) (log events.Log, closeLog func() error, err error) {
	at := c.logStore()
	if at.postgres == "" {
		log, err := sqlitelog.Open(ctx, at.path, sqlitelog.Options{})
		if err != nil {
			return nil, nil, err
		}
		return log, log.Close, nil
	}
	pg, err := pglog.Open(ctx, at.postgres, pglog.Options{Tracer: tracer})
	if err != nil {
		return nil, nil, err
	}
	return pg, func() error { pg.Close(); return nil }, nil
}

// openRows opens the rows, which are made where there are none.
func (c *storeConfig) openRows(ctx context.Context, tracer pgx.QueryTracer) (rows rowStore, closeRows func() error, err error) {
	at := c.rowsStore()
	if at.postgres == "" {
		rows, err := sqliterows.Open(ctx, at.path)
		if err != nil {
			return nil, nil, err
		}
		return rows, rows.Close, nil
	}
	pg, err := pgrows.Open(ctx, at.postgres, pgrows.Options{Tracer: tracer})
	if err != nil {
		return nil, nil, err
	}
	return pg, func() error { pg.Close(); return nil }, nil
}

// existing checks for a command that a service has worked here before: looking must
// not make an empty store that looks like an answer.
func (u storeURL) existing() error {
	if u.postgres != "" {
		return nil
	}
	if _, err := os.Stat(u.path); err != nil {
		return fmt.Errorf("%w: no store at %s (--data-dir, --log-url, --rows-url and --database-url say where it is)", cli.ErrNothing, u.path)
	}
	return nil
}

// withLog runs f on the log, which must be there.
func (c *storeConfig) withLog(ctx context.Context, f func(events.Log) error) (err error) {
	if err := c.checked(); err != nil {
		return err
	}
	if err := c.logStore().existing(); err != nil {
		return err
	}
	log, closeLog, err := c.openLog(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	return f(log)
}

// redacted returns a URL without its password.
func redacted(raw string) string {
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

// withStores runs f on the log, which must be there, and its rows.
func (c *storeConfig) withStores(ctx context.Context, f func(events.Log, rowStore) error) error {
	return c.withLog(ctx, func(log events.Log) (err error) {
		rows, closeRows, err := c.openRows(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeRows()) }()
		return f(log, rows)
	})
}

// withServed runs f on the log and its rows, which must be there.
func (c *storeConfig) withServed(ctx context.Context, f func(events.Log, rowStore) error) error {
	if err := c.checked(); err != nil {
		return err
	}
	if err := c.rowsStore().existing(); err != nil {
		return err
	}
	return c.withStores(ctx, f)
}
