package pglog

import (
	"context"
	"embed"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"jangbu/events"
	"jangbu/events/postgres"
)

const readKeys = `SELECT campaign, wrapped FROM jangbu_keys.campaign_keys WHERE campaign = ANY ($1)`

const addKeys = `
INSERT INTO jangbu_keys.campaign_keys (campaign, wrapped, added_at)
SELECT campaign, wrapped, now() FROM unnest($1::text[], $2::bytea[]) AS k (campaign, wrapped)
ON CONFLICT (campaign) DO NOTHING`

const destroyKey = `
INSERT INTO jangbu_keys.campaign_keys AS k (campaign, wrapped, added_at, destroyed_at)
VALUES ($1, '', now(), now())
ON CONFLICT (campaign) DO UPDATE SET wrapped = '', destroyed_at = now()
WHERE k.destroyed_at IS NULL`

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

// AddKeys implements [events.Keys].
func (k *Keys) AddKeys(ctx context.Context, wrapped map[events.Campaign][]byte) error {
	// Sorted, so that two callers cannot deadlock on each other's rows.
	campaigns := slices.Sorted(maps.Keys(wrapped))
	values := make([][]byte, len(campaigns))
	for i, c := range campaigns {
		values[i] = wrapped[c]
	}
	ctx, done := k.pool.Writing(ctx)
	defer done()
	if _, err := k.pool.Exec(ctx, addKeys, campaigns, values); err != nil {
		return fmt.Errorf("add keys: %w", err)
	}
	return nil
}

// DestroyKey implements [events.Keys].
func (k *Keys) DestroyKey(ctx context.Context, campaign events.Campaign) error {
	ctx, done := k.pool.Writing(ctx)
	defer done()
	if _, err := k.pool.Exec(ctx, destroyKey, string(campaign)); err != nil {
		return fmt.Errorf("destroy key: %w", err)
	}
	return nil
}
