package pglog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

const readHead = `SELECT position FROM jangbu_log.log_head`

const readTotals = `
SELECT position, received, duplicates, dead_lettered, discarded, restoring, recorded_at
FROM jangbu_log.log_head`

// readLast comes after the head was read, in the same snapshot. Within one statement its plan may
// lack a segment that was added before the snapshot was taken.
const readLast = `SELECT coalesce(max(position), 0) FROM jangbu_log.events`

// pollInterval bounds the delay with which Wait sees an append of another process.
const pollInterval = 100 * time.Millisecond

// Totals implements [events.Log].
func (l *Log) Totals(ctx context.Context) (events.Totals, error) {
	var t events.Totals
	var recordedAt *time.Time
	var last events.Position
	err := l.snapshot(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, readTotals).Scan(&t.Head, &t.Received, &t.Duplicates, &t.DeadLettered, &t.Discarded, &t.Restoring, &recordedAt)
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, readLast).Scan(&last)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		err = errNoHead
	case err == nil:
		err = t.Check(last)
	}
	if err != nil {
		return events.Totals{}, fmt.Errorf("read totals: %w", err)
	}
	if recordedAt != nil {
		t.RecordedAt = recordedAt.UTC()
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
	err := l.pool.QueryRow(ctx, readHead).Scan(&head)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errNoHead
	}
	return head, err
}
