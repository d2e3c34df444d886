package pgrows

import (
	"context"
	_ "embed" // schema.sql
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/readmodel"
)

//go:embed schema.sql
var schema string

// lockSchema makes processes that start at once create the schema one after
// another; its number has no meaning but to be this package's.
const lockSchema = `
SELECT pg_advisory_xact_lock(7237089321445)`

var (
	_ readmodel.Reader        = (*Store)(nil)
	_ readmodel.Distributions = (*Store)(nil)
	_ readmodel.Writer        = (*Store)(nil)
	_ readmodel.Leases        = (*Store)(nil)
	_ readmodel.Snapshots     = (*Store)(nil)
	_ readmodel.Builds        = (*Store)(nil)
	_ readmodel.Mending       = (*Store)(nil)
	_ readmodel.Acts          = (*Store)(nil)
)

// Store keeps rows in one PostgreSQL database. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
}

// Options are what a store may be given. The zero value is good.
type Options struct {
	// Tracer watches every query. Nil watches none.
	Tracer pgx.QueryTracer
}

// minMaxConns is how many connections there may be at least, unless the URL says
// otherwise: readers must not keep the commit of new events waiting.
const minMaxConns = 8

// Open connects to the database at a postgres:// URL and creates the schema
// where it is missing.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	params := config.ConnConfig.RuntimeParams
	// Every statement here finds rows by primary key. A plan that was made
	// while the tables were empty must still do so when they are large.
	params["plan_cache_mode"] = "force_generic_plan"
	params["enable_seqscan"] = "off"
	params["jit"] = "off"
	// A frozen process must not keep its lease's row locked.
	params["idle_in_transaction_session_timeout"] = "10s"

	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, minMaxConns)
	}
	config.ConnConfig.Tracer = opts.Tracer

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	if err := createSchema(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open rows: %w", err)
	}
	return &Store{pool: pool}, nil
}

// Close waits for what is in flight and closes all connections.
func (s *Store) Close() { s.pool.Close() }

func createSchema(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSchema); err != nil {
			return fmt.Errorf("lock schema: %w", err)
		}
		if _, err := tx.Exec(ctx, schema); err != nil {
			return fmt.Errorf("create schema: %w", err)
		}
		if _, err := tx.Exec(ctx, addStore); err != nil {
			return fmt.Errorf("number the store: %w", err)
		}
		return nil
	})
}
