package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"jangbu/events"
	"jangbu/events/segments"
)

// takeHead is the first statement of an append, under the write lock (I2).
const takeHead = `SELECT position, recorded_at, restoring, renamed FROM log_head`

// moveHead counts ?1 new events, the last of them recorded at ?3, and ?2 duplicates.
const moveHead = `
UPDATE log_head
SET position    = position + ?1,
    duplicates  = duplicates + ?2,
    received    = received + ?1 + ?2,
    recorded_at = CASE WHEN ?1 > 0 THEN ?3 ELSE recorded_at END`

// Append implements [events.Appender].
func (l *Log) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	if len(drafts) == 0 && len(read) == 0 {
		return events.Receipt{}, nil
	}
	b := newBatch(drafts)
	b.full = l.tender.Known(ctx, len(drafts))
	var head headRow
	err := l.writeBatch(ctx, func(ctx context.Context, tx *sql.Tx, add adding) (err error) {
		if err := checkFirsts(ctx, tx, read); err != nil {
			return err
		}
		if head, err = add(ctx, tx, b); err != nil {
			return err
		}
		return writeReadings(ctx, tx, events.Unrefused(read, b.outcomes))
	})
	if err != nil {
		return events.Receipt{}, fmt.Errorf("append: %w", err)
	}
	receipt := events.Receipt{Outcomes: b.outcomes}
	if appended, _ := b.count(); appended > 0 {
		receipt.First, receipt.RecordedAt = head.position+1, time.UnixMicro(head.next).UTC()
		l.appended(ctx, b, head)
	}
	return receipt, nil
}

// appended says that a batch with new events was committed.
func (l *Log) appended(ctx context.Context, b *batch, head headRow) {
	l.grown.Broadcast()
	l.tender.Appended(b.appended())
	l.clock.Recorded(ctx, time.UnixMicro(head.next), time.Now(), func(context.Context) (time.Time, error) { return head.recordedAt, nil })
}

// adding appends a batch within a transaction, and returns the head before it.
type adding func(context.Context, *sql.Tx, *batch) (headRow, error)

// writeBatch runs f, which appends a batch by add, in a transaction. If the last segment holds an
// identity of the batch, the transaction is undone and f runs again in one that asks the segment
// first; so do the batches that follow, until the log holds none of one.
func (l *Log) writeBatch(ctx context.Context, f func(context.Context, *sql.Tx, adding) error) error {
	for all := l.repeated.Load(); ; all = true {
		err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
			return f(ctx, tx, func(ctx context.Context, tx *sql.Tx, b *batch) (headRow, error) {
				return l.appendBatch(ctx, tx, b, all)
			})
		})
		if all || !errors.Is(err, errKnown) {
			return err
		}
	}
}

// appendBatch appends the batch within tx, and returns the head before it. If all is not set it
// assumes that the last segment holds none of its identities.
func (l *Log) appendBatch(ctx context.Context, tx *sql.Tx, b *batch, all bool) (headRow, error) {
	b.otherShop = nil
	b.judge(nil)
	head, err := headOf(ctx, tx)
	if err == nil {
		err = events.Totals{Head: head.position, Restoring: head.restoring}.Whole()
	}
	if err != nil {
		return head, fmt.Errorf("take the head: %w", err)
	}
	mark, err := markOf(ctx, tx, head.position)
	if err != nil {
		return head, err
	}
	to, err := l.room(ctx, tx, head, l.tender.Newest(b.full))
	if err != nil {
		return head, err
	}
	if err := refuse(ctx, to, b); err != nil {
		return head, fmt.Errorf("compare shops: %w", err)
	}
	repeated := false
	if n, _ := b.count(); n > 0 {
		if err := to.make(ctx, n, l.tender.Size); err != nil {
			return head, err
		}
		known, err := to.known(ctx, n, all, b.of)
		if err != nil {
			return head, err
		}
		b.judge(known)
		repeated = slices.ContainsFunc(known, func(d *events.Digest) bool { return d != nil })
	}
	appended, duplicates := b.count()
	if appended > 0 { // the head is linked before it moves
		if err := l.insertBatch(ctx, to, b, head, mark); err != nil {
			return head, err
		}
	}
	if _, err := tx.ExecContext(ctx, moveHead, appended, duplicates, head.next); err != nil {
		return head, fmt.Errorf("move the head: %w", err)
	}
	l.repeated.Store(all && repeated)
	return head, nil
}

// insertBatch inserts the new events of a batch, their identities and their link.
func (l *Log) insertBatch(ctx context.Context, to *room, b *batch, head headRow, mark events.Mark) error {
	b.own.Before, b.own.Renaming = mark, head.renamed
	into, start, recordedAt := l.insert(ctx, to.tx, head.position+1), 0, any(head.next)
	var from events.Origins
	for k, i := range b.firsts {
		form := b.forms[start:b.ends[k]]
		start = b.ends[k]
		if b.outcomes[i] != events.Appended {
			continue
		}
		d := &b.drafts[i]
		if err := into.add(ctx, d.OccurredAt.UnixMicro(), recordedAt, &b.of[k], d.Event.Type(), &d.Digest, form); err != nil {
			return err
		}
		mark = mark.Next(d.Digest)
		from.Add(d.Origin)
	}
	if err := into.end(ctx); err != nil {
		return err
	}
	if err := to.identify(ctx, int(mark.Position-head.position)); err != nil {
		return err
	}
	b.own.After = mark
	return link(ctx, to.tx, mark, from)
}

// headRow is the head that a writer of events reads.
type headRow struct {
	position   events.Position
	recordedAt time.Time // of the last event; zero without one
	// next is when a new event is recorded: now, but never before the last one, in microseconds of
	// Unix time.
	next      int64
	restoring events.Position // as [events.Totals] has it
	renamed   segments.Renaming
}

// headOf reads the head.
func headOf(ctx context.Context, tx *sql.Tx) (h headRow, err error) {
	var last sql.NullInt64
	var renamed []byte
	err = tx.QueryRowContext(ctx, takeHead).Scan(&h.position, &last, &h.restoring, &renamed)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoHead
	}
	copy(h.renamed[:], renamed)
	h.next = time.Now().UnixMicro()
	if last.Valid {
		h.recordedAt, h.next = time.UnixMicro(last.Int64), max(h.next, last.Int64)
	}
	return h, err
}
