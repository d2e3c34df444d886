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

// Options are what a [Log] can be told. The zero value is ready for use.
type Options struct {
	// Logger is told of the migrations that were applied; nil for nobody.
	Logger *slog.Logger
	// Tracer is told of every statement; nil for nobody.
	Tracer pgx.QueryTracer
}

// Log is the log and its dead letters in the schema jangbu_log. It is safe for
// concurrent use.
type Log struct {
	pool *pgxpool.Pool
	// turn has room for one writer. The head row makes writers wait for each
	// other anyway; waiting here holds no connection that readers need.
	turn  chan struct{}
	grown events.Signal
}

var _ events.Log = (*Log)(nil)

// Open connects to the database at url, in any form that libpq takes, brings
// the schema jangbu_log up to date and returns the log in it. The context
// bounds the opening only.
func Open(ctx context.Context, url string, opts Options) (*Log, error) {
	pool, err := connect(ctx, url, "jangbu_log", logMigrations, "migrations", opts)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &Log{pool: pool, turn: make(chan struct{}, 1)}, nil
}

// Close waits for the calls under way and closes the connections.
func (l *Log) Close() { l.pool.Close() }

// write runs f on a connection of its own when it is this writer's turn. A
// connection that f leaves within a transaction is closed, which rolls back.
func (l *Log) write(ctx context.Context, f func(*pgxpool.Conn) error) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
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
