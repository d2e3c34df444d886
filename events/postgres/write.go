package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// Durability says whether a commit waits for the disk.
type Durability string

// The durabilities, as PostgreSQL calls them.
const (
	// Durable: a commit that has returned survives a crash of the server.
	Durable Durability = "on"
	// Soon: a crash of the server takes back the last commits, in their order.
	Soon Durability = "off"
)

// beginWrite does not rest on the defaults of the database, the role or the session.
const beginWrite = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`

// pin sets what holds until the transaction ends, which a pooler's session keeps too.
const pin = `
SELECT set_config('synchronous_commit', $1, true),
    set_config('idle_in_transaction_session_timeout', $2, true),
    set_config('statement_timeout', $3, true)`

// QueueBegin queues the beginning of a transaction.
func (db *Database) QueueBegin(batch *pgx.Batch, d Durability) {
	batch.Queue(beginWrite)
	db.queuePin(batch, d)
}

func (db *Database) queuePin(batch *pgx.Batch, d Durability) {
	batch.Queue(pin, string(d), milliseconds(db.limits.Silence), milliseconds(db.limits.Deadline))
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Batcher is a [Database] or one of its connections.
type Batcher interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// Begin runs the statements of claim, if any, in a new transaction, in one round trip. The
// caller ends the transaction, except after an error.
func (db *Database) Begin(ctx context.Context, on Batcher, d Durability, claim *pgx.Batch) (pgx.Tx, error) {
	batch := new(pgx.Batch)
	batch.BeginTx(pgx.TxOptions{BeginQuery: beginWrite})
	db.queuePin(batch, d)
	if claim != nil {
		batch.QueuedQueries = append(batch.QueuedQueries, claim.QueuedQueries...)
	}
	begun := on.SendBatch(ctx, batch)
	tx := begun.Tx()
	if err := begun.Close(); err != nil {
		// A rollback fails once ctx has ended. The connection is then closed, and the
		// server rolls back.
		_ = tx.Rollback(ctx)
		return nil, err
	}
	return tx, nil
}

// InTx runs claim, if any, and do in one transaction. It commits unless do fails.
func (db *Database) InTx(ctx context.Context, on Batcher, d Durability, claim *pgx.Batch, do func(pgx.Tx) error) error {
	tx, err := db.Begin(ctx, on, d, claim)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // see Begin
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Write is InTx on any connection, before the deadline of a write.
func (db *Database) Write(ctx context.Context, d Durability, claim *pgx.Batch, do func(context.Context, pgx.Tx) error) error {
	ctx, done := db.Writing(ctx)
	defer done()
	return db.InTx(ctx, db, d, claim, func(tx pgx.Tx) error { return do(ctx, tx) })
}

// WriteOne is Write of one statement.
func (db *Database) WriteOne(ctx context.Context, d Durability, statement string, args ...any) error {
	return db.Write(ctx, d, nil, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, statement, args...)
		return err
	})
}

// Writing returns a context that bounds one write, and a function that the caller calls
// after it. Meanwhile a silent session that keeps it waiting is ended.
func (db *Database) Writing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, db.limits.Deadline)
	db.watches.Add(1)
	soon := time.AfterFunc(db.limits.Silence/10, func() {
		defer db.watches.Done()
		db.endSilent(ctx)
	})
	return ctx, func() {
		if soon.Stop() {
			db.watches.Done()
		}
		cancel()
	}
}

// Holding calls f while it keeps a transaction, and its locks, from being silent. The context
// of f ends with the transaction.
func (db *Database) Holding(ctx context.Context, tx pgx.Tx, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ticker := time.NewTicker(db.limits.Silence / 4); ; {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				ticker.Stop()
				return
			}
			if _, err := tx.Exec(ctx, `SELECT`); err != nil {
				cancel(fmt.Errorf("hold a lock: %w", err))
			}
		}
	}()
	err := f(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(nil)
	<-ended
	return err
}

// findSilent returns the sessions that block one of this role and wait for their client, with
// what changes while a client is not silent. The server knows how far a COPY has come.
const findSilent = `
SELECT a.pid, a.backend_start::text, concat_ws(' ', a.xact_start, a.state_change, a.wait_event, c.bytes_processed),
    concat_ws(' ', a.application_name, a.client_addr)
FROM (
    SELECT DISTINCT unnest(pg_blocking_pids(w.pid)) AS pid
    FROM pg_stat_activity AS w
    WHERE w.datname = current_database() AND w.usename = current_user AND w.wait_event_type = 'Lock'
) AS blocking
JOIN pg_stat_activity AS a ON a.pid = blocking.pid
LEFT JOIN pg_stat_progress_copy AS c ON c.pid = a.pid
WHERE a.datname = current_database() AND a.usename = current_user AND a.wait_event_type = 'Client'`

// endSession ends the session, unless its number is that of another one by now.
const endSession = `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2`

// silent is a session that was seen without a change since a moment.
type silent struct {
	pid          int32
	start, state string
	client       string
	since        time.Time
}

// endSilent ends sessions that block others and stay silent, until ctx ends. One goroutine
// does it for all writes that wait.
func (db *Database) endSilent(ctx context.Context) {
	select {
	case db.watch <- struct{}{}:
		defer func() { <-db.watch }()
	case <-ctx.Done():
		return
	}
	// Not one of the pool, all of whose connections may wait.
	session := db.session.Copy()
	err := db.authenticate(ctx, session)
	var conn *pgx.Conn
	if err == nil {
		conn, err = pgx.ConnectConfig(ctx, session)
	}
	if err == nil {
		err = errors.Join(db.watchOn(ctx, conn), conn.Close(context.WithoutCancel(ctx)))
	}
	if err != nil && ctx.Err() == nil {
		db.logger.WarnContext(ctx, "cannot look who keeps a write waiting", slog.Any("error", err))
	}
}

func (db *Database) watchOn(ctx context.Context, conn *pgx.Conn) error {
	seen := make(map[int32]silent)
	for ticker := time.NewTicker(db.limits.Silence / 20); ; {
		rows, err := conn.Query(ctx, findSilent)
		if err != nil {
			return err
		}
		now, next := time.Now(), make(map[int32]silent)
		var s silent
		_, err = pgx.ForEachRow(rows, []any{&s.pid, &s.start, &s.state, &s.client}, func() error {
			if before, ok := seen[s.pid]; ok && before.start == s.start && before.state == s.state {
				next[s.pid] = before
			} else {
				s.since = now
				next[s.pid] = s
			}
			return nil
		})
		if err != nil {
			return err
		}
		seen = next
		for pid, s := range seen {
			if now.Sub(s.since) < db.limits.Silence {
				continue
			}
			if _, err := conn.Exec(ctx, endSession, pid, s.start); err != nil {
				return err
			}
			db.logger.WarnContext(ctx, "ended a session that was silent while others waited for it",
				slog.Int("pid", int(pid)), slog.String("client", s.client), slog.Duration("silent", now.Sub(s.since)))
			delete(seen, pid)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ticker.Stop()
			return nil
		}
	}
}
