package pglog

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/events"
	"jangbu/events/outage"
	"jangbu/events/pglog/schema"
	"jangbu/events/postgres"
	"jangbu/events/segments"
)

//go:embed migrations/*.sql
var logMigrations embed.FS

// Options configures a [Log]. The zero value is ready for use.
type Options struct {
	// Logger logs the migrations that are applied, silent sessions that are ended, and a
	// clock that leaps; nil disables logging.
	Logger *slog.Logger
	// Password returns the password of a connection. Nil: it is the URL's.
	Password func() (string, error)
	// Connections is the most at once, as in [postgres.Options].
	Connections int
	// Beside has the keys use the connections of a log in the same database, which is closed after
	// them. Nil: they have their own.
	Beside *Log
	// ReadOnly opens what exists, changes nothing, and returns [postgres.ErrBehind] where it is
	// missing or older. Durable and MaxSkew are as in [postgres.Options].
	ReadOnly, Durable bool
	MaxSkew           time.Duration
	// Limits bound how long a write waits.
	Limits postgres.Limits
	// Tracer traces every statement; nil disables tracing.
	Tracer pgx.QueryTracer

	segment events.Position // how many positions a segment has; 0: segments.Size
}

// Log is the log and its dead letters in the schema jangbu_log. It is safe for
// concurrent use.
type Log struct {
	pool *postgres.Database
	// writing holds a token while a write runs. Writers would wait for each other
	// at the head row anyway; waiting here occupies no connection.
	writing chan struct{}
	grown   events.Signal
	// own is the head after the last append of this process, 0 before the first; it is written
	// by who has the token.
	own     atomic.Int64
	foreign atomic.Pointer[time.Time] // when another process was last seen to append
	clock   *outage.Clock
	tender  *segments.Tender
	logger  *slog.Logger
}

// errNoHead: a write or a read finds no head row.
var errNoHead = fmt.Errorf("%w: the head row is missing", events.ErrCorrupt)

var _ events.Log = (*Log)(nil)

// Open connects to the database at url, in any form that libpq accepts, brings
// the schema jangbu_log up to date and returns the log in it. The context
// bounds the opening only.
func Open(ctx context.Context, url string, opts Options) (*Log, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.segment == 0 {
		opts.segment = segments.Size
	}
	pool, err := connect(ctx, url, "jangbu_log", logMigrations, "migrations", opts, schema.Upgrade(opts.Logger), schema.Partition(opts.segment))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{
		pool: pool, writing: make(chan struct{}, 1), clock: outage.NewClock(opts.Logger),
		logger: opts.Logger,
	}
	l.tender = l.newTender(opts.segment)
	l.tender.Start(ctx)
	return l, nil
}

// Close waits for running calls and closes the connections.
func (l *Log) Close() {
	l.tender.Close()
	l.pool.Close()
}

// write runs f on a connection of its own, after the writers before it and before its
// deadline. A connection that f leaves within a transaction is closed, which rolls back.
func (l *Log) write(ctx context.Context, f func(context.Context, *pgxpool.Conn) error) error {
	ctx, done := l.pool.Writing(ctx)
	defer done()
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
	return cutOff(ctx, f(ctx, conn))
}

// writeTx runs f in a transaction.
func (l *Log) writeTx(ctx context.Context, f func(context.Context, pgx.Tx) error) error {
	return l.write(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return l.pool.InTx(ctx, conn, postgres.Durable, nil, func(tx pgx.Tx) error { return f(ctx, tx) })
	})
}

// cutOff adds the context's error to err if the context has ended. In the middle of
// a COPY the driver may report only that the connection is closed.
func cutOff(ctx context.Context, err error) error {
	if ended := ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
		return errors.Join(ended, err)
	}
	return err
}
