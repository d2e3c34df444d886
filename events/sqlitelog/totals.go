package sqlitelog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
)

const readHead = `SELECT position FROM log_head`

const readTotals = `
SELECT position, received, duplicates, dead_lettered, discarded, restoring, recorded_at,
    (SELECT coalesce(max(e.position), 0) FROM events AS e)
FROM log_head`

// pollInterval bounds the delay with which Wait sees an append of another process.
const pollInterval = 100 * time.Millisecond

// Totals implements [events.Log].
func (l *Log) Totals(ctx context.Context) (events.Totals, error) {
	var t events.Totals
	var recordedAt sql.NullInt64
	var last events.Position
	err := l.reader.QueryRowContext(ctx, readTotals).Scan(&t.Head, &t.Received, &t.Duplicates, &t.DeadLettered, &t.Discarded, &t.Restoring, &recordedAt, &last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = errNoHead
	case err == nil:
		err = t.Check(last)
	}
	if err != nil {
		return events.Totals{}, fmt.Errorf("read totals: %w", err)
	}
	if recordedAt.Valid {
		t.RecordedAt = time.UnixMicro(recordedAt.Int64).UTC()
	}
	return t, nil
}

// Wait implements [events.Log].
func (l *Log) Wait(ctx context.Context, after events.Position) (events.Position, error) {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		grown := l.grown.Changed() // before the head is read: an append in between closes it
		head, err := l.head(ctx)
		if err != nil {
			return 0, fmt.Errorf("wait: %w", err)
		}
		if head > after {
			return head, nil
		}
		select {
		case <-grown:
		case <-poll.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("wait: %w", ctx.Err())
		}
	}
}

func (l *Log) head(ctx context.Context) (events.Position, error) {
	var head events.Position
	err := l.readHead.QueryRowContext(ctx).Scan(&head)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errNoHead
	}
	return head, err
}
