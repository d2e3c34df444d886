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
	driver "modernc.org/sqlite"

	"jangbu/events/sqlite"
)

// busyTimeout bounds a statement's wait for another process, in milliseconds.
const busyTimeout = "10000"

// reachTime bounds the retries of reach.
const reachTime = 10 * time.Second

// writerCache gives the writer a page cache of 64 MiB. Identities are random, so an
// append touches pages all over the index; reading them from the file would halve
// its rate.
const writerCache = "cache_size(-65536)"

// secureDelete overwrites erased content with zeros.
const secureDelete = "secure_delete(ON)"

// writerPragmas make no file where that is gone, a commit durable, and a transaction take the write lock when
// it begins, so that none fails later because it cannot get the lock.
func writerPragmas() url.Values {
	return url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {busyTimeout},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_pragma":       {writerCache, secureDelete},
		"_dqs":          {"0"},
	}
}

// readerPragmas make no file where that is gone, and forbid writing.
func readerPragmas() url.Values {
	return url.Values{"mode": {"rw"}, "_busy_timeout": {busyTimeout}, "_query_only": {"1"}, "_dqs": {"0"}}
}

// connect opens at most conns connections to the file.
func connect(path string, params url.Values, conns int) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: params.Encode()}
	connector, err := driver.NewConnector(address.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// reach opens the first connection, which switches a new file to WAL mode. If several
// connections do so at once, all but one fail with SQLITE_BUSY, which the busy timeout
// does not cover because each holds a read lock (they could deadlock); reach retries.
func reach(ctx context.Context, db *sql.DB) error {
	for deadline := time.Now().Add(reachTime); ; {
		err := db.PingContext(ctx)
		if !sqlite.Busy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// mendFile says of an error how a file is mended that is no database, or not a whole one.
func mendFile(err error) error {
	if sqlite.Damaged(err) {
		return fmt.Errorf("%w: restore the file from a backup", err)
	}
	return err
}

// create creates an empty file that only its owner can read, unless it exists.
// SQLite gives the files that it adds beside it the same mode.
func create(path string) error {
	// An existing file is not opened: closing it would drop the POSIX locks that
	// this process's other connections hold on it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// migrate applies the migrations of dir. If another process applies one first, the
// unique index over goose's versions rolls this process's back; migrate then
// continues after the version that the other has reached.
func migrate(ctx context.Context, db *sql.DB, files fs.FS, dir string, logger *slog.Logger, inGo ...*goose.Migration) error {
	if err := reach(ctx, db); err != nil {
		return err
	}
	migrations, err := fs.Sub(files, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(inGo...))
	if err != nil {
		return err
	}
	before, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if before > known {
		return fmt.Errorf("its schema is of version %d and this program knows none above %d: run a newer program", before, known)
	}
	for {
		applied, err := provider.Up(ctx)
		if err == nil {
			for _, m := range applied {
				if logger != nil {
					logger.InfoContext(ctx, "migration applied",
						slog.Int64("version", m.Source.Version), slog.Duration("took", m.Duration))
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
