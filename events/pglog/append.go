package pglog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"jangbu/events"
	"jangbu/events/postgres"
	"jangbu/events/segments"
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
RETURNING position, coalesce(recorded_at, clock_timestamp()), clock_timestamp(), restoring, renamed`

// readLink returns the link of the position before $1 new events, which takeHead has
// counted, and that of position $2; null if there is none. It is a statement of its own, because
// that of takeHead does not see what was committed while it waited for the lock.
const readLink = `
SELECT l.link, m.link
FROM jangbu_log.log_head AS h
LEFT JOIN jangbu_log.links AS l ON l.position = h.position - $1
LEFT JOIN jangbu_log.links AS m ON m.position = $2`

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
	full := l.tender.Known(ctx, len(drafts))
	err := l.write(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var begin, end pgx.Batch
		l.pool.QueueBegin(&begin, postgres.Durable)
		if err := l.appendBatch(ctx, conn.Conn(), &begin, &end, b, l.tender.Newest(full), read...); err != nil {
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
		if err := conn.SendBatch(ctx, &end).Close(); err != nil {
			return err
		}
		l.follow(b)
		return nil
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

// follow notes whether another process has appended between the batch and the one before it.
func (l *Log) follow(b *batch) {
	appended, _ := b.count()
	if last := l.own.Swap(int64(b.before) + int64(appended)); last != 0 && last != int64(b.before) {
		l.sawForeign()
	}
}

// appended says that a batch with new events was committed.
func (l *Log) appended(ctx context.Context, b *batch) {
	l.grown.Broadcast()
	l.tender.Appended(b.appended())
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
func (l *Log) appendBatch(ctx context.Context, conn *pgx.Conn, begin, end *pgx.Batch, b *batch, full *segments.Known, read ...events.Reading) error {
	appended, duplicates := b.count()
	var last events.Position
	var before events.Mark
	to := &room{full: full}
	begin.Queue(takeHead, appended, duplicates).QueryRow(func(row pgx.Row) error {
		var restoring events.Position
		if err := row.Scan(&last, &b.recordedAt, &b.now, &restoring, &b.own.Renaming); err != nil {
			return err
		}
		return events.Totals{Head: last - events.Position(appended), Restoring: restoring}.Whole()
	})
	begin.Queue(readLink, appended, full.At()).QueryRow(func(row pgx.Row) (err error) {
		b.before = last - events.Position(appended)
		before.Position, to.before = b.before, b.before
		before.Link, err = l.scanLinks(row, before.Position, to, b.own.Renaming)
		return err
	})
	to.queueRead(begin)
	queueFirsts(begin, read)
	begin.Queue(`SAVEPOINT copied`)
	if err := conn.SendBatch(ctx, begin).Close(); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoHead
		}
		return fmt.Errorf("take the head: %w", err)
	}
	var err error
	if appended, _, err = refuse(ctx, conn, b); err != nil {
		return fmt.Errorf("compare shops: %w", err)
	}
	if appended == 0 {
		return nil // readings alone, or nothing but what is refused
	}
	if err := to.make(ctx, conn, appended, l.tender.Size); err != nil {
		return fmt.Errorf("add a segment: %w", err)
	}
	known, err := b.leaveOut(ctx, conn, to)
	if err != nil {
		return fmt.Errorf("look up events of full segments: %w", err)
	}
	if appended, _ = b.count(); appended == 0 {
		return nil
	}
	if err = b.copyTo(ctx, conn, end, to.segments, before); err == nil {
		return nil
	}
	newest := to.segments[to.last(appended)]
	var violation *pgconn.PgError
	if !errors.As(err, &violation) || violation.Code != uniqueViolation {
		return fmt.Errorf("copy events: %w", err)
	}
	if violation.ConstraintName != identityOf(newest) {
		return fmt.Errorf("%w: position %d, which is next, is taken: %w", events.ErrCorrupt, before.Position+1, err)
	}
	if _, err := conn.Exec(ctx, `ROLLBACK TO SAVEPOINT copied`); err != nil {
		return fmt.Errorf("look up known events: %w", err)
	}
	digests, err := digestsOf(ctx, conn, fmt.Sprintf(findDigestsIn, segment(newest)), b.of)
	if err != nil {
		return fmt.Errorf("look up known events: %w", err)
	}
	for k := range digests {
		if digests[k] == nil {
			digests[k] = known[k]
		}
	}
	if err := b.rejudge(ctx, conn, digests); err != nil {
		return err
	}
	if appended, _ = b.count(); appended == 0 {
		return nil
	}
	if err := b.copyTo(ctx, conn, end, to.segments, before); err != nil {
		return fmt.Errorf("copy new events: %w", err)
	}
	return nil
}

// leaveOut leaves out what the segments before the last one hold, and then makes a savepoint. It
// returns the digests under the identities of firsts there.
func (b *batch) leaveOut(ctx context.Context, conn *pgx.Conn, to *room) ([]*events.Digest, error) {
	appended, _ := b.count()
	if to.last(appended) == 0 {
		return make([]*events.Digest, len(b.firsts)), nil
	}
	known, err := to.elsewhere(ctx, conn, appended, b.of)
	if err != nil || !slices.ContainsFunc(known, func(d *events.Digest) bool { return d != nil }) {
		return known, err
	}
	if err := b.rejudge(ctx, conn, slices.Clone(known)); err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `SAVEPOINT copied`) // what follows is undone up to here
	return known, err
}

// rejudge sets the outcomes anew, as [batch.judge] does, and adjusts the head to them.
func (b *batch) rejudge(ctx context.Context, conn *pgx.Conn, stored []*events.Digest) error {
	appended, duplicates := b.count()
	b.judge(stored)
	remaining, known := b.count()
	if _, err := conn.Exec(ctx, adjustHead, appended-remaining, known-duplicates, remaining > 0); err != nil {
		return fmt.Errorf("adjust the head: %w", err)
	}
	return nil
}

// scanLinks scans the link of the head, null only where the log is empty, and that which tells
// whether the filters are of this log.
func (l *Log) scanLinks(row pgx.Row, head events.Position, to *room, renamed segments.Renaming) (events.Link, error) {
	var raw, sealed []byte
	if err := row.Scan(&raw, &sealed); err != nil {
		return events.Link{}, err
	}
	if to.full != nil && !to.full.Of(sealed, renamed) {
		l.tender.Forget(to.full)
		to.full = nil
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

// querier is a connection, or a pool of them.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// digestsOf returns the digests that a query finds under the identities, nil for an identity that
// it does not find.
func digestsOf(ctx context.Context, db querier, query string, of identities) ([]*events.Digest, error) {
	rows, err := db.Query(ctx, query, of.campaigns, of.ids)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows(make([]*events.Digest, 0, len(of.ids)), rows, scanDigest)
}

func scanDigest(row pgx.CollectableRow) (*events.Digest, error) {
	var raw []byte
	if err := row.Scan(&raw); err != nil || raw == nil {
		return nil, err
	}
	if len(raw) != len(events.Digest{}) {
		return nil, fmt.Errorf("%w: a digest has %d bytes", events.ErrCorrupt, len(raw))
	}
	return (*events.Digest)(raw), nil
}
