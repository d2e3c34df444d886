package pglog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
)

const readErasable = `
SELECT position, occurred_at, recorded_at, type, id, digest, payload, form, campaign
FROM jangbu_log.events
WHERE position = ANY ($1)
ORDER BY position`

const overwriteEvents = `
UPDATE jangbu_log.events AS e
SET digest = n.digest, payload = n.payload, form = $4
FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS n (position, digest, payload)
WHERE e.position = n.position`

// recordErasure adds an erasure with a time of its own among those of its campaign.
const recordErasure = `
INSERT INTO jangbu_log.erasures (campaign, erased_at, positions, who, why)
SELECT $1, greatest(clock_timestamp(), max(erased_at) + interval '1 microsecond'), $2, $3, $4
FROM jangbu_log.erasures WHERE campaign = $1
RETURNING erased_at`

const restoreErasure = `
INSERT INTO jangbu_log.erasures (campaign, erased_at, positions, who, why)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (campaign, erased_at) DO NOTHING`

const listErasures = `
SELECT campaign, erased_at, positions, who, why
FROM jangbu_log.erasures
WHERE $1 = '' OR campaign = $1
ORDER BY erased_at, campaign`

const keyErased = `
SELECT EXISTS (SELECT FROM jangbu_log.erasures WHERE campaign = $1 AND positions = '{}')`

// erasures implements [events.Erasures] in the database of its log.
type erasures struct{ *Log }

var _ events.Erasures = erasures{}

// Erasures implements [events.Log].
func (l *Log) Erasures() events.Erasures { return erasures{l} }

// Erase implements [events.Erasures].
func (l erasures) Erase(ctx context.Context, e events.Erasure) (events.Erasure, error) {
	return l.write(ctx, e, events.Erasable)
}

// Redact implements [events.Erasures].
func (l erasures) Redact(ctx context.Context, e events.Erasure) (events.Erasure, error) {
	if len(e.Positions) == 0 {
		return events.Erasure{}, nil // without positions it would be the record of a key
	}
	return l.write(ctx, e, events.Redactable)
}

// write overwrites the events that overwritable returns another form of, and records it.
func (l erasures) write(ctx context.Context, e events.Erasure, overwritable overwritable) (done events.Erasure, err error) {
	err = l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		done = events.Erasure{}
		left, err := overwrite(ctx, tx, e, overwritable)
		if err != nil {
			return err
		}
		known := len(e.Positions) > 0 && len(left) == 0
		if len(e.Positions) == 0 {
			err = tx.QueryRow(ctx, keyErased, string(e.Campaign)).Scan(&known)
		}
		if err != nil || known {
			return err
		}
		done = e
		done.Positions = left
		err = tx.QueryRow(ctx, recordErasure, string(e.Campaign), left, e.Who, e.Why).Scan(&done.At)
		done.At = done.At.UTC()
		return err
	})
	if err != nil {
		return events.Erasure{}, fmt.Errorf("erase: %w", err)
	}
	return done, nil
}

// overwritable is [events.Erasable] or [events.Redactable].
type overwritable func(e events.Erasure, stored []events.Recorded) ([]events.Recorded, error)

// overwrite overwrites the events that have another form now and returns their positions.
func overwrite(ctx context.Context, tx pgx.Tx, e events.Erasure, overwritable overwritable) ([]events.Position, error) {
	left := make([]events.Position, 0, len(e.Positions))
	if len(e.Positions) == 0 {
		return left, nil
	}
	stored, _, err := collect(ctx, nil, func(ctx context.Context) (pgx.Rows, error) {
		return tx.Query(ctx, readErasable, pgx.QueryResultFormats{pgx.BinaryFormatCode}, e.Positions)
	})
	if err != nil {
		return nil, err
	}
	erased, err := overwritable(e, stored)
	if err != nil || len(erased) == 0 {
		return left, err
	}
	digests, payloads := make([][]byte, len(erased)), make([]string, len(erased))
	for i := range erased {
		left = append(left, erased[i].Position)
		digests[i], payloads[i] = erased[i].Digest[:], string(events.AppendStored(nil, erased[i].Event))
	}
	_, err = tx.Exec(ctx, overwriteEvents, left, digests, payloads, int16(events.CurrentForm))
	return left, err
}

// List implements [events.Erasures].
func (l erasures) List(ctx context.Context, c events.Campaign) ([]events.Erasure, error) {
	rows, err := l.pool.Query(ctx, listErasures, string(c))
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e events.Erasure, err error) {
		err = row.Scan(&e.Campaign, &e.At, &e.Positions, &e.Who, &e.Why)
		e.At = e.At.UTC()
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	return all, nil
}

// Restore implements [events.Erasures].
func (l erasures) Restore(ctx context.Context, all []events.Erasure) error {
	err := l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var batch pgx.Batch
		for _, e := range all {
			batch.Queue(restoreErasure, string(e.Campaign), e.At, append([]events.Position{}, e.Positions...), e.Who, e.Why)
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return fmt.Errorf("restore erasures: %w", err)
	}
	return nil
}
