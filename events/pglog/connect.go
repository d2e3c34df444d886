package pglog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// While another process migrates, its lock is tried once per lockPeriod, in seconds,
// at most lockFailures times.
const (
	lockPeriod   = 1
	lockFailures = 30
)

// minMaxConns is the least maximum of connections, unless the URL sets one: replays
// that read the whole log must not occupy those that append.
const minMaxConns = 8

// sessionParams returns the parameters of a session, unless the URL sets them. The
// server ends a session whose process freezes within a transaction (10 s) or whose
// machine is gone (25 s), because its transaction may hold the head row (I5).
func sessionParams() map[string]string {
	return map[string]string{
		"application_name":                    "jangbu",
		"idle_in_transaction_session_timeout": "10s",
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
	}
}

// connect opens a pool on the database and applies the migrations of dir to the
// schema.
func connect(ctx context.Context, url, schema string, files fs.FS, dir string, opts Options) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	params := config.ConnConfig.RuntimeParams
	for name, value := range sessionParams() {
		if _, set := params[name]; !set {
			params[name] = value
		}
	}
	if err := migrate(ctx, config.ConnConfig, schema, files, dir, opts.Logger); err != nil {
		return nil, fmt.Errorf("migrate %s: %w", schema, err)
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, minMaxConns)
	}
	config.ConnConfig.Tracer = opts.Tracer
	return pgxpool.NewWithConfig(ctx, config)
}

// migrate brings the schema up to date. One lock covers the creation of the
// schema, that of goose's own table, and the migrations: two processes at once
// cannot do any of the three.
func migrate(ctx context.Context, config *pgx.ConnConfig, schema string, files fs.FS, dir string, logger *slog.Logger) (err error) {
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockFailures))
	if err != nil {
		return err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()

	// IF NOT EXISTS requires the privilege to create schemas even if the schema
	// exists, and the service may not have it.
	var exists bool
	if err := conn.QueryRowContext(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, schema).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := conn.ExecContext(ctx, `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	migrations, err := fs.Sub(files, dir)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations,
		goose.WithTableName(schema+".goose_db_version"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return err
	}
	if logger != nil {
		for _, m := range applied {
			logger.InfoContext(ctx, "migration applied",
				slog.String("schema", schema), slog.String("migration", m.Source.Path), slog.Duration("took", m.Duration))
		}
	}
	return nil
}
