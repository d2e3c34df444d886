package pglog

import (
	"context"
	"embed"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/events"
)

//go:embed migrations/*.sql
var logMigrations embed.FS

// Options configures a [Log]. The zero value is ready for use.
type Options struct {
	// Logger logs the migrations that are applied; nil disables logging.
	Logger *slog.Logger
	// Tracer traces every statement; nil disables tracing.
	Tracer pgx.QueryTracer
}

// Log is the log and its dead letters in the schema jangbu_log. It is safe for
// concurrent use.
type Log struct {
	pool *pgxpool.Pool
	// writing holds a token while a write runs. Writers would wait for each other
	// at the head row anyway; waiting here occupies no connection.
	writing chan struct{}
	grown   events.Signal
}

// errNoHead: a write or a read finds no head row.
var errNoHead = fmt.Errorf("%w: the head row is missing", events.ErrCorrupt)

var _ events.Log = (*Log)(nil)

// Open connects to the database at url, in any form that libpq accepts, brings
// the schema jangbu_log up to date and returns the log in it. The context
// bounds the opening only.
func Open(ctx context.Context, url string, opts Options) (*Log, error) {
	pool, err := connect(ctx, url, "jangbu_log", logMigrations, "migrations", opts)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &Log{pool: pool, writing: make(chan struct{}, 1)}, nil
}

// Close waits for running calls and closes the connections.
func (l *Log) Close() { l.pool.Close() }

// write runs f on a connection of its own, after the writers before it. A
// connection that f leaves within a transaction is closed, which rolls back.
func (l *Log) write(ctx context.Context, f func(*pgxpool.Conn) error) error {
	select {
	case l.writing <- struct{}{}:
		defer func() { <-l.writing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return f(conn)
}
