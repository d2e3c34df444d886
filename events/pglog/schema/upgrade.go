package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"

	"jangbu/events"
)

const (
	// upgradeBatch is how many events one transaction of the upgrade reads at most.
	upgradeBatch = 10_000
	// progressEvery is the time between two log lines of the upgrade.
	progressEvery = 5 * time.Second
)

const readHead = `SELECT position FROM jangbu_log.log_head`

const lastMark = `SELECT position, link FROM jangbu_log.links ORDER BY position DESC LIMIT 1`

// readOld is bounded by $2 events and $3 bytes of payload, but for one event.
const readOld = `
SELECT position, type, id::text, digest, payload, form
FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY position) AS bytes
    FROM (SELECT * FROM jangbu_log.events WHERE position > $1 ORDER BY position LIMIT $2) AS next
) AS e
WHERE bytes - octet_length(payload) < $3
ORDER BY position`

// findTaken returns which of the identities the log holds.
const findTaken = `
SELECT w.n
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (campaign, id, n)
WHERE EXISTS (SELECT FROM jangbu_log.events AS e WHERE e.campaign = w.campaign AND e.id = w.id::uuid)`

// addOldLink has no column that a later migration adds.
const addOldLink = `
INSERT INTO jangbu_log.links (position, link) VALUES ($1, $2)`

const updateOld = `
UPDATE jangbu_log.events AS e
SET id = w.id::uuid, digest = w.digest, payload = w.payload, form = $5
FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[]) AS w (position, id, digest, payload)
WHERE e.position = w.position`

// Upgrade returns the migration that brings the events of earlier versions to the identity
// and form of this one, and gives them links. It commits batch by batch and goes on where an
// earlier attempt ended.
func Upgrade(logger *slog.Logger) *goose.Migration {
	return goose.NewGoMigration(4, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
		u := upgrader{db: db, logger: logger, said: time.Now()}
		if err := u.run(ctx); err != nil {
			return fmt.Errorf("upgrade events: %w", err)
		}
		return nil
	}}, nil)
}

type upgrader struct {
	db     *sql.DB
	logger *slog.Logger
	said   time.Time
}

func (u *upgrader) run(ctx context.Context) error {
	var head events.Position
	if err := u.db.QueryRowContext(ctx, readHead).Scan(&head); err != nil {
		return fmt.Errorf("read the head: %w", err)
	}
	var at events.Mark
	if err := u.db.QueryRowContext(ctx, lastMark).Scan(&at.Position, &at.Link); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the last link: %w", err)
	}
	for at.Position < head {
		var err error
		if at, err = u.batch(ctx, at); err != nil {
			return fmt.Errorf("after position %d: %w", at.Position, err)
		}
		if u.logger != nil && time.Since(u.said) > progressEvery {
			u.said = time.Now()
			u.logger.InfoContext(ctx, "upgrading the events of an earlier version",
				slog.Int64("position", int64(at.Position)), slog.Int64("of", int64(head)))
		}
	}
	return nil
}

// batch upgrades the events that follow, in one transaction.
func (u *upgrader) batch(ctx context.Context, at events.Mark) (_ events.Mark, err error) {
	tx, err := u.db.BeginTx(ctx, nil)
	if err != nil {
		return at, err
	}
	defer func() { _ = tx.Rollback() }() // without effect after Commit
	changed, end, err := readChanged(ctx, tx, at)
	if err != nil {
		return at, err
	}
	if end.Position == at.Position {
		return at, fmt.Errorf("%w: the log ends there, before its head", events.ErrGap)
	}
	if err := update(ctx, tx, changed); err != nil {
		return at, err
	}
	if _, err := tx.ExecContext(ctx, addOldLink, end.Position, end.Link[:]); err != nil {
		return at, fmt.Errorf("link: %w", err)
	}
	return end, tx.Commit()
}

// changedEvent is an event that the upgrade changes.
type changedEvent struct {
	events.Recorded
	old events.ID
}

// readChanged reads the next events and returns those that have to be changed, and the mark
// after the last one. An event that cannot be read back stays as it is, for "jangbu verify".
func readChanged(ctx context.Context, tx *sql.Tx, at events.Mark) (changed []changedEvent, end events.Mark, err error) {
	rows, err := tx.QueryContext(ctx, readOld, at.Position, upgradeBatch, events.MaxReadBytes)
	if err != nil {
		return nil, at, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	end = at
	for rows.Next() {
		var r events.Recorded
		var id string
		var typ, form uint8
		var digest, payload []byte
		if err := rows.Scan(&r.Position, &typ, &id, &digest, &payload, &form); err != nil {
			return nil, at, err
		}
		if r.Position != end.Position+1 || len(digest) != len(r.Digest) {
			return nil, at, fmt.Errorf("%w: position %d, with a digest of %d bytes, in the place of %d", events.ErrGap, r.Position, len(digest), end.Position+1)
		}
		if r.ID, err = events.ParseID(id); err != nil {
			return nil, at, err
		}
		r.Digest = events.Digest(digest)
		if r.Event, err = events.DecodeStored(events.Form(form), events.Type(typ), payload); err == nil {
			if now, differs := events.Upgrade(r); differs {
				changed, r = append(changed, changedEvent{now, r.ID}), now
			}
		}
		end = end.Next(r.Digest)
	}
	return changed, end, rows.Err()
}

// update changes the events. One whose new identity another event has keeps its old one: it
// was counted beside that one, and events are never taken back.
func update(ctx context.Context, tx *sql.Tx, changed []changedEvent) error {
	if len(changed) == 0 {
		return nil
	}
	taken, err := takenIdentities(ctx, tx, changed)
	if err != nil {
		return fmt.Errorf("look up identities: %w", err)
	}
	n := len(changed)
	positions, ids, digests, payloads := make([]int64, n), make([]string, n), make([][]byte, n), make([]string, n)
	for i := range changed {
		c := &changed[i]
		if taken[i] {
			c.ID = c.old
		}
		positions[i], ids[i], digests[i] = int64(c.Position), c.ID.String(), c.Digest[:]
		payloads[i] = string(events.AppendStored(nil, c.Event))
	}
	if _, err := tx.ExecContext(ctx, updateOld, positions, ids, digests, payloads, int16(events.CurrentForm)); err != nil {
		return fmt.Errorf("update events: %w", err)
	}
	return nil
}

// identity is equal for two events of one identity (I4).
type identity struct {
	campaign events.Campaign
	id       events.ID
}

// takenIdentities reports which of the new identities another event has, of the log or
// before it in changed.
func takenIdentities(ctx context.Context, tx *sql.Tx, changed []changedEvent) (_ []bool, err error) {
	taken := make([]bool, len(changed))
	first := make(map[identity]bool)
	campaigns, ids := make([]string, len(changed)), make([]string, len(changed))
	for i := range changed {
		c := &changed[i]
		campaigns[i], ids[i] = string(c.Event.Subject()), c.ID.String()
		key := identity{c.Event.Subject(), c.ID}
		taken[i] = first[key]
		first[key] = true
	}
	rows, err := tx.QueryContext(ctx, findTaken, campaigns, ids)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		if c := &changed[n-1]; c.ID != c.old {
			taken[n-1] = true
		}
	}
	return taken, rows.Err()
}
