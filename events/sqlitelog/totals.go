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
SELECT position, received, duplicates, dead_lettered, discarded, recorded_at,
    (SELECT coalesce(max(e.position), 0) FROM events AS e)
FROM log_head`

// pollInterval bounds how late an append of another process is seen.
const pollInterval = 100 * time.Millisecond

// Totals implements [events.Log].
func (l *Log) Totals(ctx context.Context) (events.Totals, error) {
	var t events.Totals
	var recordedAt sql.NullInt64
	var last events.Position
	err := l.reader.QueryRowContext(ctx, readTotals).Scan(&t.Head, &t.Received, &t.Duplicates, &t.DeadLettered, &t.Discarded, &recordedAt, &last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return events.Totals{}, fmt.Errorf("read totals: %w: the head row is missing", events.ErrCorrupt)
	case err != nil:
		return events.Totals{}, fmt.Errorf("read totals: %w", err)
	case t.Received != int64(t.Head)+t.Duplicates+t.DeadLettered:
		return events.Totals{}, fmt.Errorf("read totals: %w: received %d, but head %d + duplicates %d + dead letters %d",
			events.ErrCorrupt, t.Received, t.Head, t.Duplicates, t.DeadLettered)
	case t.Head != last:
		return events.Totals{}, fmt.Errorf("read totals: %w: the head is at %d, the last event at %d", events.ErrCorrupt, t.Head, last)
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
		grown := l.grown.Changed() // before the look, so that no append slips between
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
		return 0, fmt.Errorf("%w: the head row is missing", events.ErrCorrupt)
	}
	return head, err
}
