package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// emptyWAL moves the write-ahead log into the file and truncates it, unless a reader is active.
const emptyWAL = `PRAGMA wal_checkpoint(TRUNCATE)`

// readersTime bounds how long readers are waited for.
const readersTime = 10 * time.Second

// ErrReading means that another process kept the write-ahead log from being emptied.
var ErrReading = errors.New("the write-ahead log keeps earlier content: another process was reading it; run the same command again")

// Compact writes the file anew: a page that lost rows may hold what they were between its others.
// Then it empties the write-ahead log, as [EmptyWAL] does.
func Compact(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, `VACUUM`); err != nil {
		return err
	}
	return EmptyWAL(ctx, db)
}

// EmptyWAL empties the write-ahead log once no reader needs it: [ErrReading] if one still does
// after 10 s.
func EmptyWAL(ctx context.Context, db *sql.DB) error {
	for deadline := time.Now().Add(readersTime); ; {
		var busy, frames, moved int
		err := db.QueryRowContext(ctx, emptyWAL).Scan(&busy, &frames, &moved)
		switch {
		case err != nil:
			return err
		case busy == 0:
			return nil
		case time.Now().After(deadline):
			return ErrReading
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
