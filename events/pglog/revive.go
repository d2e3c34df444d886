package pglog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events"
)

// listWaiting selects letters after the place ($2, $3, $4, $5): that of the last
// letter of the previous page, or one before all places.
const listWaiting = `
SELECT` + letterColumns + `
FROM jangbu_log.dead_letters
WHERE (topic, part, record_offset, id) > ($2, $3, $4, $5) AND discarded_at IS NULL AND ($6 = '' OR reason = $6)
ORDER BY topic, part, record_offset, id
LIMIT $1`

const findWaiting = `
SELECT id FROM jangbu_log.dead_letters WHERE id = ANY ($1) AND discarded_at IS NULL`

const removeLetters = `
DELETE FROM jangbu_log.dead_letters WHERE id = ANY ($1)`

const refuseLetters = `
UPDATE jangbu_log.dead_letters AS l
SET reason = c.reason, detail = c.detail
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS c (id, reason, detail)
WHERE l.id = c.id`

// uncountLetters subtracts $1 letters, which the append has counted again.
const uncountLetters = `
UPDATE jangbu_log.log_head
SET received      = received - $1,
    dead_lettered = dead_lettered - $1`

const discardLetters = `
WITH discarded AS (
    UPDATE jangbu_log.dead_letters
    SET sealed = '', discarded_at = now(), discarded_by = $2, discarded_why = $3
    WHERE id = ANY ($1) AND discarded_at IS NULL
    RETURNING id
), counted AS (SELECT count(*) AS n FROM discarded)
UPDATE jangbu_log.log_head
SET discarded = log_head.discarded + counted.n
FROM counted
RETURNING counted.n`

// Waiting implements [events.DeadLetters].
func (l deadLetters) Waiting(ctx context.Context, q events.DeadLetterQuery) ([]events.DeadLetter, error) {
	after := q.After
	if after == nil {
		after = &events.DeadLetter{Partition: -1}
	}
	letters, err := l.letters(ctx, listWaiting, q.Limit, after.Topic, after.Partition, after.Offset, pgtype.UUID{Bytes: after.ID, Valid: true}, string(q.Reason))
	if err != nil {
		return nil, fmt.Errorf("list waiting dead letters: %w", err)
	}
	return letters, nil
}

// Revive implements [events.DeadLetters].
func (l deadLetters) Revive(ctx context.Context, revivals []events.Revival) ([]events.Outcome, error) {
	if len(revivals) == 0 {
		return nil, nil
	}
	outcomes := make([]events.Outcome, len(revivals))
	full := l.tender.Known(ctx, len(revivals))
	var b *batch
	err := l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		waiting, err := waitingOf(ctx, tx, revivals)
		if err != nil || len(waiting) == 0 {
			return err
		}
		drafts := make([]events.Draft, len(waiting))
		for k, i := range waiting {
			drafts[k] = revivals[i].Draft
		}
		b = newBatch(drafts)
		var end pgx.Batch
		if err := l.appendBatch(ctx, tx.Conn(), &pgx.Batch{}, &end, b, full); err != nil {
			return err
		}
		if err := tx.SendBatch(ctx, &end).Close(); err != nil {
			return fmt.Errorf("link: %w", err)
		}
		for k, i := range waiting {
			outcomes[i] = b.outcomes[k]
		}
		return settle(ctx, tx, revivals, outcomes)
	})
	if err != nil {
		return nil, fmt.Errorf("revive: %w", err)
	}
	if b != nil {
		if appended, _ := b.count(); appended > 0 {
			l.appended(ctx, b)
		}
	}
	return outcomes, nil
}

// waitingOf returns the indexes of the revivals whose letters wait, each letter
// once.
func waitingOf(ctx context.Context, tx pgx.Tx, revivals []events.Revival) ([]int, error) {
	ids := make([]pgtype.UUID, len(revivals))
	for i := range revivals {
		ids[i] = pgtype.UUID{Bytes: revivals[i].Letter, Valid: true}
	}
	rows, err := tx.Query(ctx, findWaiting, ids)
	if err != nil {
		return nil, fmt.Errorf("find letters: %w", err)
	}
	waits := make(map[events.ID]bool, len(ids))
	var id events.ID
	if _, err := pgx.ForEachRow(rows, []any{(*[16]byte)(&id)}, func() error { waits[id] = true; return nil }); err != nil {
		return nil, fmt.Errorf("find letters: %w", err)
	}
	var waiting []int
	for i := range revivals {
		if waits[revivals[i].Letter] {
			delete(waits, revivals[i].Letter)
			waiting = append(waiting, i)
		}
	}
	return waiting, nil
}

// settle removes the letters whose drafts are in the log and says of the others why they
// were refused.
func settle(ctx context.Context, tx pgx.Tx, revivals []events.Revival, outcomes []events.Outcome) error {
	var in, refused []pgtype.UUID
	var reasons, details []string
	for i, outcome := range outcomes {
		id := pgtype.UUID{Bytes: revivals[i].Letter, Valid: true}
		reason, detail := outcome.Refusal(revivals[i].Draft.ID)
		switch {
		case reason != "":
			refused, reasons, details = append(refused, id), append(reasons, string(reason)), append(details, detail)
		case outcome != 0:
			in = append(in, id)
		}
	}
	if len(in) > 0 {
		if _, err := tx.Exec(ctx, removeLetters, in); err != nil {
			return fmt.Errorf("remove letters: %w", err)
		}
		if _, err := tx.Exec(ctx, uncountLetters, len(in)); err != nil {
			return fmt.Errorf("adjust the head: %w", err)
		}
	}
	if len(refused) > 0 {
		if _, err := tx.Exec(ctx, refuseLetters, refused, reasons, details); err != nil {
			return fmt.Errorf("mark refused letters: %w", err)
		}
	}
	return nil
}

// Discard implements [events.DeadLetters]. Sealed records remain in the server's
// dead row versions until the next VACUUM, in its WAL and in backups until they
// expire.
func (l deadLetters) Discard(ctx context.Context, letters []events.ID, d events.Discarded) (int, error) {
	if len(letters) == 0 {
		return 0, nil
	}
	ids := make([]pgtype.UUID, len(letters))
	for i, id := range letters {
		ids[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	var discarded int
	err := l.writeLetters(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, discardLetters, ids, d.By, d.Why).Scan(&discarded)
	})
	if err != nil {
		return 0, fmt.Errorf("discard: %w", err)
	}
	return discarded, nil
}
