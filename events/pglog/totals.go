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

const (
	// pollInterval bounds the delay with which Wait sees an append of another process.
	pollInterval = 100 * time.Millisecond
	// pollSoon is the interval for pollSoonFor after one was seen. A process that alone
	// appends needs no polls, and one that nothing happens to is to cost nothing.
	pollSoon    = 20 * time.Millisecond
	pollSoonFor = time.Minute
)

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
	for polled := false; ; {
		grown := l.grown.Changed() // before the head is read: an append in between closes it
		head, err := l.head(ctx)
		if err != nil {
			return 0, fmt.Errorf("wait: %w", err)
		}
		if head > after {
			if polled && l.own.Load() == 0 {
				l.sawForeign()
			}
			return head, nil
		}
		poll := time.NewTimer(l.pollEvery(time.Now()))
		select {
		case <-grown:
			polled = false
		case <-poll.C:
			polled = true
		case <-ctx.Done():
			err = fmt.Errorf("wait: %w", ctx.Err())
		}
		poll.Stop()
		if err != nil {
			return 0, err
		}
	}
}

func (l *Log) sawForeign() {
	now := time.Now()
	l.foreign.Store(&now)
}

// pollEvery returns the time until the next poll.
func (l *Log) pollEvery(now time.Time) time.Duration {
	if seen := l.foreign.Load(); seen != nil && now.Sub(*seen) < pollSoonFor {
		return pollSoon
	}
	return pollInterval
}

func (l *Log) head(ctx context.Context) (events.Position, error) {
	var head events.Position
	err := l.pool.QueryRow(ctx, readHead).Scan(&head)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errNoHead
	}
	return head, err
}
