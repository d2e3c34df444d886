package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// reachTime bounds the retries of Reach.
const reachTime = 10 * time.Second

// Reach opens the first connection, which switches a new file to WAL mode. If several
// connections do so at once, all but one fail with SQLITE_BUSY, which the busy timeout
// does not cover because each holds a read lock (they could deadlock); Reach retries.
func Reach(ctx context.Context, db *sql.DB) error {
	for deadline := time.Now().Add(reachTime); ; {
		err := db.PingContext(ctx)
		if !Busy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// Create creates an empty file that only its owner can read, unless it exists.
// SQLite gives the files that it adds beside it the same mode.
func Create(path string) error {
	// An existing file is not opened: closing it would drop the POSIX locks that
	// this process's other connections hold on it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Unwritable returns how an existing file is opened that this process may not write, or beside
// which it may make none; false where it may do both. A file that no other process has open, and
// that all of what was committed is in, is taken for one that does not change; otherwise what is
// beside it, the write-ahead log and its index, must be readable too.
func Unwritable(path string) (url.Values, bool) {
	const writable = 2 // W_OK
	if syscall.Access(path, writable) == nil && syscall.Access(filepath.Dir(path), writable) == nil {
		return nil, false
	}
	if _, err := os.Stat(path); err != nil {
		return nil, false
	}
	params := url.Values{"mode": {"ro"}, "_busy_timeout": {"10000"}, "_dqs": {"0"}}
	wal, err := os.Stat(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) || err == nil && wal.Size() == 0 {
		params.Set("immutable", "1")
	}
	return params, true
}
