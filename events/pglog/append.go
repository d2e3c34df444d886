package pglog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/events"
	"jangbu/events/postgres"
)

// takeHead locks the head row until the transaction ends (I2) and counts $1 new
// events and $2 duplicates. It returns the last of the new positions. Readings alone leave the
// time of the head.
const takeHead = `
UPDATE jangbu_log.log_head
SET position    = position + $1,
    duplicates  = duplicates + $2,
    received    = received + $1 + $2,
    recorded_at = CASE WHEN $1 > 0 THEN greatest(recorded_at, clock_timestamp()) ELSE recorded_at END
RETURNING position, coalesce(recorded_at, clock_timestamp()), clock_timestamp(), restoring`

// readLink returns the link of the position before $1 new events, which takeHead has
// counted; null if there is none. It is a statement of its own, because that of takeHead
// does not see what was committed while it waited for the lock.
const readLink = `
SELECT l.link
FROM jangbu_log.log_head AS h
LEFT JOIN jangbu_log.links AS l ON l.position = h.position - $1`

const readRecordedAt = `
SELECT recorded_at FROM jangbu_log.events WHERE position = $1`

const addLink = `
INSERT INTO jangbu_log.links (position, link, origins) VALUES ($1, $2, $3)`

// findDigests returns the digest of each identity, in their order; null if the log
// does not hold it. The scalar subquery makes it one index probe for each identity,
// whatever their number.
const findDigests = `
SELECT (SELECT e.digest FROM jangbu_log.events AS e WHERE e.campaign = w.campaign AND e.id = w.id)
FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS w (campaign, id, n)
ORDER BY w.n`

// adjustHead corrects the counts of takeHead by $1 fewer events and $2 more
// duplicates. If no new event remains ($3), recorded_at is again that of the head.
const adjustHead = `
UPDATE jangbu_log.log_head AS h
SET position    = h.position - $1,
    duplicates  = h.duplicates + $2,
    received    = h.received - $1 + $2,
    recorded_at = CASE WHEN $3 THEN h.recorded_at ELSE
        (SELECT e.recorded_at FROM jangbu_log.events AS e WHERE e.position = h.position - $1) END`

// uniqueViolation is PostgreSQL's error code for a second row of one key.
const uniqueViolation = "23505"

// Append implements [events.Appender].
func (l *Log) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	if len(drafts) == 0 && len(read) == 0 {
		return events.Receipt{}, nil
	}
	b := newBatch(drafts)
	err := l.write(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var begin, end pgx.Batch
		l.pool.QueueBegin(&begin, postgres.Durable)
		if err := appendBatch(ctx, conn.Conn(), &begin, &end, b, read...); err != nil {
			return err
		}
		queueReadings(&end, events.Unrefused(read, b.outcomes))
		// The server replies ROLLBACK, without an error, to the COMMIT of a
		// failed transaction.
		end.Queue(`COMMIT`).Exec(func(done pgconn.CommandTag) error {
			if done.String() != "COMMIT" {
				return pgx.ErrTxCommitRollback
			}
			return nil
		})
		return conn.SendBatch(ctx, &end).Close()
	})
	if err != nil {
		return events.Receipt{}, fmt.Errorf("append: %w", err)
	}
	receipt := events.Receipt{Outcomes: b.outcomes}
	if appended, _ := b.count(); appended > 0 {
		receipt.First, receipt.RecordedAt = b.before+1, b.recordedAt.UTC()
		l.appended(ctx, b)
	}
	return receipt, nil
}

// appended says that a batch with new events was committed.
func (l *Log) appended(ctx context.Context, b *batch) {
	l.grown.Broadcast()
	l.clock.Recorded(ctx, b.recordedAt, b.now, func(ctx context.Context) (at time.Time, err error) {
		err = l.pool.QueryRow(ctx, readRecordedAt, b.before).Scan(&at)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		return at, err
	})
}

// appendBatch appends the batch within a transaction. Statements queued in begin
// are sent first, in the same round trip; those that it queues in end must be sent last.
// It fails where the log is behind a source.
func appendBatch(ctx context.Context, conn *pgx.Conn, begin, end *pgx.Batch, b *batch, read ...events.Reading) error {
	appended, duplicates := b.count()
	var last events.Position
	var before events.Mark
	begin.Queue(takeHead, appended, duplicates).QueryRow(func(row pgx.Row) error {
		var restoring events.Position
		if err := row.Scan(&last, &b.recordedAt, &b.now, &restoring); err != nil {
			return err
		}
		return events.Totals{Head: last - events.Position(appended), Restoring: restoring}.Whole()
	})
	begin.Queue(readLink, appended).QueryRow(func(row pgx.Row) (err error) {
		b.before = last - events.Position(appended)
		before.Position = b.before
		before.Link, err = scanLink(row, before.Position)
		return err
	})
	queueFirsts(begin, read)
	begin.Queue(`SAVEPOINT copied`)
	if err := conn.SendBatch(ctx, begin).Close(); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoHead
		}
		return fmt.Errorf("take the head: %w", err)
	}
	var err error
	if appended, duplicates, err = refuse(ctx, conn, b); err != nil {
		return fmt.Errorf("compare shops: %w", err)
	}
	if appended == 0 {
		return nil // readings alone, or nothing but what is refused
	}
	rows, after := b.placed(before)
	err = rows.copyTo(ctx, conn)
	if err == nil {
		queueLink(end, after, b.origins())
		return nil
	}
	var violation *pgconn.PgError
	if !errors.As(err, &violation) || violation.Code != uniqueViolation {
		return fmt.Errorf("copy events: %w", err)
	}
	if violation.ConstraintName != "events_identity" {
		return fmt.Errorf("%w: position %d, which is next, is taken: %w", events.ErrCorrupt, before.Position+1, err)
	}

	digests, err := lookUp(ctx, conn, b)
	if err != nil {
		return fmt.Errorf("look up known events: %w", err)
	}
	b.judge(digests)
	remaining, known := b.count()
	if _, err := conn.Exec(ctx, adjustHead, appended-remaining, known-duplicates, remaining > 0); err != nil {
		return fmt.Errorf("adjust the head: %w", err)
	}
	if remaining == 0 {
		return nil
	}
	rows, after = b.placed(before)
	if err := rows.copyTo(ctx, conn); err != nil {
		return fmt.Errorf("copy new events: %w", err)
	}
	queueLink(end, after, b.origins())
	return nil
}

// scanLink scans the link of the head, null only where the log is empty.
func scanLink(row pgx.Row, head events.Position) (events.Link, error) {
	var raw []byte
	if err := row.Scan(&raw); err != nil {
		return events.Link{}, err
	}
	return linkOf(raw, head)
}

// linkOf returns the stored link of a position.
func linkOf(raw []byte, at events.Position) (l events.Link, err error) {
	switch {
	case at == 0 && raw == nil:
	case raw == nil:
		return l, fmt.Errorf("%w: position %d, the head, has no link", events.ErrCorrupt, at)
	case len(raw) != len(l):
		return l, fmt.Errorf("%w: the link of position %d has %d bytes", events.ErrCorrupt, at, len(raw))
	default:
		l = events.Link(raw)
	}
	return l, nil
}

// queueLink stores the link of the transaction's last event, and the origins of all.
func queueLink(end *pgx.Batch, m events.Mark, from events.Origins) {
	end.Queue(addLink, m.Position, m.Link[:], from.Stored())
}

// lookUp returns to the savepoint and returns the digests that the log holds under
// the batch's identities, nil for an identity that it does not hold.
func lookUp(ctx context.Context, conn *pgx.Conn, b *batch) ([]*events.Digest, error) {
	firsts := make([]events.Draft, len(b.firsts))
	for k, i := range b.firsts {
		firsts[k] = b.drafts[i]
	}
	if _, err := conn.Exec(ctx, `ROLLBACK TO SAVEPOINT copied`); err != nil {
		return nil, err
	}
	return digestsOf(ctx, conn, firsts)
}

// querier is a connection, or a pool of them.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// digestsOf returns the digests that the log holds under the drafts' identities,
// nil for an identity that it does not hold.
func digestsOf(ctx context.Context, db querier, drafts []events.Draft) ([]*events.Digest, error) {
	campaigns := make([]string, len(drafts))
	ids := make([]pgtype.UUID, len(drafts))
	for i := range drafts {
		campaigns[i] = string(drafts[i].Event.Subject())
		ids[i] = pgtype.UUID{Bytes: drafts[i].ID, Valid: true}
	}
	rows, err := db.Query(ctx, findDigests, campaigns, ids)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows(make([]*events.Digest, 0, len(drafts)), rows, func(row pgx.CollectableRow) (*events.Digest, error) {
		var raw []byte
		if err := row.Scan(&raw); err != nil || raw == nil {
			return nil, err
		}
		if len(raw) != len(events.Digest{}) {
			return nil, fmt.Errorf("%w: a digest has %d bytes", events.ErrCorrupt, len(raw))
		}
		return (*events.Digest)(raw), nil
	})
}
