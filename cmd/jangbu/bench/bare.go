package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/stores"
)

// The bare equivalent of the log writes its very rows to tables with the same indexes.
const (
	eventColumns   = `position, occurred_at, recorded_at, type, id, digest, campaign, payload, form`
	copyEventsOut  = `COPY (SELECT ` + eventColumns + ` FROM jangbu_log.events_%d ORDER BY position) TO STDOUT (FORMAT binary)`
	copyEventsIn   = `COPY jangbu_log.events_%d (` + eventColumns + `) FROM STDIN (FORMAT binary)`
	usedSegments   = `SELECT first, last FROM segments WHERE first <= (SELECT position FROM log_head) ORDER BY last`
	addSegment     = `SELECT jangbu_log.add_segment($1, $2)`
	selectEvents   = `SELECT ` + eventColumns + ` FROM events ORDER BY position`
	insertEvent    = `INSERT INTO plain_events (` + eventColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	durably        = `SET synchronous_commit TO on`
	selectEnds     = `SELECT position FROM links ORDER BY position`
	withLogSchema  = `SET search_path TO jangbu_log, jangbu_rows`
	likeTheLogDoes = `_busy_timeout=10000&_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_pragma=cache_size(-65536)&_pragma=secure_delete(ON)&_pragma=wal_autocheckpoint(16384)&_dqs=0`
)

// plainEvents is, on SQLite, the table of the log's events with one index for all identities, where
// the log has one for each segment.
const plainEvents = `
CREATE TABLE plain_events (
    position    INTEGER NOT NULL PRIMARY KEY,
    occurred_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    id          BLOB NOT NULL,
    digest      BLOB NOT NULL,
    campaign    TEXT NOT NULL,
    payload     TEXT NOT NULL,
    form        INTEGER NOT NULL,
    UNIQUE (campaign, id)
) STRICT;
CREATE INDEX plain_events_rare ON plain_events (campaign, position) WHERE type IN (1, 5)`

// model is the rows of a log as they were written: in a file for each segment, as COPY reads
// them, or in that of SQLite itself.
type model struct {
	path     string
	segments []modelSegment
	ends     []int // positions of the last events of the transactions
}

// modelSegment is a segment of the log on PostgreSQL, in the model's file of its last position.
type modelSegment struct{ First, Last int }

func (m model) file(s modelSegment) string { return fmt.Sprint(m.path, "-", s.Last) }

// ends returns the positions of the last events of the log's transactions.
func ends(ctx context.Context, at place) (all []int, err error) {
	if at.DatabaseURL == "" {
		err = withSQLite(at.LogPlace().Path, "mode=ro", func(db *sql.DB) (err error) {
			all, err = query(ctx, db, selectEnds, func(rows *sql.Rows) (n int, err error) { return n, rows.Scan(&n) })
			return err
		})
		return all, err
	}
	return all, withPostgres(ctx, at.DatabaseURL, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, selectEnds)
		if err == nil {
			all, err = pgx.CollectRows(rows, pgx.RowTo[int])
		}
		return err
	})
}

// keep keeps the rows of a log that no service has open.
func (b *ingestBench) keep(ctx context.Context, at place) (err error) {
	if b.model.ends, err = ends(ctx, at); err != nil {
		return err
	}
	b.model.path = filepath.Join(b.dir, "model")
	if at.DatabaseURL == "" {
		return os.Rename(at.LogPlace().Path, b.model.path)
	}
	return withPostgres(ctx, at.DatabaseURL, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, usedSegments)
		if err != nil {
			return err
		}
		if b.model.segments, err = pgx.CollectRows(rows, pgx.RowToStructByPos[modelSegment]); err != nil {
			return err
		}
		for _, s := range b.model.segments {
			file, err := os.OpenFile(b.model.file(s), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			_, err = conn.PgConn().CopyTo(ctx, file, fmt.Sprintf(copyEventsOut, s.Last))
			if err = errors.Join(err, file.Close()); err != nil {
				return err
			}
		}
		return nil
	})
}

// bare writes the rows of the model to an empty log, over one connection.
func (b *ingestBench) bare(ctx context.Context) (s spent, err error) {
	err = b.withEmpty(ctx, func(at place) error {
		if at.DatabaseURL == "" {
			s, err = b.insertAll(ctx, at)
		} else {
			s, err = b.copyAll(ctx, at)
		}
		return err
	})
	return s, err
}

// withEmpty calls f with a new log and its rows, which are in one database.
func (b *ingestBench) withEmpty(ctx context.Context, f func(place) error) (err error) {
	at, err := newPlace(ctx, b.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.drop(context.WithoutCancel(ctx))) }()
	if at.DatabaseURL == "" {
		one := url.URL{Scheme: "sqlite", Path: filepath.Join(at.DataDir, "one.db")}
		at.LogURL, at.RowsURL = one.String(), one.String()
	}
	for _, open := range []func(stores.Config) (func() error, error){
		func(c stores.Config) (func() error, error) {
			_, closeLog, err := c.OpenLog(ctx, nil, nil)
			return closeLog, err
		},
		func(c stores.Config) (func() error, error) {
			_, closeRows, err := c.OpenRows(ctx, nil, nil)
			return closeRows, err
		},
	} {
		closeStore, err := open(at.Config)
		if err == nil {
			err = closeStore()
		}
		if err != nil {
			return err
		}
	}
	return f(at)
}

// copyAll is one COPY for each segment, in one transaction. To make the segments is not counted.
func (b *ingestBench) copyAll(ctx context.Context, at place) (s spent, err error) {
	return s, withPostgres(ctx, at.DatabaseURL, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, durably); err != nil {
			return err
		}
		for _, segment := range b.model.segments {
			if _, err := conn.Exec(ctx, addSegment, segment.First, segment.Last); err != nil {
				return err
			}
		}
		start := b.meter.read()
		err := pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
			for _, segment := range b.model.segments {
				if err := b.copySegment(ctx, conn, segment); err != nil {
					return err
				}
			}
			return nil
		})
		s = b.meter.since(start, b.topics.events)
		return err
	})
}

func (b *ingestBench) copySegment(ctx context.Context, conn *pgx.Conn, s modelSegment) (err error) {
	file, err := os.Open(b.model.file(s))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = conn.PgConn().CopyFrom(ctx, file, fmt.Sprintf(copyEventsIn, s.Last))
	return err
}

// insertAll repeats one prepared INSERT, in transactions as large as those of the log. Reading
// the rows is not counted.
func (b *ingestBench) insertAll(ctx context.Context, at place) (s spent, err error) {
	err = withSQLite(b.model.path, "mode=ro", func(from *sql.DB) error {
		return withSQLite(at.LogPlace().Path, likeTheLogDoes, func(to *sql.DB) (err error) {
			if _, err := to.ExecContext(ctx, plainEvents); err != nil {
				return err
			}
			insert, err := to.PrepareContext(ctx, insertEvent)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, insert.Close()) }()
			rows, err := from.QueryContext(ctx, selectEvents)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, rows.Close()) }()
			for start, batch := 0, [][]any(nil); start < len(b.model.ends); start++ {
				batch = batch[:0]
				for first := b.before(start); first+len(batch) < b.model.ends[start] && rows.Next(); {
					row, err := scanEvent(rows)
					if err != nil {
						return err
					}
					batch = append(batch, row)
				}
				start := b.meter.read()
				if err := insertBatch(ctx, to, insert, batch); err != nil {
					return err
				}
				s.add(b.meter.since(start, len(batch)))
			}
			return rows.Err()
		})
	})
	return s, err
}

// before returns the position that the log had before a transaction.
func (b *ingestBench) before(transaction int) int {
	if transaction == 0 {
		return 0
	}
	return b.model.ends[transaction-1]
}

// scanEvent returns the columns of a row.
func scanEvent(rows *sql.Rows) ([]any, error) {
	row := make([]any, strings.Count(eventColumns, ",")+1)
	to := make([]any, len(row))
	for i := range row {
		to[i] = &row[i]
	}
	return row, rows.Scan(to...)
}

func insertBatch(ctx context.Context, db *sql.DB, insert *sql.Stmt, batch [][]any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	// As the log does: watching a context costs a goroutine for each statement.
	unwatched := context.WithoutCancel(ctx)
	each := tx.StmtContext(unwatched, insert) //nolint:sqlclosecheck // closed with the transaction
	for _, row := range batch {
		if _, err := each.ExecContext(unwatched, row...); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// withPostgres calls f with a connection that finds the tables by their names.
func withPostgres(ctx context.Context, database string, f func(*pgx.Conn) error) (err error) {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if _, err := conn.Exec(ctx, withLogSchema); err != nil {
		return err
	}
	return f(conn)
}

// withSQLite calls f with one connection to a file.
func withSQLite(path, settings string, f func(*sql.DB) error) (err error) {
	db, err := openSQLite(path, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return f(db)
}

func openSQLite(path, settings string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings}).String())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// query returns what scan makes of each row.
func query[T any](ctx context.Context, db *sql.DB, text string, scan func(*sql.Rows) (T, error)) (all []T, err error) {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
