package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"jangbu/events/postgres"
)

// lockPeriod is the time between two attempts to get the lock of the migrations, which
// another process may hold for as long as it rewrites a large log.
const lockPeriod = time.Second

// lockMigrations is the lock of goose, which earlier versions of the program take for their
// session. A transaction's lock also works through a pooler.
const lockMigrations = `SELECT pg_try_advisory_xact_lock($1)`

// Migrate brings a schema up to date by the migrations of dir and those in Go. One lock covers the creation of the
// schema, that of goose's own table, and the migrations: two processes at once
// cannot do any of the three.
func Migrate(ctx context.Context, db *postgres.Database, schema string, files fs.FS, dir string, logger *slog.Logger, inGo ...*goose.Migration) error {
	return alone(ctx, db, schema, logger, func(ctx context.Context) (err error) {
		own := stdlib.OpenDB(*db.Config())
		defer func() { err = errors.Join(err, own.Close()) }()
		own.SetMaxOpenConns(postgres.MinConnections - 1) // beside the one that holds the lock
		return migrateAlone(ctx, own, schema, files, dir, logger, inGo...)
	})
}

// alone calls f while no other process migrates. A process that freezes loses the lock like
// any other; f's context ends then.
func alone(ctx context.Context, db *postgres.Database, schema string, logger *slog.Logger, f func(context.Context) error) error {
	for waits := false; ; waits = true {
		done, err := func() (done bool, err error) {
			tx, err := db.Begin(ctx, db, postgres.Durable, nil)
			if err != nil {
				return false, err
			}
			// After its failure the connection is closed, which unlocks too.
			defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
			if err := tx.QueryRow(ctx, lockMigrations, lock.DefaultLockID).Scan(&done); err != nil || !done {
				return false, err
			}
			return true, db.Holding(ctx, tx, f)
		}()
		if done || err != nil {
			return err
		}
		if !waits {
			logger.InfoContext(ctx, "waiting for another process, which migrates", slog.String("schema", schema))
		}
		select {
		case <-time.After(lockPeriod):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func migrateAlone(ctx context.Context, db *sql.DB, schema string, files fs.FS, dir string, logger *slog.Logger, inGo ...*goose.Migration) error {
	// IF NOT EXISTS requires the privilege to create schemas even if the schema
	// exists, and the service may not have it.
	var exists bool
	if err := db.QueryRowContext(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, schema).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := db.ExecContext(ctx, `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	provider, _, err := versions(ctx, db, schema, files, dir, inGo...)
	if err != nil {
		return err
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return err
	}
	for _, m := range applied {
		logger.InfoContext(ctx, "migration applied",
			slog.String("schema", schema), slog.Int64("version", m.Source.Version), slog.Duration("took", m.Duration))
	}
	return nil
}

// versions returns what migrates, and whether it has nothing to do. It refuses the schema of a newer
// program.
func versions(ctx context.Context, db *sql.DB, schema string, files fs.FS, dir string, inGo ...*goose.Migration) (_ *goose.Provider, current bool, err error) {
	migrations, err := fs.Sub(files, dir)
	if err != nil {
		return nil, false, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations,
		goose.WithTableName(schema+".goose_db_version"), goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(inGo...))
	if err != nil {
		return nil, false, err
	}
	stored, known, err := provider.GetVersions(ctx)
	if err != nil {
		return nil, false, err
	}
	if stored > known {
		return nil, false, fmt.Errorf("it is of version %d and this program knows none above %d: run a newer program", stored, known)
	}
	return provider, stored == known, nil
}

// Check changes nothing. It returns [postgres.ErrBehind] unless the schema is as Migrate leaves it,
// [postgres.ErrMissing] if there is none.
func Check(ctx context.Context, db *postgres.Database, schema string, files fs.FS, dir string, inGo ...*goose.Migration) (err error) {
	var exists bool
	if err := db.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, schema+".goose_db_version").Scan(&exists); err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("%s: %w", schema, postgres.ErrMissing)
	}
	own := stdlib.OpenDB(*db.Config())
	defer func() { err = errors.Join(err, own.Close()) }()
	own.SetMaxOpenConns(1)
	_, current, err := versions(ctx, own, schema, files, dir, inGo...)
	if err == nil && !current {
		err = postgres.ErrBehind
	}
	if err != nil {
		return fmt.Errorf("%s: %w", schema, err)
	}
	return nil
}
