package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"jangbu/events"
)

// code returns the extended result code of SQLite; false where the error is not SQLite's.
func code(err error) (int, bool) {
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return 0, false
	}
	return failure.Code(), true
}

// primary returns the result code without its extension.
func primary(code int) int { return code & 0xff }

// Away returns an error with [events.ErrAway] where it says that the file could not be reached,
// locked, read or written, which may pass; any other as it is.
func Away(err error) error {
	if away(err) {
		return fmt.Errorf("%w: %w", events.ErrAway, err)
	}
	return err
}

func away(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false // of the caller, who knows better why
	}
	c, ok := code(err)
	if !ok {
		return false
	}
	switch c {
	case sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA: // no other try reads them better
		return false
	case sqlite3.SQLITE_READONLY_DBMOVED: // the file is not where it was
		return true
	}
	switch primary(c) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, // held by others for too long
		sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL:
		return true
	default:
		return false
	}
}

// Busy reports whether another connection held the file for too long.
func Busy(err error) bool {
	c, ok := code(err)
	return ok && primary(c) == sqlite3.SQLITE_BUSY
}

// Damaged reports whether the file is no database, or not a whole one.
func Damaged(err error) bool {
	c, ok := code(err)
	return ok && (primary(c) == sqlite3.SQLITE_CORRUPT || primary(c) == sqlite3.SQLITE_NOTADB)
}

// Taken reports whether an insert failed because its primary key exists.
func Taken(err error) bool {
	c, ok := code(err)
	return ok && c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
}
