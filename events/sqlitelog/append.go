package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/events/sqlite"
)

const insertEvent = `
INSERT INTO events (position, occurred_at, recorded_at, type, id, digest, campaign, payload, form)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (campaign, id) DO NOTHING`

const findDigest = `SELECT digest FROM events WHERE campaign = ? AND id = ?`

// takeHead is the first statement of an append, under the write lock (I2).
const takeHead = `SELECT position, recorded_at, restoring FROM log_head`

// readLast reads the head row of any version of the schema.
const readLast = `SELECT position, recorded_at FROM log_head`

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
	payloads, ends := encode(drafts) // before the lock, so that no writer waits for it
	var receipt events.Receipt
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) (err error) {
		if err := checkFirsts(ctx, tx, read); err != nil {
			return err
		}
		if receipt, err = l.appendDrafts(ctx, tx, drafts, payloads, ends); err != nil {
			return err
		}
		return writeReadings(ctx, tx, events.Unrefused(read, receipt.Outcomes))
	})
	if err != nil {
		return events.Receipt{}, fmt.Errorf("append: %w", err)
	}
	if receipt.First > 0 {
		l.grown.Broadcast()
	}
	return receipt, nil
}

// appendDrafts appends the drafts, with their forms from encode, within tx.
func (l *Log) appendDrafts(ctx context.Context, tx *sql.Tx, drafts []events.Draft, payloads string, ends []int) (none events.Receipt, _ error) {
	head, before, recordedAt, err := head(ctx, tx)
	if err != nil {
		return none, fmt.Errorf("take the head: %w", err)
	}
	mark, err := markOf(ctx, tx, events.Position(head))
	if err != nil {
		return none, err
	}
	insert, find := tx.StmtContext(ctx, l.insertEvent), tx.StmtContext(ctx, l.findDigest) //nolint:sqlclosecheck // closed with the transaction
	outcomes := make([]events.Outcome, len(drafts))
	shops := make(events.Shops)
	var from events.Origins
	appended, duplicates, start := 0, 0, 0
	for i := range drafts {
		d := &drafts[i]
		campaign, payload := string(d.Event.Subject()), payloads[start:ends[i]]
		start = ends[i]
		if c, ok := d.Event.(*events.EventCreated); ok {
			if err := loadShop(ctx, tx, shops, c.Campaign); err != nil {
				return none, fmt.Errorf("compare shops: %w", err)
			}
			if shops.Other(c) {
				_, err := digestOf(find.QueryRowContext(ctx, campaign, d.ID[:]))
				if errors.Is(err, sql.ErrNoRows) {
					outcomes[i] = events.OtherShop
					continue
				}
				if err != nil {
					return none, fmt.Errorf("look up known event: %w", err)
				}
			}
		}
		result, err := insert.ExecContext(ctx, head+int64(appended)+1, d.OccurredAt.UnixMicro(), recordedAt,
			int64(d.Event.Type()), d.ID[:], d.Digest[:], campaign, payload, int64(events.CurrentForm))
		if sqlite.Taken(err) {
			return none, fmt.Errorf("%w: position %d, which is next, is taken: %w", events.ErrCorrupt, head+int64(appended)+1, err)
		}
		if err != nil {
			return none, fmt.Errorf("insert event: %w", err)
		}
		switch inserted, err := result.RowsAffected(); {
		case err != nil:
			return none, err
		case inserted == 1:
			outcomes[i] = events.Appended
			mark = mark.Next(d.Digest)
			from.Add(d.Origin)
			appended++
			continue
		}
		stored, err := digestOf(find.QueryRowContext(ctx, campaign, d.ID[:]))
		if err != nil {
			return none, fmt.Errorf("look up known event: %w", err)
		}
		if outcomes[i] = d.OutcomeBeside(stored); outcomes[i] == events.Duplicate {
			duplicates++
		}
	}
	if appended > 0 { // the head is linked before it moves
		if err := link(ctx, tx, mark, from); err != nil {
			return none, err
		}
	}
	if _, err := tx.ExecContext(ctx, moveHead, appended, duplicates, recordedAt); err != nil {
		return none, fmt.Errorf("move the head: %w", err)
	}
	receipt := events.Receipt{Outcomes: outcomes}
	if appended > 0 {
		receipt.First, receipt.RecordedAt = events.Position(head)+1, time.UnixMicro(recordedAt).UTC()
		l.clock.Recorded(ctx, time.UnixMicro(recordedAt), time.Now(), func(context.Context) (time.Time, error) { return before, nil })
	}
	return receipt, nil
}

// digestOf scans the digest of findDigest; [sql.ErrNoRows] if the log holds no such
// identity.
func digestOf(row *sql.Row) (events.Digest, error) {
	var raw []byte
	if err := row.Scan(&raw); err != nil {
		return events.Digest{}, err
	}
	if len(raw) != len(events.Digest{}) {
		return events.Digest{}, fmt.Errorf("%w: a digest has %d bytes", events.ErrCorrupt, len(raw))
	}
	return events.Digest(raw), nil
}

// encode returns the concatenated stored forms, the i-th up to ends[i].
func encode(drafts []events.Draft) (payloads string, ends []int) {
	var b []byte
	ends = make([]int, len(drafts))
	for i := range drafts {
		b = events.AppendStored(b, drafts[i].Event)
		ends[i] = len(b)
	}
	return string(b), ends
}

// head returns the last position, when it was recorded, zero without an event, and the
// recording time of a new event: that of the clock, but never before that of the head, in
// microseconds of Unix time.
func head(ctx context.Context, tx *sql.Tx) (position int64, before time.Time, recordedAt int64, err error) {
	var last sql.NullInt64
	var restoring events.Position
	err = tx.QueryRowContext(ctx, takeHead).Scan(&position, &last, &restoring)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = errNoHead
	case err == nil:
		err = events.Totals{Head: events.Position(position), Restoring: restoring}.Whole()
	}
	recordedAt = time.Now().UnixMicro()
	if last.Valid {
		before, recordedAt = time.UnixMicro(last.Int64), max(recordedAt, last.Int64)
	}
	return position, before, recordedAt, err
}

// lastEvent returns the last position and its recording time.
func lastEvent(ctx context.Context, tx *sql.Tx) (position int64, recordedAt sql.NullInt64, err error) {
	err = tx.QueryRowContext(ctx, readLast).Scan(&position, &recordedAt)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoHead
	}
	return position, recordedAt, err
}
