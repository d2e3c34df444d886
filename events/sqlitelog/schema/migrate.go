package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"

	"jangbu/events/sqlite"
)

// reachTime bounds the retries of reach.
const reachTime = 10 * time.Second

// Migrate applies the migrations of dir and those in Go. If another process applies one first, the
// unique index over goose's versions rolls this process's back; Migrate then
// continues after the version that the other has reached.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS, dir string, logger *slog.Logger, inGo ...*goose.Migration) error {
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
