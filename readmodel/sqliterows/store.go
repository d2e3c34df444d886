package sqliterows

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed" // schema.sql
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	driver "modernc.org/sqlite"

	"jangbu/events/sqlite"
	"jangbu/readmodel"
)

//go:embed schema.sql
var schema string

// schemaVersion is that of schema.sql. It grows by one with each change that an earlier
// program would not know how to keep.
const schemaVersion = 3

// maxReaders bounds the connections that read: each has a page cache.
const maxReaders = 4

var _ readmodel.Store = (*Store)(nil)

// Store keeps rows in one SQLite file. It is safe for concurrent use.
type Store struct {
	writer *sql.DB // one connection, so that writers queue here and not in SQLite
	reader *sql.DB
	// reads are statements prepared for the reader, by their text: parsing takes longer
	// than running them. commits are those of every commit, prepared for the writer. No
	// field changes once the store is open.
	reads, commits map[string]*sql.Stmt

	// campaigns and channels are two of tables.
	tables              []*table
	campaigns, channels *table
	queries             queries
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
		earlierByPosition: s.earlierBy("position"), earlierByTime: s.earlierBy("recorded_at"),
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

// Open opens the file at path. It creates the file, with mode 0600, and the schema where
// they are missing. The tables are those of all projections; one that the schema lacks is
// an error.
func Open(ctx context.Context, path string, tables []*readmodel.Table) (*Store, error) {
	return storeIn(ctx, path, tables, false)
}

// Read is Open for rows that are only read: it opens also a file that this process may not write,
// unless that is of another release; each write to it then fails.
func Read(ctx context.Context, path string, tables []*readmodel.Table) (*Store, error) {
	return storeIn(ctx, path, tables, true)
}

func storeIn(ctx context.Context, path string, tables []*readmodel.Table, readOnly bool) (*Store, error) {
	s, err := open(ctx, path, tables, readOnly)
	if err != nil {
		if sqlite.Damaged(err) {
			err = fmt.Errorf("%w: remove the file, which serve makes anew", err)
		}
		return nil, fmt.Errorf("open rows %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, tables []*readmodel.Table, readOnly bool) (_ *Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &Store{reads: make(map[string]*sql.Stmt), commits: make(map[string]*sql.Stmt)}
	if err := s.describe(tables); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	writes, reads := settings("immediate"), settings("deferred")
	params, unwritable := sqlite.Unwritable(path)
	if unwritable = unwritable && readOnly; unwritable {
		writes, reads = params, params
	} else if err := sqlite.Create(path); err != nil {
		return nil, err
	}
	if s.writer, err = connect(path, writes); err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
	if err := sqlite.Reach(ctx, s.writer); err != nil {
		return nil, err
	}
	if s.reader, err = connect(path, reads); err != nil {
		return nil, err
	}
	s.reader.SetMaxOpenConns(maxReaders)
	s.reader.SetMaxIdleConns(maxReaders)
	if unwritable {
		err = s.check(ctx)
	} else {
		err = s.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

// check changes nothing. It returns an error unless the schema is that of this program.
func (s *Store) check(ctx context.Context) error {
	var version int
	err := s.reader.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version)
	if err == nil && version != schemaVersion {
		err = fmt.Errorf("it is of version %d, and only read: a process that may write brings it to version %d", version, schemaVersion)
	}
	return err
}

// create brings the schema up to date.
func (s *Store) create(ctx context.Context) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
			return err
		}
		if version > schemaVersion {
			return fmt.Errorf("it is of version %d and this program knows none above %d: run a newer program, or remove the file, which serve makes anew", version, schemaVersion)
		}
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion)); err != nil {
			return err
		}
		if err := upgrade(ctx, tx); err != nil {
			return err
		}
		if err := createViews(ctx, tx); err != nil {
			return err
		}
		for _, t := range s.tables {
			if _, err := tx.ExecContext(ctx, dropUnread, t.Name, int64(t.description)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, addStore, time.Now().UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	return nil
}

// prepare prepares the statements.
func (s *Store) prepare(ctx context.Context) (err error) {
	queries := []string{
		s.queries.campaign, s.queries.campaigns, s.queries.shopCampaigns, s.queries.shopChannels, s.queries.distributed,
		readRevision, readCheckpoints, readOperations, countHeals, nextOperation, listGenerations, leftovers, readRebuilding, readShopOf, s.queries.earlierByPosition, s.queries.earlierByTime,
	}
	for _, t := range s.tables {
		queries = append(queries, t.read, t.readFrom, t.readAfter, t.loadAll)
	}
	for _, of := range s.queries.shopPages {
		queries = append(queries, of.campaigns, of.channels)
	}
	for _, query := range queries {
		//nolint:sqlclosecheck // Close closes them, with the reader
		if s.reads[query], err = s.reader.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	for _, query := range []string{holdLease, advanceCheckpoint, readRevision} {
		//nolint:sqlclosecheck // Close closes them, with the writer
		if s.commits[query], err = s.writer.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// settings are those of a connection, whose transactions take the write lock as txlock says.
func settings(txlock string) url.Values {
	return url.Values{
		"mode":    {"rw"}, // no file is made where that is gone
		"_txlock": {txlock},
		"_pragma": {
			"busy_timeout(10000)",
			"journal_mode(WAL)",
			"synchronous(NORMAL)",
			"foreign_keys(ON)",
			"cache_size(-32768)", // 32 MiB
			"journal_size_limit(67108864)",
		},
	}
}

func connect(path string, settings url.Values) (*sql.DB, error) {
	connector, err := driver.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}).String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Close waits for statements in flight and closes the file.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// read runs do in a transaction that sees the rows of one moment.
func (s *Store) read(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return sqlite.Away(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing to commit
	return sqlite.Away(do(tx))
}

// write runs do in a transaction that holds the file's write lock from its start.
func (s *Store) write(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return sqlite.Away(err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	if err := do(tx); err != nil {
		// The end of ctx ends the transaction, and is then the cause.
		return cmp.Or(ctx.Err(), sqlite.Away(err))
	}
	return sqlite.Away(tx.Commit())
}
