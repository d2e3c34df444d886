package pgrows

import (
	"context"
	_ "embed" // schema.sql
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events/postgres"
	"jangbu/readmodel"
)

//go:embed schema.sql
var schema string

// schemaVersion is that of schema.sql. It grows by one with each change that an earlier
// program would not know how to keep.
const schemaVersion = 3

// lockSchema makes processes that start at once create the schema one after another. Its
// number is arbitrary and used by this package only.
const (
	lockSchema = `
SELECT pg_advisory_xact_lock(7237089321445)`

	findTable = `
SELECT to_regclass($1) IS NOT NULL`

	readVersion = `
SELECT version
FROM jangbu_rows.schema_version`

	setVersion = `
INSERT INTO jangbu_rows.schema_version AS v (id, version)
VALUES (1, $1)
ON CONFLICT (id) DO UPDATE
SET version = EXCLUDED.version
WHERE v.version < EXCLUDED.version`
)

var _ readmodel.Store = (*Store)(nil)

// Store keeps rows in one PostgreSQL database. It is safe for concurrent use.
type Store struct {
	pool *postgres.Database
	// The fields below do not change once the store is open. campaigns and channels are
	// two of tables.
	tables              []*table
	campaigns, channels *table
	queries             queries
}

// Options of a store. The zero value is ready to use.
type Options struct {
	// Logger logs silent sessions that are ended; nil disables logging.
	Logger *slog.Logger
	// Password returns the password of a connection. Nil: it is the URL's.
	Password func() (string, error)
	// Connections is the most at once, as in [postgres.Options].
	Connections int
	// ReadOnly opens what exists, changes nothing, and returns [postgres.ErrBehind] where it is
	// missing or older. Durable and MaxSkew are as in [postgres.Options].
	ReadOnly, Durable bool
	MaxSkew           time.Duration
	// Limits bound how long a write waits.
	Limits postgres.Limits
	// Tracer traces every query. Nil traces none.
	Tracer pgx.QueryTracer
}

// sessionSettings are the settings of a session, unless the URL sets them. Every statement
// finds rows by an index. A plan that was made while the tables were empty must use it too.
func sessionSettings() map[string]string {
	return map[string]string{"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_bitmapscan": "off", "jit": "off"}
}

// Open connects to the database at a postgres:// URL and creates the schema where it is
// missing. The tables are those of all projections; one that the schema lacks is an error.
func Open(ctx context.Context, url string, tables []*readmodel.Table, opts Options) (*Store, error) {
	s := &Store{}
	if err := s.describe(tables); err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	pool, err := postgres.Open(ctx, url, postgres.Options{
		Password: opts.Password, Connections: opts.Connections, Limits: opts.Limits, Session: sessionSettings(), Logger: opts.Logger, Tracer: opts.Tracer,
		ReadOnly: opts.ReadOnly, Durable: opts.Durable, MaxSkew: opts.MaxSkew,
	})
	if err != nil {
		return nil, fmt.Errorf("open rows: %w", err)
	}
	if opts.ReadOnly {
		err = checkSchema(ctx, pool, s.tables)
	} else {
		err = createSchema(ctx, pool, s.tables)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open rows: %w", err)
	}
	s.pool = pool
	return s, nil
}

// queries are the statements over several tables.
type queries struct {
	campaign, campaigns, shopCampaigns, shopChannels, distributed, earlierByPosition, earlierByTime string
	shopPages                                                                                       map[readmodel.ShopPageKind]shopQueries
}

// describe sets the tables and makes the statements over them.
func (s *Store) describe(tables []*readmodel.Table) error {
	var campaigns []string
	for _, described := range tables {
		t := newTable(described)
		s.tables = append(s.tables, t)
		campaigns = append(campaigns, t.campaigns)
	}
	s.campaigns, s.channels = s.named(readmodel.CampaignStatsTable().Name), s.named(readmodel.ChannelStatsTable().Name)
	if s.campaigns == nil || s.channels == nil {
		return errors.New("the tables of campaigns and of their channels are required")
	}
	s.queries = queries{
		campaign:          s.campaigns.statement(readCampaignStats),
		campaigns:         strings.ReplaceAll(readCampaigns, "{tables}", strings.Join(campaigns, "\nUNION")),
		shopCampaigns:     s.campaigns.statement(readShopCampaigns),
		shopChannels:      s.channels.statement(readShopChannels),
		distributed:       s.channels.statement(readDistributed),
		earlierByPosition: strings.ReplaceAll(readEarlier, "{moment}", "position"), earlierByTime: strings.ReplaceAll(readEarlier, "{moment}", "recorded_at"),
		shopPages: s.pageQueries(),
	}
	return nil
}

// named returns the table of that name; nil where the store keeps none.
func (s *Store) named(name string) *table {
	for _, t := range s.tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// table returns the store's own table of that description.
func (s *Store) table(described *readmodel.Table) (*table, error) {
	t := s.named(described.Name)
	if t == nil {
		return nil, fmt.Errorf("the store was not opened with table %s", described.Name)
	}
	return t, nil
}

// Close waits for queries in flight and closes all connections.
func (s *Store) Close() { s.pool.Close() }

func createSchema(ctx context.Context, db *postgres.Database, tables []*table) error {
	return db.Write(ctx, postgres.Durable, nil, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSchema); err != nil {
			return fmt.Errorf("lock schema: %w", err)
		}
		if _, err := checkVersion(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, schema); err != nil {
			return fmt.Errorf("create schema: %w", err)
		}
		if _, err := tx.Exec(ctx, setVersion, schemaVersion); err != nil {
			return fmt.Errorf("write the schema's version: %w", err)
		}
		if err := createViews(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, addStore); err != nil {
			return fmt.Errorf("number the store: %w", err)
		}
		for _, t := range tables {
			var there bool
			if err := tx.QueryRow(ctx, findTable, "jangbu_rows."+t.Name).Scan(&there); err != nil {
				return fmt.Errorf("find table %s: %w", t.Name, err)
			}
			if !there {
				return fmt.Errorf("schema.sql makes no table %s", t.Name)
			}
			if _, err := tx.Exec(ctx, dropUnread, t.Name, int64(t.description)); err != nil {
				return fmt.Errorf("drop snapshots: %w", err)
			}
		}
		return nil
	})
}

// checkVersion returns the version of the schema, 0 where there is none, and refuses that of a newer
// program.
func checkVersion(ctx context.Context, on querier) (version int, err error) {
	var there bool
	if err := on.QueryRow(ctx, findTable, "jangbu_rows.schema_version").Scan(&there); err != nil || !there {
		return 0, err
	}
	switch err := on.QueryRow(ctx, readVersion).Scan(&version); {
	case err != nil:
		return 0, fmt.Errorf("read the schema's version: %w", err)
	case version > schemaVersion:
		return 0, fmt.Errorf("the schema jangbu_rows is of version %d and this program knows none above %d: run a newer program, or drop the schema, which serve makes anew", version, schemaVersion)
	}
	return version, nil
}

// querier is a database, or a transaction in it.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// checkSchema changes nothing. It returns [postgres.ErrBehind] unless the schema is as createSchema
// leaves it.
func checkSchema(ctx context.Context, db *postgres.Database, tables []*table) error {
	version, err := checkVersion(ctx, db)
	if err != nil {
		return err
	}
	there := version == schemaVersion
	for _, t := range tables {
		if !there {
			break
		}
		if err := db.QueryRow(ctx, findTable, "jangbu_rows."+t.Name).Scan(&there); err != nil {
			return fmt.Errorf("find table %s: %w", t.Name, err)
		}
	}
	if !there {
		return fmt.Errorf("jangbu_rows: %w", postgres.ErrBehind)
	}
	return nil
}
