package sqlitelog

import (
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"

	driver "modernc.org/sqlite"

	"jangbu/events/sqlite"
)

// busyTimeout bounds a statement's wait for another process, in milliseconds.
const busyTimeout = "10000"

// writerCache gives the writer a page cache of 64 MiB. Identities are random, so an
// append touches pages all over the index; reading them from the file would halve
// its rate.
const writerCache = "cache_size(-65536)"

// checkpointPages is how many pages the write-ahead log has before it is moved into the file: 64 MiB.
// A commit is durable in the write-ahead log. A page that several transactions change is moved once.
const checkpointPages = "wal_autocheckpoint(16384)"

// secureDelete overwrites erased content with zeros.
const secureDelete = "secure_delete(ON)"

// writerPragmas make no file where that is gone, a commit durable, and a transaction take the write lock when
// it begins, so that none fails later because it cannot get the lock.
func writerPragmas() url.Values {
	return url.Values{
		"mode":          {"rw"},
		"_busy_timeout": {busyTimeout},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_txlock":       {"immediate"},
		"_pragma":       {writerCache, secureDelete, checkpointPages},
		"_dqs":          {"0"},
	}
}

// readerPragmas make no file where that is gone, and forbid writing.
func readerPragmas() url.Values {
	return url.Values{"mode": {"rw"}, "_busy_timeout": {busyTimeout}, "_query_only": {"1"}, "_dqs": {"0"}}
}

// connect opens at most conns connections to the file.
func connect(path string, params url.Values, conns int) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: params.Encode()}
	connector, err := driver.NewConnector(address.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// mendFile says of an error how a file is mended that is no database, or not a whole one.
func mendFile(err error) error {
	if sqlite.Damaged(err) {
		return fmt.Errorf("%w: restore the file from a backup", err)
	}
	return err
}

// openFile opens the one connection that writes to the file, which it makes if there is none. Where
// the file is only to be read and this process may not write it, both params become those with which
// it can be read.
func openFile(path string, readOnly bool, writes, reads url.Values) (db *sql.DB, unwritable bool, err error) {
	if readOnly {
		var params url.Values
		if params, unwritable = sqlite.Unwritable(path); unwritable {
			clear(reads)
			maps.Copy(reads, params)
			writes = reads
		}
	}
	if !unwritable {
		if err := sqlite.Create(path); err != nil {
			return nil, false, err
		}
	}
	db, err = connect(path, writes, 1)
	return db, unwritable, err
}
