package sqlitelog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/events/sqlite"
)

const readErasable = `
SELECT ` + eventColumns + `
FROM events
WHERE position IN (SELECT value FROM json_each(?))
ORDER BY position`

const overwriteEvent = `UPDATE events SET digest = ?, campaign = ?, payload = ?, form = ? WHERE position = ?`

const addErasure = `
INSERT INTO erasures (campaign, erased_at, positions, who, why)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT (campaign, erased_at) DO NOTHING`

// lastErasure returns when the campaign's last erasure was; null without one.
const lastErasure = `SELECT max(erased_at) FROM erasures WHERE campaign = ?`

const listErasures = `
SELECT campaign, erased_at, positions, who, why
FROM erasures
ORDER BY erased_at, campaign`

const listErasuresOf = `
SELECT campaign, erased_at, positions, who, why
FROM erasures
WHERE campaign = ?
ORDER BY erased_at`

const rewordErasure = `
UPDATE OR REPLACE erasures SET campaign = ?, who = ?, why = ?
WHERE campaign = ? AND erased_at = ?`

const keyErased = `SELECT EXISTS (SELECT 1 FROM erasures WHERE campaign = ? AND positions = '[]')`

// erasures implements [events.Erasures] in the file of its log.
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
	err = write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := headOf(ctx, tx); err != nil {
			return err
		}
		left, err := overwrite(ctx, tx, e, overwritable)
		if err != nil {
			return err
		}
		known := len(e.Positions) > 0 && len(left) == 0
		if len(e.Positions) == 0 {
			err = tx.QueryRowContext(ctx, keyErased, string(e.Campaign)).Scan(&known)
		}
		if err != nil || known {
			return err
		}
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, lastErasure, string(as)).Scan(&last); err != nil {
			return err
		}
		done = e
		done.Campaign, done.Positions, done.At = as, left, time.UnixMicro(max(time.Now().UnixMicro(), last.Int64+1)).UTC()
		return record(ctx, tx, done)
	})
	if err != nil {
		return events.Erasure{}, fmt.Errorf("erase: %w", err)
	}
	return done, nil
}

// overwritable is [events.Erasable] or [events.Redactable].
type overwritable func(e events.Erasure, stored []events.Recorded) ([]events.Recorded, error)

// overwrite overwrites the events that have another form now and returns their positions.
func overwrite(ctx context.Context, tx *sql.Tx, e events.Erasure, overwritable overwritable) ([]events.Position, error) {
	left := make([]events.Position, 0, len(e.Positions))
	if len(e.Positions) == 0 {
		return left, nil
	}
	asked, err := json.Marshal(e.Positions)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, readErasable, string(asked))
	if err != nil {
		return nil, err
	}
	stored, _, err := collect(rows, nil)
	if err != nil {
		return nil, err
	}
	erased, err := overwritable(e, stored)
	if err != nil {
		return nil, err
	}
	if len(erased) > 0 && erased[0].Event.Subject() != e.Campaign {
		if err := rename(ctx, tx, erased); err != nil {
			return nil, err
		}
	}
	for i := range erased {
		r := &erased[i]
		if _, err := tx.ExecContext(ctx, overwriteEvent, r.Digest[:], string(r.Event.Subject()), string(events.AppendStored(nil, r.Event)), int64(events.CurrentForm), int64(r.Position)); err != nil {
			return nil, fmt.Errorf("overwrite position %d: %w", r.Position, err)
		}
		left = append(left, r.Position)
	}
	return left, nil
}

func record(ctx context.Context, tx *sql.Tx, e events.Erasure) error {
	positions, err := json.Marshal(append([]events.Position{}, e.Positions...))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, addErasure, string(e.Campaign), e.At.UnixMicro(), string(positions), e.Who, e.Why)
	return err
}

// List implements [events.Erasures].
func (l erasures) List(ctx context.Context, c events.Campaign) ([]events.Erasure, error) {
	all, err := l.list(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("list erasures: %w", err)
	}
	return all, nil
}

func (l erasures) list(ctx context.Context, c events.Campaign) (all []events.Erasure, err error) {
	query, args := listErasures, []any(nil)
	if c != "" {
		query, args = listErasuresOf, []any{string(c)}
	}
	rows, err := l.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e events.Erasure
		var at int64
		var positions string
		if err := rows.Scan(&e.Campaign, &at, &positions, &e.Who, &e.Why); err != nil {
			return nil, err
		}
		e.At = time.UnixMicro(at).UTC()
		if err := json.Unmarshal([]byte(positions), &e.Positions); err != nil {
			return nil, fmt.Errorf("%w: the positions of an erasure: %w", events.ErrCorrupt, err)
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// Restore implements [events.Erasures].
func (l erasures) Restore(ctx context.Context, all []events.Erasure) error {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		for _, e := range all {
			if err := record(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore erasures: %w", err)
	}
	return nil
}

// Reword implements [events.Erasures].
func (l erasures) Reword(ctx context.Context, before, after events.Erasure) error {
	err := write(ctx, l.writer, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, rewordErasure, string(after.Campaign), after.Who, after.Why, string(before.Campaign), before.At.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("reword erasure: %w", err)
	}
	return nil
}

// Scrub implements [events.Erasures]: it empties the WAL. The file itself was overwritten
// when the content was removed.
func (l erasures) Scrub(ctx context.Context, _ []events.Position) error {
	if err := sqlite.EmptyWAL(ctx, l.writer); err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	return nil
}

// Compact implements [events.Erasures].
func (l erasures) Compact(ctx context.Context) error {
	if err := sqlite.Compact(ctx, l.writer); err != nil {
		return fmt.Errorf("compact the log: %w", err)
	}
	return nil
}
