package pglog

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/pglog/beside"
	"jangbu/events/postgres"
)

const readKeys = `SELECT campaign, wrapped FROM jangbu_keys.campaign_keys WHERE campaign = ANY ($1)`

const readAdded = `SELECT campaign, added_at FROM jangbu_keys.campaign_keys WHERE campaign = ANY ($1)`

const addKeys = `
INSERT INTO jangbu_keys.campaign_keys (campaign, wrapped, added_at)
SELECT campaign, wrapped, now() FROM unnest($1::text[], $2::bytea[]) AS k (campaign, wrapped)
ON CONFLICT (campaign) DO NOTHING`

const destroyKey = `
INSERT INTO jangbu_keys.campaign_keys AS k (campaign, wrapped, added_at, destroyed_at)
VALUES ($1, '', now(), now())
ON CONFLICT (campaign) DO UPDATE SET wrapped = '', destroyed_at = now()
WHERE k.destroyed_at IS NULL`

// shareReserved reads the reserved entry, and keeps it as it is until the transaction ends.
const shareReserved = `SELECT wrapped FROM jangbu_keys.campaign_keys WHERE campaign = '' FOR SHARE`

// holdReserved keeps others from adding keys until the transaction ends.
const holdReserved = `SELECT FROM jangbu_keys.campaign_keys WHERE campaign = '' FOR UPDATE`

// holdPage reads entries from a campaign on, as they are once no other transaction changes them.
const holdPage = `
SELECT campaign, wrapped FROM jangbu_keys.campaign_keys
WHERE campaign >= $1 AND destroyed_at IS NULL
ORDER BY campaign LIMIT $2
FOR UPDATE`

const replaceKeys = `
UPDATE jangbu_keys.campaign_keys AS k SET wrapped = r.wrapped
FROM unnest($1::text[], $2::bytea[]) AS r (campaign, wrapped)
WHERE k.campaign = r.campaign`

const listKeys = `
SELECT campaign FROM jangbu_keys.campaign_keys
WHERE campaign > $1
ORDER BY campaign LIMIT $2`

// renameKey and dropKey give an entry to a campaign that has none.
const renameKey = `
INSERT INTO jangbu_keys.campaign_keys (campaign, wrapped, added_at, destroyed_at)
SELECT $2, $3, added_at, destroyed_at FROM jangbu_keys.campaign_keys
WHERE campaign = $1
ON CONFLICT (campaign) DO NOTHING`

const dropKey = `DELETE FROM jangbu_keys.campaign_keys WHERE campaign = $1`

// keysAtOnce is how many entries are replaced in one statement.
const keysAtOnce = 1_000

//go:embed keymigrations/*.sql
var keyMigrations embed.FS

// Keys is the key store in the schema jangbu_keys. It is safe for concurrent use.
// A destroyed key, still wrapped, remains in the server's dead row versions until
// the next VACUUM, in its WAL and in backups until they expire.
type Keys struct{ pool *postgres.Database }

var _ events.Keys = (*Keys)(nil)

// OpenKeys connects to the database at url, brings the schema jangbu_keys up
// to date and returns the key store in it.
func OpenKeys(ctx context.Context, url string, opts Options) (*Keys, error) {
	pool, err := connect(ctx, url, "jangbu_keys", keyMigrations, "keymigrations", opts)
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	return &Keys{pool: pool}, nil
}

// Close waits for running calls and closes the connections.
func (k *Keys) Close() { k.pool.Close() }

// Keys implements [events.Keys].
func (k *Keys) Keys(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign][]byte, error) {
	rows, err := k.pool.Query(ctx, readKeys, campaigns)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	found := make(map[events.Campaign][]byte, len(campaigns))
	var campaign events.Campaign
	var wrapped []byte
	if _, err := pgx.ForEachRow(rows, []any{&campaign, &wrapped}, func() error {
		found[campaign] = slices.Clone(wrapped)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return found, nil
}

// Added implements [events.Keys].
func (k *Keys) Added(ctx context.Context, campaigns []events.Campaign) (map[events.Campaign]time.Time, error) {
	rows, err := k.pool.Query(ctx, readAdded, campaigns)
	if err != nil {
		return nil, fmt.Errorf("read when keys were added: %w", err)
	}
	added := make(map[events.Campaign]time.Time, len(campaigns))
	var campaign events.Campaign
	var at time.Time
	if _, err := pgx.ForEachRow(rows, []any{&campaign, &at}, func() error {
		added[campaign] = at.UTC()
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read when keys were added: %w", err)
	}
	return added, nil
}

// AddKeys implements [events.Keys].
func (k *Keys) AddKeys(ctx context.Context, reserved []byte, wrapped map[events.Campaign][]byte) error {
	// Sorted, so that two callers cannot deadlock on each other's rows.
	campaigns := slices.Sorted(maps.Keys(wrapped))
	values := make([][]byte, len(campaigns))
	for i, c := range campaigns {
		values[i] = wrapped[c]
	}
	err := k.pool.Write(ctx, postgres.Durable, checkReserved(reserved), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, addKeys, campaigns, values)
		return err
	})
	if err != nil {
		return fmt.Errorf("add keys: %w", err)
	}
	return nil
}

// checkReserved returns the beginning of a transaction that fails with [events.ErrRotated] unless
// the reserved entry is the given one, and keeps it.
func checkReserved(reserved []byte) *pgx.Batch {
	claim := new(pgx.Batch)
	claim.Queue(shareReserved).QueryRow(func(row pgx.Row) error {
		var stored []byte
		if err := row.Scan(&stored); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if !bytes.Equal(stored, reserved) {
			return events.ErrRotated
		}
		return nil
	})
	return claim
}

// ReplaceKeys implements [events.Keys]. What was replaced remains where a destroyed key does.
func (k *Keys) ReplaceKeys(ctx context.Context, replace func(events.Campaign, []byte) ([]byte, error)) error {
	// Without the deadline of a write: it takes the longer the more keys there are.
	claim := new(pgx.Batch)
	claim.Queue(holdReserved)
	err := k.pool.InTx(ctx, k.pool, postgres.Durable, claim, func(tx pgx.Tx) error {
		for from := ""; ; {
			page, err := holdEntries(ctx, tx, from)
			if err != nil || len(page) == 0 {
				return err
			}
			if err := replaceEntries(ctx, tx, page, replace); err != nil {
				return err
			}
			from = page[len(page)-1].campaign + "\x01" // the next that there can be
		}
	})
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

func holdEntries(ctx context.Context, tx pgx.Tx, from string) ([]entry, error) {
	rows, err := tx.Query(ctx, holdPage, from, keysAtOnce)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		return e, row.Scan(&e.campaign, &e.wrapped)
	})
}

func replaceEntries(ctx context.Context, tx pgx.Tx, page []entry, replace func(events.Campaign, []byte) ([]byte, error)) error {
	var campaigns []string
	var values [][]byte
	for _, e := range page {
		now, err := replace(events.Campaign(e.campaign), e.wrapped)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, e.wrapped) {
			campaigns, values = append(campaigns, e.campaign), append(values, now)
		}
	}
	_, err := tx.Exec(ctx, replaceKeys, campaigns, values)
	return err
}

// DestroyKey implements [events.Keys].
func (k *Keys) DestroyKey(ctx context.Context, campaign events.Campaign) error {
	if err := k.pool.WriteOne(ctx, postgres.Durable, destroyKey, string(campaign)); err != nil {
		return fmt.Errorf("destroy key: %w", err)
	}
	return nil
}

// Campaigns implements [events.Keys].
func (k *Keys) Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error) {
	rows, err := k.pool.Query(ctx, listKeys, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[events.Campaign])
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return all, nil
}

// RenameKey implements [events.Keys].
func (k *Keys) RenameKey(ctx context.Context, reserved []byte, from, to events.Campaign, wrapped []byte) error {
	err := k.pool.Write(ctx, postgres.Durable, checkReserved(reserved), func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, renameKey, string(from), string(to), append([]byte{}, wrapped...)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, dropKey, string(from))
		return err
	})
	if err != nil {
		return fmt.Errorf("rename key: %w", err)
	}
	return nil
}

// Restore implements [events.Keys].
func (k *Keys) Restore(ctx context.Context, entries []events.KeyEntry) error {
	return k.pool.Write(ctx, postgres.Durable, nil, func(ctx context.Context, tx pgx.Tx) error {
		return beside.RestoreKeys(ctx, tx, entries)
	})
}

// Compact implements [events.Keys].
func (k *Keys) Compact(ctx context.Context) error {
	if err := k.pool.Rewrite(ctx, "jangbu_keys.campaign_keys"); err != nil {
		return fmt.Errorf("compact the keys: %w", err)
	}
	return nil
}
