package pglog

import (
	"context"
	"errors"
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
SET digest = n.digest, campaign = n.campaign, payload = n.payload, form = $5
FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[]) AS n (position, digest, campaign, payload)
WHERE e.position = n.position`

// findTwice returns a position of an identity that two events have. No index keeps those of two
// segments apart.
const findTwice = `
SELECT max(e.position)
FROM unnest($1::text[], $2::uuid[]) AS w (campaign, id)
JOIN jangbu_log.events AS e ON e.campaign = w.campaign AND e.id = w.id
GROUP BY e.campaign, e.id
HAVING count(*) > 1
LIMIT 1`

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
ORDER BY erased_at, campaign`

const listErasuresOf = `
SELECT campaign, erased_at, positions, who, why
FROM jangbu_log.erasures
WHERE campaign = $1
ORDER BY erased_at`

const rewordErasure = `
UPDATE jangbu_log.erasures SET campaign = $3, who = $4, why = $5
WHERE campaign = $1 AND erased_at = $2`

// dropErasure drops a record that another campaign has.
const dropErasure = `
DELETE FROM jangbu_log.erasures AS e
WHERE campaign = $1 AND erased_at = $2 AND $1 <> $3
    AND EXISTS (SELECT FROM jangbu_log.erasures WHERE campaign = $3 AND erased_at = $2)`

const keyErased = `
SELECT EXISTS (SELECT FROM jangbu_log.erasures WHERE campaign = $1 AND positions = '{}')`

// erasures implements [events.Erasures] in the database of its log.
type erasures struct{ *Log }

var _ events.Erasures = erasures{}

// Erasures implements [events.Log].
func (l *Log) Erasures() events.Erasures { return erasures{l} }

// Erase implements [events.Erasures].
func (l erasures) Erase(ctx context.Context, e events.Erasure) (events.Erasure, error) {
	return l.write(ctx, e, e.Campaign, events.Erasable)
}

// Redact implements [events.Erasures].
func (l erasures) Redact(ctx context.Context, e events.Erasure, name events.Namer) (events.Erasure, error) {
	if len(e.Positions) == 0 {
		return events.Erasure{}, nil // without positions it would be the record of a key
	}
	return l.write(ctx, e, events.RedactID(e.Campaign, name), func(e events.Erasure, stored []events.Recorded) ([]events.Recorded, error) {
		return events.Redactable(e, name, stored)
	})
}

// write overwrites the events that overwritable returns another form of, and records it under
// the name that the campaign has then.
func (l erasures) write(ctx context.Context, e events.Erasure, as events.Campaign, overwritable overwritable) (done events.Erasure, err error) {
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
		done.Campaign, done.Positions = as, left
		err = tx.QueryRow(ctx, recordErasure, string(as), left, e.Who, e.Why).Scan(&done.At)
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
	digests, campaigns, payloads := make([][]byte, len(erased)), make([]string, len(erased)), make([]string, len(erased))
	for i := range erased {
		left = append(left, erased[i].Position)
		digests[i], campaigns[i], payloads[i] = erased[i].Digest[:], string(erased[i].Event.Subject()), string(events.AppendStored(nil, erased[i].Event))
	}
	if _, err = tx.Exec(ctx, overwriteEvents, left, digests, campaigns, payloads, int16(events.CurrentForm)); err != nil {
		return nil, err
	}
	if campaigns[0] != string(e.Campaign) {
		err = rename(ctx, tx, left, erased)
	}
	return left, err
}

// rename drops the filters that do not know the events' new campaign. It fails if another event
// has one of the new identities.
func rename(ctx context.Context, tx pgx.Tx, positions []events.Position, renamed []events.Recorded) error {
	var of identities
	for i := range renamed {
		of.add(renamed[i].Event.Subject(), renamed[i].ID)
	}
	var twice events.Position
	switch err := tx.QueryRow(ctx, findTwice, of.campaigns, of.ids).Scan(&twice); {
	case err == nil:
		return fmt.Errorf("position %d: the log would hold its event twice", twice)
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	if _, err := tx.Exec(ctx, dropFilters, positions); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, noteRenaming)
	return err
}

// List implements [events.Erasures].
func (l erasures) List(ctx context.Context, c events.Campaign) ([]events.Erasure, error) {
	query, args := listErasures, []any(nil)
	if c != "" {
		query, args = listErasuresOf, []any{string(c)}
	}
	rows, err := l.pool.Query(ctx, query, args...)
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

// Reword implements [events.Erasures].
func (l erasures) Reword(ctx context.Context, before, after events.Erasure) error {
	err := l.writeTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, dropErasure, string(before.Campaign), before.At, string(after.Campaign)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, rewordErasure, string(before.Campaign), before.At, string(after.Campaign), after.Who, after.Why)
		return err
	})
	if err != nil {
		return fmt.Errorf("reword erasure: %w", err)
	}
	return nil
}
