package sqliterows

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed" // schema.sql
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"

	"jangbu/readmodel"
)

//go:embed schema.sql
var schema string

// maxReaders bounds the connections that read: each has a page cache.
const maxReaders = 4

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

// Store keeps rows in one SQLite file. It is safe for concurrent use.
type Store struct {
	writer *sql.DB // one connection, so that writers queue here and not in SQLite
	reader *sql.DB
	// reads are the statements of Reader, Distributions and Snapshots by their text, prepared:
	// parsing them takes longer than running them. commits are those of every
	// commit, prepared for the writer.
	reads, commits map[string]*sql.Stmt
}

// Open opens the file at path, creating it with mode 0600 and the schema with
// it where they are missing.
func Open(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open rows %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (_ *Store, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite would create it readable by all; its -wal and -shm follow it.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	s := &Store{reads: make(map[string]*sql.Stmt), commits: make(map[string]*sql.Stmt)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.writer, err = connect(path, "immediate"); err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
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
	for _, query := range []string{
		readEventStats, readChannelStats, readParticipationHourly, readParticipantProfile,
		readStoreCampaigns, readStoreChannels, readDistributed, readRevision,
		readCheckpoints, readCampaigns, nextAct, listBuilds, leftovers,
	} {
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
