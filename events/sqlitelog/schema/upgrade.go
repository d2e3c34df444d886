package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/pressly/goose/v3"

	"jangbu/events"
)

const (
	// upgradeBatch is how many events the upgrade reads at once, at most.
	upgradeBatch = 10_000
	// progressEvery is the time between two log lines of the upgrade.
	progressEvery = 5 * time.Second
)

const readHead = `SELECT position FROM log_head`

// readOld has no column that a later migration adds.
const readOld = `
SELECT position, type, id, digest, payload, form FROM events
WHERE position > ? AND position <= ?
ORDER BY position`

const lastMark = `SELECT position, link FROM links ORDER BY position DESC LIMIT 1`

// addOldLink has no column that a later migration adds.
const addOldLink = `INSERT INTO links (position, link) VALUES (?, ?)`

const findTaken = `SELECT count(*) FROM events WHERE campaign = ? AND id = ? AND position <> ?`

const updateOld = `UPDATE events SET id = ?, digest = ?, payload = ?, form = ? WHERE position = ?`

// Upgrade returns the migration that brings the events of earlier versions to the identity
// and form of this one, and gives them links, in one transaction.
func Upgrade(logger *slog.Logger) *goose.Migration {
	return goose.NewGoMigration(4, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		for said := time.Now(); ; {
			at, head, err := upgradeNext(ctx, tx)
			if err != nil {
				return fmt.Errorf("upgrade events: %w", err)
			}
			if at.Position >= head {
				return nil
			}
			if logger != nil && time.Since(said) > progressEvery {
				said = time.Now()
				logger.InfoContext(ctx, "upgrading the events of an earlier version",
					slog.Int64("position", int64(at.Position)), slog.Int64("of", int64(head)))
			}
		}
	}}, nil)
}

// upgradeNext upgrades the events after the last link. It returns the mark after them, and
// the head.
func upgradeNext(ctx context.Context, tx *sql.Tx) (at events.Mark, head events.Position, err error) {
	if head, err = headOf(ctx, tx); err != nil {
		return at, 0, err
	}
	var raw []byte
	switch err := tx.QueryRowContext(ctx, lastMark).Scan(&at.Position, &raw); {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return at, head, fmt.Errorf("read the last link: %w", err)
	default:
		if len(raw) != len(at.Link) {
			return at, head, fmt.Errorf("%w: the link of position %d has %d bytes", events.ErrCorrupt, at.Position, len(raw))
		}
		at.Link = events.Link(raw)
	}
	if at.Position >= head {
		return at, head, nil
	}
	changed, end, err := readChanged(ctx, tx, at)
	if err != nil {
		return at, head, fmt.Errorf("after position %d: %w", at.Position, err)
	}
	if end.Position == at.Position {
		return at, head, fmt.Errorf("%w: the log ends at %d, before its head %d", events.ErrGap, at.Position, head)
	}
	for i := range changed {
		if err := update(ctx, tx, &changed[i]); err != nil {
			return at, head, err
		}
	}
	if _, err := tx.ExecContext(ctx, addOldLink, int64(end.Position), end.Link[:]); err != nil {
		return at, head, fmt.Errorf("link: %w", err)
	}
	return end, head, nil
}

// readChanged reads the next events and returns those that have to be changed, as they shall
// be, and the mark after the last one. An event that cannot be read back stays as it is, for
// "jangbu verify".
func readChanged(ctx context.Context, tx *sql.Tx, at events.Mark) (changed []changedEvent, end events.Mark, err error) {
	rows, err := tx.QueryContext(ctx, readOld, int64(at.Position), int64(at.Position+upgradeBatch))
	if err != nil {
		return nil, at, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	end = at
	var id, digest, payload sql.RawBytes
	for bytes := 0; bytes < events.MaxReadBytes && rows.Next(); bytes += len(payload) {
		var r events.Recorded
		var number, form int64
		if err := rows.Scan(&r.Position, &number, &id, &digest, &payload, &form); err != nil {
			return nil, at, err
		}
		if r.Position != end.Position+1 || len(digest) != len(r.Digest) {
			return nil, at, fmt.Errorf("%w: position %d, with a digest of %d bytes, in the place of %d", events.ErrGap, r.Position, len(digest), end.Position+1)
		}
		r.Digest = events.Digest(digest)
		if stored, err := decoded(r, id, number, form, payload); err == nil {
			if now, differs := events.Upgrade(stored); differs {
				changed, r = append(changed, changedEvent{now, stored.ID}), now
			}
		}
		end = end.Next(r.Digest)
	}
	return changed, end, rows.Err()
}

// decoded returns the event, whose digest may be that of an earlier version.
func decoded(r events.Recorded, id []byte, number, form int64, payload []byte) (_ events.Recorded, err error) {
	if len(id) != len(r.ID) || number < 0 || number > math.MaxUint8 || form < 0 || form > math.MaxUint8 {
		return r, fmt.Errorf("%w: position %d: id has %d bytes, type %d, form %d", events.ErrCorrupt, r.Position, len(id), number, form)
	}
	r.ID = events.ID(id)
	r.Event, err = events.DecodeStored(events.Form(form), events.Type(number), payload)
	return r, err
}

// headOf returns the head of a log of any version.
func headOf(ctx context.Context, tx *sql.Tx) (head events.Position, err error) {
	err = tx.QueryRowContext(ctx, readHead).Scan(&head)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: the head row is missing", events.ErrCorrupt)
	}
	return head, err
}

// changedEvent is an event that the upgrade changes.
type changedEvent struct {
	events.Recorded
	old events.ID // that it had
}

// update changes an event. One whose new identity another event has keeps its old one: it
// was counted beside that one, and events are never taken back.
func update(ctx context.Context, tx *sql.Tx, c *changedEvent) error {
	var taken int
	if err := tx.QueryRowContext(ctx, findTaken, string(c.Event.Subject()), c.ID[:], int64(c.Position)).Scan(&taken); err != nil {
		return fmt.Errorf("look up identity: %w", err)
	}
	if taken > 0 {
		c.ID = c.old
	}
	if _, err := tx.ExecContext(ctx, updateOld, c.ID[:], c.Digest[:], string(events.AppendStored(nil, c.Event)), int64(events.CurrentForm), int64(c.Position)); err != nil {
		return fmt.Errorf("update position %d: %w", c.Position, err)
	}
	return nil
}
