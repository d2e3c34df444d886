package sqlitelog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"jangbu/events"
	"jangbu/events/outage"
	"jangbu/events/segments"
	"jangbu/events/sqlite"
	"jangbu/events/sqlitelog/schema"
)

// readers is the number of connections for reads.
const readers = 4

// segmentSize is how many positions a segment has, unless it is of before there were any. An append
// writes every page of the last segment's identities that it changes, and these are most of what it
// writes: in segments of a million it costs half as much again (BenchmarkToALongLog).
const segmentSize = 250_000

//go:embed migrations/*.sql
var logMigrations embed.FS

// Options configures a [Log]. The zero value is ready for use.
type Options struct {
	// Logger logs the migrations that are applied, and a clock that leaps; nil disables
	// logging.
	Logger *slog.Logger
	// ReadOnly opens also a file that this process may not write; each write to it then fails.
	ReadOnly bool

	segment events.Position // how many positions a segment has; 0: segmentSize
}

// Log is the log and its dead letters in one file. It is safe for concurrent use.
type Log struct {
	writer *sql.DB // one connection, so that writers wait here and not in SQLite
	reader *sql.DB
	grown  events.Signal
	clock  *outage.Clock

	unwritable bool // it was opened to be read

	tender *segments.Tender
	// repeated says that the last batch which was compared with all of the log had events that it held.
	repeated atomic.Bool

	insertMany *sql.Stmt // of writer
	insertOne  *sql.Stmt // of writer
	readHead   *sql.Stmt // of reader
	readEvents *sql.Stmt // of reader
}

var _ events.Log = (*Log)(nil)

// errNoHead: a write or a read finds no head row.
var errNoHead = fmt.Errorf("%w: the head row is missing", events.ErrCorrupt)

// Open opens the log in the file at path. It creates the file if there is none and
// brings it up to date. The context bounds the opening only.
func Open(ctx context.Context, path string, opts Options) (*Log, error) {
	if opts.segment == 0 {
		opts.segment = segmentSize
	}
	l := &Log{clock: outage.NewClock(opts.Logger)}
	if err := l.open(ctx, path, opts); err != nil {
		return nil, fmt.Errorf("open log %s: %w", path, errors.Join(mendFile(err), l.Close()))
	}
	l.tender = l.newTender(opts.segment, opts.Logger)
	if !l.unwritable {
		l.tender.Start(ctx)
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, path string, opts Options) (err error) {
	reads := readerPragmas()
	if l.writer, l.unwritable, err = openFile(path, opts.ReadOnly, writerPragmas(), reads); err != nil {
		return err
	}
	upgrade, split := schema.Upgrade(opts.Logger), schema.Split(opts.segment)
	if l.unwritable {
		err = schema.Check(ctx, l.writer, logMigrations, "migrations", upgrade, split)
	} else {
		err = schema.Migrate(ctx, l.writer, logMigrations, "migrations", opts.Logger, upgrade, split)
	}
	if err != nil {
		return err
	}
	if l.reader, err = connect(path, reads, readers); err != nil {
		return err
	}
	for _, s := range []struct {
		stmt  **sql.Stmt
		db    *sql.DB
		query string
	}{
		{&l.insertMany, l.writer, insertOf(rowsAtOnce)},
		{&l.insertOne, l.writer, insertOf(1)},
		{&l.readHead, l.reader, readHead},
		{&l.readEvents, l.reader, readEvents},
	} {
		if *s.stmt, err = s.db.PrepareContext(ctx, s.query); err != nil { //nolint:sqlclosecheck // closed with its database
			return err
		}
	}
	return nil
}

// Close waits for running calls and closes the file.
func (l *Log) Close() error {
	if l.tender != nil {
		l.tender.Close()
	}
	var errs []error
	for _, db := range []*sql.DB{l.reader, l.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// write runs f in a transaction that holds the write lock. It passes f a context
// without cancellation: SQLite ends a whole transaction when it interrupts one of
// its statements, and watching a context costs a goroutine for each statement.
// database/sql rolls the transaction back when ctx ends.
func write(ctx context.Context, db *sql.DB, f func(context.Context, *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return sqlite.Away(err)
	}
	err = f(context.WithoutCancel(ctx), tx)
	if err != nil {
		err = errors.Join(err, rollback(tx))
	} else {
		err = tx.Commit()
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // err may only report that the transaction has ended
	}
	return sqlite.Away(err)
}

// rollback rolls tx back; a transaction that has ended already is no error.
func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
