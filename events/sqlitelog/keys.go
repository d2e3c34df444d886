package sqlitelog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"jangbu/events"
)

const readKey = `SELECT wrapped FROM campaign_keys WHERE campaign = ?`

const addKey = `
INSERT INTO campaign_keys (campaign, wrapped, added_at)
VALUES (?, ?, ?)
ON CONFLICT (campaign) DO NOTHING`

const destroyKey = `
INSERT INTO campaign_keys (campaign, wrapped, added_at, destroyed_at)
VALUES (?1, x'', ?2, ?2)
ON CONFLICT (campaign) DO UPDATE SET wrapped = x'', destroyed_at = ?2
WHERE campaign_keys.destroyed_at IS NULL`

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
func OpenKeys(ctx context.Context, path string) (*Keys, error) {
	k, err := openKeys(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open keys %s: %w", path, err)
	}
	return k, nil
}

func openKeys(ctx context.Context, path string) (*Keys, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	params := writerPragmas()
	params.Set("_pragma", secureDelete) // without the large cache
	db, err := connect(path, params, 1)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, db, keyMigrations, "keymigrations", nil); err != nil {
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

// AddKeys implements [events.Keys].
func (k *Keys) AddKeys(ctx context.Context, wrapped map[events.Campaign][]byte) error {
	err := write(ctx, k.db, func(ctx context.Context, tx *sql.Tx) error {
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
