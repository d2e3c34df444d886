package sqlitelog

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"time"

	"jangbu/events"
	"jangbu/events/sqlite"
	"jangbu/events/sqlitelog/beside"
	"jangbu/events/sqlitelog/schema"
)

const readKey = `SELECT wrapped FROM campaign_keys WHERE campaign = ?`

const readAdded = `SELECT added_at FROM campaign_keys WHERE campaign = ?`

const addKey = `
INSERT INTO campaign_keys (campaign, wrapped, added_at)
VALUES (?, ?, ?)
ON CONFLICT (campaign) DO NOTHING`

const destroyKey = `
INSERT INTO campaign_keys (campaign, wrapped, added_at, destroyed_at)
VALUES (?1, x'', ?2, ?2)
ON CONFLICT (campaign) DO UPDATE SET wrapped = x'', destroyed_at = ?2
WHERE campaign_keys.destroyed_at IS NULL`

// readPage reads entries from a campaign on.
const readPage = `
SELECT campaign, wrapped FROM campaign_keys
WHERE campaign >= ? AND destroyed_at IS NULL
ORDER BY campaign LIMIT ?`

const replaceKey = `UPDATE campaign_keys SET wrapped = ? WHERE campaign = ?`

const listKeys = `SELECT campaign FROM campaign_keys WHERE campaign > ? ORDER BY campaign LIMIT ?`

// renameKey and dropKey give an entry to a campaign that has none.
const renameKey = `
INSERT INTO campaign_keys (campaign, wrapped, added_at, destroyed_at)
SELECT ?2, ?3, added_at, destroyed_at FROM campaign_keys
WHERE campaign = ?1
ON CONFLICT (campaign) DO NOTHING`

const dropKey = `DELETE FROM campaign_keys WHERE campaign = ?`

// keysAtOnce is how many entries are replaced at once.
const keysAtOnce = 1_000

// emptyWAL moves the WAL into the file and truncates it, unless a reader is active.
const emptyWAL = `PRAGMA wal_checkpoint(TRUNCATE)`

//go:embed keymigrations/*.sql
var keyMigrations embed.FS

// Keys is the key store in one file. It is safe for concurrent use. SQLite
// overwrites a destroyed key with zeros; earlier copies of the file keep it.
type Keys struct {
	db   *sql.DB // one connection
	read *sql.Stmt
}

var _ events.Keys = (*Keys)(nil)

// OpenKeys opens the key store in the file at path. It creates the file if there is
// none and brings it up to date.
func OpenKeys(ctx context.Context, path string) (*Keys, error) { return keysIn(ctx, path, false) }

// ReadKeys is OpenKeys for a store that is only read: it opens also a file that this process may not
// write.
func ReadKeys(ctx context.Context, path string) (*Keys, error) { return keysIn(ctx, path, true) }

func keysIn(ctx context.Context, path string, readOnly bool) (*Keys, error) {
	k, err := openKeys(ctx, path, readOnly)
	if err != nil {
		return nil, fmt.Errorf("open keys %s: %w", path, mendFile(err))
	}
	return k, nil
}

func openKeys(ctx context.Context, path string, readOnly bool) (*Keys, error) {
	params := writerPragmas()
	params.Set("_pragma", secureDelete) // without the large cache
	db, unwritable, err := openFile(path, readOnly, params, url.Values{})
	if err != nil {
		return nil, err
	}
	if unwritable {
		err = schema.Check(ctx, db, keyMigrations, "keymigrations")
	} else {
		err = schema.Migrate(ctx, db, keyMigrations, "keymigrations", nil)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	read, err := db.PrepareContext(ctx, readKey)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Keys{db: db, read: read}, nil
}

// Close waits for running calls and closes the file.
func (k *Keys) Close() error { return k.db.Close() }

// Keys implements [events.Keys].
func (k *Keys) Keys(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	found := make(map[events.Campaign][]byte, len(campaigns))
	for _, c := range campaigns {
		var wrapped []byte
		switch err := k.read.QueryRowContext(ctx, string(c)).Scan(&wrapped); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, fmt.Errorf("read keys: %w", err)
		default:
			found[c] = wrapped
		}
	}
	return found, nil
}

// Added implements [events.Keys].
func (k *Keys) Added(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign]time.Time, error) {
	added := make(map[events.Campaign]time.Time, len(campaigns))
	for _, c := range campaigns {
		var at int64
		switch err := k.db.QueryRowContext(ctx, readAdded, string(c)).Scan(&at); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return nil, fmt.Errorf("read when keys were added: %w", err)
		default:
			added[c] = time.UnixMicro(at).UTC()
		}
	}
	return added, nil
}

// AddKeys implements [events.Keys].
func (k *Keys) AddKeys(ctx context.Context, reserved []byte, wrapped map[events.Campaign][]byte) error {
	err := write(ctx, k.db, func(ctx context.Context, tx *sql.Tx) error {
		if err := checkReserved(ctx, tx, reserved); err != nil {
			return err
		}
		now := time.Now().UnixMicro()
		for c, key := range wrapped {
			if _, err := tx.ExecContext(ctx, addKey, string(c), key, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add keys: %w", err)
	}
	return nil
}

// checkReserved returns [events.ErrRotated] unless the reserved entry is the given one.
func checkReserved(ctx context.Context, tx *sql.Tx, reserved []byte) error {
	var stored []byte
	err := tx.QueryRowContext(ctx, readKey, string(events.ReservedKey)).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if !bytes.Equal(stored, reserved) {
		return events.ErrRotated
	}
	return nil
}

// ReplaceKeys implements [events.Keys]. SQLite overwrites what was replaced with zeros.
func (k *Keys) ReplaceKeys(ctx context.Context, replace func(events.Campaign, []byte) ([]byte, error)) error {
	err := write(ctx, k.db, func(own context.Context, tx *sql.Tx) error {
		for from := ""; ; {
			page, err := readEntries(own, tx, from)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				now, err := replace(events.Campaign(e.campaign), e.wrapped)
				if err == nil && !bytes.Equal(now, e.wrapped) {
					_, err = tx.ExecContext(own, replaceKey, now, e.campaign)
				}
				if err != nil {
					return err
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			from = page[len(page)-1].campaign + "\x01" // the next that there can be
		}
	})
	if err == nil {
		_, err = k.db.ExecContext(ctx, emptyWAL)
	}
	if err != nil {
		return fmt.Errorf("replace keys: %w", err)
	}
	return nil
}

// entry is a campaign's entry.
type entry struct {
	campaign string
	wrapped  []byte
}

func readEntries(ctx context.Context, tx *sql.Tx, from string) (page []entry, err error) {
	rows, err := tx.QueryContext(ctx, readPage, from, keysAtOnce)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.campaign, &e.wrapped); err != nil {
			return nil, err
		}
		page = append(page, e)
	}
	return page, rows.Err()
}

// DestroyKey implements [events.Keys].
func (k *Keys) DestroyKey(ctx context.Context, campaign events.Campaign) error {
	err := write(ctx, k.db, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, destroyKey, string(campaign), time.Now().UnixMicro())
		return err
	})
	if err == nil {
		_, err = k.db.ExecContext(ctx, emptyWAL)
	}
	if err != nil {
		return fmt.Errorf("destroy key: %w", err)
	}
	return nil
}

// Campaigns implements [events.Keys].
func (k *Keys) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	all, err := k.campaigns(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return all, nil
}

func (k *Keys) campaigns(ctx context.Context, after events.Campaign, limit int) (all []events.Campaign, err error) {
	rows, err := k.db.QueryContext(ctx, listKeys, string(after), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c string
		if err := rows.Scan(&c); err != nil {
			return nil, err
		}
		all = append(all, events.Campaign(c))
	}
	return all, rows.Err()
}

// RenameKey implements [events.Keys].
func (k *Keys) RenameKey(ctx context.Context, reserved []byte, from, to events.Campaign, wrapped []byte) error {
	err := write(ctx, k.db, func(ctx context.Context, tx *sql.Tx) error {
		if err := checkReserved(ctx, tx, reserved); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, renameKey, string(from), string(to), append([]byte{}, wrapped...)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, dropKey, string(from))
		return err
	})
	if err != nil {
		return fmt.Errorf("rename key: %w", err)
	}
	return nil
}

// Restore implements [events.Keys].
func (k *Keys) Restore(ctx context.Context, entries []events.KeyEntry) error {
	return write(ctx, k.db, func(ctx context.Context, tx *sql.Tx) error { return beside.RestoreKeys(ctx, tx, entries) })
}

// Compact implements [events.Keys].
func (k *Keys) Compact(ctx context.Context) error {
	if err := sqlite.Compact(ctx, k.db); err != nil {
		return fmt.Errorf("compact the keys: %w", err)
	}
	return nil
}
