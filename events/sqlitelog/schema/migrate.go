package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"

	"jangbu/events/sqlite"
)

// Migrate applies the migrations of dir and those in Go. If another process applies one first, the
// unique index over goose's versions rolls this process's back; Migrate then
// continues after the version that the other has reached.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS, dir string, logger *slog.Logger, inGo ...*goose.Migration) error {
	if err := sqlite.Reach(ctx, db); err != nil {
		return err
	}
	provider, before, _, err := versions(ctx, db, files, dir, inGo...)
	if err != nil {
		return err
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

// Check changes nothing. It returns an error unless the file is as Migrate leaves it.
func Check(ctx context.Context, db *sql.DB, files fs.FS, dir string, inGo ...*goose.Migration) error {
	_, is, known, err := versions(ctx, db, files, dir, inGo...)
	if err == nil && is < known {
		err = fmt.Errorf("its schema is of version %d, and only read: a process that may write brings it to version %d", is, known)
	}
	return err
}

// versions returns the version of the file, which is no newer than the newest that is known.
func versions(ctx context.Context, db *sql.DB, files fs.FS, dir string, inGo ...*goose.Migration) (_ *goose.Provider, is, known int64, err error) {
	migrations, err := fs.Sub(files, dir)
	if err != nil {
		return nil, 0, 0, err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(inGo...))
	if err != nil {
		return nil, 0, 0, err
	}
	if is, known, err = provider.GetVersions(ctx); err != nil {
		return nil, 0, 0, fmt.Errorf("migrate: %w", err)
	}
	if is > known {
		return nil, 0, 0, fmt.Errorf("its schema is of version %d and this program knows none above %d: run a newer program", is, known)
	}
	return provider, is, known, nil
}
