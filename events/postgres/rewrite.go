package postgres

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrReading means that another session kept what was overwritten from being removed.
var ErrReading = errors.New("the tables keep earlier content: another session was reading them; run the same command again")

const (
	// nextTransaction is after those that have overwritten anything.
	nextTransaction = `SELECT pg_current_xact_id()::text`

	// mayBeSeen says whether a session may see what was before a transaction, or may come to:
	// a snapshot is as old as the oldest transaction of any database that was running then.
	mayBeSeen = `
SELECT pg_snapshot_xmin(pg_current_snapshot()) <= $1::text::xid8
    OR EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND age(backend_xmin) >= age($1::text::xid8::xid)
    )`

	// rewriteSamples writes the planner's samples anew. PostgreSQL warns, and leaves them as they
	// are, where the role may not do it.
	rewriteSamples = `VACUUM FULL pg_catalog.pg_statistic`

	// readersTime bounds how long such sessions are waited for, and readersEvery is how often.
	readersTime  = 10 * time.Second
	readersEvery = 10 * time.Millisecond
)

// Rewrite writes tables, their indexes and the planner's samples of them anew, so that their
// files hold nothing of what was overwritten before: rows that a session may still see would be
// kept. Nothing reads or writes a table meanwhile. [ErrReading] if sessions read for 10 s on.
func (db *Database) Rewrite(ctx context.Context, tables ...string) error {
	var now string
	if err := db.QueryRow(ctx, nextTransaction).Scan(&now); err != nil {
		return err
	}
	for deadline := time.Now().Add(readersTime); ; {
		var seen bool
		if err := db.QueryRow(ctx, mayBeSeen, now).Scan(&seen); err != nil {
			return err
		}
		if !seen {
			break
		}
		if time.Now().After(deadline) {
			return ErrReading
		}
		select {
		case <-time.After(readersEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if _, err := db.Exec(ctx, `VACUUM (FULL, ANALYZE) `+strings.Join(tables, ", ")); err != nil {
		return err
	}
	_, err := db.Exec(ctx, rewriteSamples)
	return err
}
