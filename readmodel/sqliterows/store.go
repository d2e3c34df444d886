package sqliterows

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed" // schema.sql
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"jangbu/readmodel"
)

//go:embed schema.sql
var schema string

// reachTime is for how long a new file may be in the way of who opens it.
const reachTime = 10 * time.Second

// maxReaders bounds the connections that read: each has a page cache.
const maxReaders = 4

var _ readmodel.Store = (*Store)(nil)

// Store keeps rows in one SQLite file. It is safe for concurrent use.
type Store struct {
	writer *sql.DB // one connection, so that writers queue here and not in SQLite
	reader *sql.DB
	// reads are the statements of Reader, Distributions and Snapshots by their text, prepared:
	// parsing them takes longer than running them. commits are those of every
	// commit, prepared for the writer.
	reads, commits map[string]*sql.Stmt

	// tables are those that the store was opened with; campaigns and channels are
	// two of them, which the reads of shops and of distributions join.
	tables              []*table
	campaigns, channels *table
	queries             queries
}

// queries are the statements over more than one table.
type queries struct{ campaign, campaigns, shopCampaigns, shopChannels, distributed string }

// describe takes the tables to keep, and makes the statements over them.
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
		campaign:      s.campaigns.statement(readCampaignStats),
		campaigns:     strings.ReplaceAll(readCampaigns, "{tables}", strings.Join(campaigns, "\nUNION")),
		shopCampaigns: s.campaigns.statement(readShopCampaigns),
		shopChannels:  s.channels.statement(readShopChannels),
		distributed:   s.channels.statement(readDistributed),
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
		return nil, fmt.Errorf("rows of %s, which this store was not opened with", described.Name)
	}
	return t, nil
}

// Open opens the file at path, creating it with mode 0600 and the schema with
// it where they are missing. The tables are those of all projections; it is an error
// where the schema lacks one.
func Open(ctx context.Context, path string, tables []*readmodel.Table) (*Store, error) {
	s, err := open(ctx, path, tables)
	if err != nil {
		return nil, fmt.Errorf("open rows %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, tables []*readmodel.Table) (_ *Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
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
	if s.writer, err = connect(path, "immediate"); err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
	if err := reach(ctx, s.writer); err != nil {
		return nil, err
	}
	if s.reader, err = connect(path, "deferred"); err != nil {
		return nil, err
	}
	s.reader.SetMaxOpenConns(maxReaders)
	s.reader.SetMaxIdleConns(maxReaders)
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, addStore, time.Now().UnixMicro())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("create schema: %w", err)
	}
	queries := []string{
		s.queries.campaign, s.queries.campaigns, s.queries.shopCampaigns, s.queries.shopChannels, s.queries.distributed,
		readRevision, readCheckpoints, readOperations, nextOperation, listGenerations, leftovers,
	}
	for _, t := range s.tables {
		queries = append(queries, t.read)
	}
	for _, query := range queries {
		//nolint:sqlclosecheck // Close closes them, with the reader
		if s.reads[query], err = s.reader.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	for _, query := range []string{holdLease, advanceCheckpoint, readRevision} {
		//nolint:sqlclosecheck // Close closes them, with the writer
		if s.commits[query], err = s.writer.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// reach opens the first connection, which turns a new file's journal into a write-ahead
// log. Of several that do so at once SQLite lets all but one fail: whoever reads
// already and cannot write is not kept waiting (a deadlock could be). They try again.
func reach(ctx context.Context, db *sql.DB) error {
	for deadline := time.Now().Add(reachTime); ; {
		err := db.PingContext(ctx)
		failure, ok := errors.AsType[*sqlite.Error](err)
		if !ok || failure.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// create makes an empty file that only its owner can read, unless there is one; SQLite
// would create it readable by all. Its -wal and -shm follow it.
func create(path string) error {
	// An existing file is not even opened: closing it again would drop the locks that
	// this process's other connections hold on it.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

func connect(path, txlock string) (*sql.DB, error) {
	settings := url.Values{
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
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: settings.Encode()}).String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// Close waits for what is in flight and closes the file.
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
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to commit
	return do(tx)
}

// write runs do in a transaction that holds the file's write lock from its start.
func (s *Store) write(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	if err := do(tx); err != nil {
		// Where ctx ends, the transaction does: say why.
		return cmp.Or(ctx.Err(), err)
	}
	return tx.Commit()
}
