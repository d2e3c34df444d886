package pgrows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"jangbu/readmodel"
)

// A lease's row is never deleted, or its epochs would start again and a holder
// of long ago would no longer be fenced. The clock is read after the wait for
// the row's lock.
const (
	acquireLease = `
INSERT INTO jangbu_rows.leases AS held (name, owner, epoch, expires_at)
VALUES ($1, $2, 1, clock_timestamp() + $3)
ON CONFLICT (name) DO UPDATE
SET owner      = EXCLUDED.owner,
    epoch      = held.epoch + CASE WHEN held.owner = EXCLUDED.owner THEN 0 ELSE 1 END,
    expires_at = clock_timestamp() + $3
WHERE held.owner IS NULL
   OR held.owner = EXCLUDED.owner
   OR held.expires_at <= clock_timestamp()
RETURNING epoch`

	releaseLease = `
UPDATE jangbu_rows.leases
SET owner = NULL, expires_at = clock_timestamp()
WHERE name = $1 AND owner = $2 AND epoch = $3`
)

// Acquire implements [readmodel.Leases]. It waits for a commit under the lease
// that is in flight.
func (s *Store) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	lease := readmodel.Lease{Name: name, Owner: owner}
	err := s.pool.QueryRow(ctx, acquireLease, name, owner, ttl).Scan(&lease.Epoch)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return readmodel.Lease{}, false, nil
	case err != nil:
		return readmodel.Lease{}, false, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	return lease, true, nil
}

// Release implements [readmodel.Leases].
func (s *Store) Release(ctx context.Context, lease readmodel.Lease) error {
	if _, err := s.pool.Exec(ctx, releaseLease, lease.Name, lease.Owner, lease.Epoch); err != nil {
		return fmt.Errorf("release lease %s: %w", lease.Name, err)
	}
	return nil
}
