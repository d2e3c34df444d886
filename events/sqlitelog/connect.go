package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyTimeout is how long a statement waits for another process, in milliseconds.
const busyTimeout = "10000"

// reachTime is for how long a new file may be in the way of who opens it.
const reachTime = 10 * time.Second

// writerCache keeps 64 MiB of pages with the writer: identities are random, so
// an append touches the index all over, and reading those pages back from the
// file would cost it half of its rate.
const writerCache = "cache_size(-65536)"

// secureDelete overwrites what is erased with zeros.
const secureDelete = "secure_delete(ON)"

// writerPragmas make a commit durable, and each transaction take the write
// lock when it begins, so that none fails halfway for want of it.
func writerPragmas() url.Values {
	return url.Values{
		"_busy_timeout": {busyTimeout},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_pragma":       {writerCache, secureDelete},
		"_dqs":          {"0"},
	}
}

// readerPragmas keep a reader from writing.
func readerPragmas() url.Values {
	return url.Values{"_busy_timeout": {busyTimeout}, "_query_only": {"1"}, "_dqs": {"0"}}
}

// connect opens at most conns connections to the file.
func connect(path string, params url.Values, conns int) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: params.Encode()}
	connector, err := sqlite.NewConnector(address.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// reach opens the first connection, which turns a new file's journal into a write-ahead
// log. Of several that do so at once SQLite lets all but one fail: whoever reads
// already and cannot write is not kept waiting (a deadlock could be). They try again.
func reach(ctx context.Context, db *sql.DB) error {
	for deadline := time.Now().Add(reachTime); ; {
		err := db.PingContext(ctx)
		failure, ok := errors.AsType[*sqlite.Error](err)
		if !ok || failure.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// create makes an empty file that only its owner can read, unless there is one.
// SQLite gives the files that it puts beside it the same mode.
func create(path string) error {
	// An existing file is not even opened: closing it again would drop the
	// locks that this process's other connections hold on it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// migrate applies the migrations in dir of files. Where another process
// applies one first, ours is rolled back by the unique index over goose's
// versions; we then go on from where the other got to.
func migrate(ctx context.Context, db *sql.DB, files fs.FS, dir string, logger *slog.Logger) error {
	if err := reach(ctx, db); err != nil {
		return err
	}
	migrations, err := fs.Sub(files, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	before, _, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for {
		applied, err := provider.Up(ctx)
		if err == nil {
			for _, m := range applied {
				if logger != nil {
					logger.InfoContext(ctx, "migration applied",
						slog.String("migration", m.Source.Path), slog.Duration("took", m.Duration))
				}
			}
			return nil
		}
		now, _, lookErr := provider.GetVersions(ctx)
		if lookErr != nil || now == before {
			return fmt.Errorf("migrate: %w", errors.Join(err, lookErr))
		}
		before = now
	}
}
