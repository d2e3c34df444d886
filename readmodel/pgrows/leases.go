package pgrows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/readmodel"
)

// The row of a lease is never deleted: its epochs would start again, and an earlier holder
// would no longer be fenced. The clock is read after the wait for the row's lock.
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

	readHolder = `
SELECT coalesce(l.owner, ''), l.epoch, greatest(l.expires_at - clock_timestamp(), '0'::interval),
    coalesce(f.error, ''), coalesce(f.owner, ''), f.at
FROM (SELECT $1::text AS name) AS wanted
LEFT JOIN jangbu_rows.leases AS l ON l.name = wanted.name AND l.owner IS NOT NULL AND l.expires_at > clock_timestamp()
LEFT JOIN jangbu_rows.faults AS f ON f.name = wanted.name`

	recordFault = `
INSERT INTO jangbu_rows.faults (name, owner, error, at)
VALUES ($1, $2, $3, clock_timestamp())
ON CONFLICT (name) DO UPDATE
SET owner = EXCLUDED.owner, error = EXCLUDED.error, at = EXCLUDED.at`

	clearFault = `
DELETE FROM jangbu_rows.faults
WHERE name = $1`
)

// Acquire implements [readmodel.Leases]. It waits for a commit in flight under the lease.
func (s *Store) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	lease := readmodel.Lease{Name: name, Owner: owner}
	ctx, done := s.pool.Writing(ctx)
	defer done()
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
	ctx, done := s.pool.Writing(ctx)
	defer done()
	if _, err := s.pool.Exec(ctx, releaseLease, lease.Name, lease.Owner, lease.Epoch); err != nil {
		return fmt.Errorf("release lease %s: %w", lease.Name, err)
	}
	return nil
}

// Holder implements [readmodel.Leases].
func (s *Store) Holder(ctx context.Context, name string) (readmodel.Holder, error) {
	h := readmodel.Holder{Lease: readmodel.Lease{Name: name}}
	var (
		epoch pgtype.Int8
		left  pgtype.Interval
		at    pgtype.Timestamptz
	)
	err := s.pool.QueryRow(ctx, readHolder, name).Scan(&h.Owner, &epoch, &left, &h.Fault, &h.FaultOwner, &at)
	if err != nil {
		return readmodel.Holder{}, fmt.Errorf("read lease %s: %w", name, err)
	}
	h.Epoch, h.FaultAt = epoch.Int64, timeOf(at)
	h.Left = time.Duration(left.Days)*24*time.Hour + time.Duration(left.Microseconds)*time.Microsecond
	return h, nil
}

// Fault implements [readmodel.Leases].
func (s *Store) Fault(ctx context.Context, name, owner, text string) error {
	statement, arguments := recordFault, []any{name, owner, text}
	if text == "" {
		statement, arguments = clearFault, arguments[:1]
	}
	ctx, done := s.pool.Writing(ctx)
	defer done()
	if _, err := s.pool.Exec(ctx, statement, arguments...); err != nil {
		return fmt.Errorf("record failure under lease %s: %w", name, err)
	}
	return nil
}
