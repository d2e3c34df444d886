package sqlitelog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jangbu/events"
)

// listWaiting selects letters after the place (?2, ?3, ?4, ?5): that of the last
// letter of the previous page, or one before all places.
const listWaiting = `
SELECT` + letterColumns + `
FROM dead_letters
WHERE (topic, part, record_offset, id) > (?2, ?3, ?4, ?5) AND discarded_at IS NULL AND (?6 = '' OR reason = ?6)
ORDER BY topic, part, record_offset, id
LIMIT ?1`

const findWaiting = `
SELECT count(*) FROM dead_letters WHERE id = ? AND discarded_at IS NULL`

const removeLetter = `
DELETE FROM dead_letters WHERE id = ?`

const refuseLetter = `
UPDATE dead_letters SET reason = ?2, detail = ?3 WHERE id = ?1`

// uncountLetters subtracts ?1 letters, which the append has counted again.
const uncountLetters = `
UPDATE log_head
SET received      = received - ?1,
    dead_lettered = dead_lettered - ?1`

const discardLetter = `
UPDATE dead_letters
SET sealed = x'', discarded_at = ?2, discarded_by = ?3, discarded_why = ?4
WHERE id = ?1 AND discarded_at IS NULL`

const countDiscarded = `
UPDATE log_head SET discarded = discarded + ?`

// Waiting implements [events.DeadLetters].
func (l deadLetters) Waiting(ctx context.Context, q events.DeadLetterQuery) ([]events.DeadLetter, error) {
	after := q.After
	if after == nil {
		after = &events.DeadLetter{Partition: -1}
	}
	letters, err := l.letters(ctx, listWaiting, q.Limit, after.Topic, after.Partition, after.Offset, after.ID[:], string(q.Reason))
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
	var b *batch
	var head headRow
	err := l.writeBatch(ctx, func(ctx context.Context, tx *sql.Tx, add adding) error {
		waiting, err := waitingOf(ctx, tx, revivals)
		if err != nil {
			return fmt.Errorf("find letters: %w", err)
		}
		drafts := make([]events.Draft, len(waiting))
		for k, i := range waiting {
			drafts[k] = revivals[i].Draft
		}
		b = newBatch(drafts)
		if head, err = add(ctx, tx, b); err != nil {
			return err
		}
		for k, i := range waiting {
			outcomes[i] = b.outcomes[k]
		}
		return settle(ctx, tx, revivals, outcomes)
	})
	if err != nil {
		return nil, fmt.Errorf("revive: %w", err)
	}
	if n, _ := b.count(); n > 0 {
		l.appended(ctx, b, head)
	}
	return outcomes, nil
}

// waitingOf returns the indexes of the revivals whose letters wait, each letter
// once.
func waitingOf(ctx context.Context, tx *sql.Tx, revivals []events.Revival) ([]int, error) {
	named := make(map[events.ID]bool, len(revivals))
	var waiting []int
	for i := range revivals {
		id := revivals[i].Letter
		if named[id] {
			continue
		}
		named[id] = true
		var n int
		if err := tx.QueryRowContext(ctx, findWaiting, id[:]).Scan(&n); err != nil {
			return nil, err
		}
		if n == 1 {
			waiting = append(waiting, i)
		}
	}
	return waiting, nil
}

// settle removes the letters whose drafts are in the log and says of the others why they
// were refused.
func settle(ctx context.Context, tx *sql.Tx, revivals []events.Revival, outcomes []events.Outcome) error {
	in := 0
	for i, outcome := range outcomes {
		id := revivals[i].Letter
		reason, detail := outcome.Refusal(revivals[i].Draft.ID)
		switch {
		case reason != "":
			if _, err := tx.ExecContext(ctx, refuseLetter, id[:], string(reason), detail); err != nil {
				return fmt.Errorf("mark refused letter: %w", err)
			}
		case outcome != 0:
			in++
			if _, err := tx.ExecContext(ctx, removeLetter, id[:]); err != nil {
				return fmt.Errorf("remove letter: %w", err)
			}
		}
	}
	if _, err := tx.ExecContext(ctx, uncountLetters, in); err != nil {
		return fmt.Errorf("adjust the head: %w", err)
	}
	return nil
}

// Discard implements [events.DeadLetters]. SQLite overwrites sealed records with
// zeros at the next checkpoint of the WAL; earlier copies of the file keep them.
func (l deadLetters) Discard(ctx context.Context, letters []events.ID, d events.Discarded) (int, error) {
	if len(letters) == 0 {
		return 0, nil
	}
	var discarded int64
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		now := time.Now().UnixMicro()
		for _, id := range letters {
			result, err := tx.ExecContext(ctx, discardLetter, id[:], now, d.By, d.Why)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			discarded += n
		}
		result, err := tx.ExecContext(ctx, countDiscarded, discarded)
		if err != nil {
			return err
		}
		return oneHead(result)
	})
	if err != nil {
		return 0, fmt.Errorf("discard: %w", err)
	}
	return int(discarded), nil
}
