package sqliterows

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"jangbu/readmodel"
)

// The row of a lease is never deleted: its epochs would start again, and an earlier holder
// would no longer be fenced.
const (
	acquireLease = `
INSERT INTO leases AS held (name, owner, epoch, expires_at)
VALUES (?1, ?2, 1, ?3)
ON CONFLICT (name) DO UPDATE
SET owner      = excluded.owner,
    epoch      = held.epoch + CASE WHEN held.owner = excluded.owner THEN 0 ELSE 1 END,
    expires_at = excluded.expires_at
WHERE held.owner IS NULL
   OR held.owner = excluded.owner
   OR held.expires_at <= ?4
RETURNING epoch`

	releaseLease = `
UPDATE leases
SET owner = NULL, expires_at = ?4
WHERE name = ?1 AND owner = ?2 AND epoch = ?3`

	readHolder = `
SELECT coalesce(l.owner, ''), coalesce(l.epoch, 0), coalesce(l.expires_at, ?2) - ?2,
    coalesce(f.error, ''), coalesce(f.owner, ''), f.at
FROM (SELECT ?1 AS name) AS wanted
LEFT JOIN leases AS l ON l.name = wanted.name AND l.owner IS NOT NULL AND l.expires_at > ?2
LEFT JOIN faults AS f ON f.name = wanted.name`

	readHolders = `
SELECT l.name, l.owner, l.epoch, l.expires_at - ?1, coalesce(f.error, ''), coalesce(f.owner, ''), f.at
FROM leases AS l
LEFT JOIN faults AS f ON f.name = l.name
WHERE l.owner IS NOT NULL AND l.expires_at > ?1
ORDER BY l.name`

	breakLease = `
UPDATE leases
SET owner = NULL, epoch = epoch + 1, expires_at = ?4
WHERE name = ?1 AND owner = ?2 AND epoch = ?3`

	recordBreak = `
INSERT INTO acts (kind, projections, campaign, lease, who, why, state, asked_at, began_at, ended_at, owner)
VALUES ('break', '[]', '', ?1, ?2, ?3, 'done', ?5, ?5, ?5, ?4)
RETURNING` + operationColumns

	recordFault = `
INSERT INTO faults (name, owner, error, at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (name) DO UPDATE
SET owner = excluded.owner, error = excluded.error, at = excluded.at`

	clearFault = `
DELETE FROM faults
WHERE name = ?1`
)

// Acquire implements [readmodel.Leases]. It waits for a commit in flight.
func (s *Store) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (readmodel.Lease, bool, error) {
	lease := readmodel.Lease{Name: name, Owner: owner}
	err := s.write(ctx, func(tx *sql.Tx) error {
		now := time.Now() // after the wait for the write lock
		return tx.QueryRowContext(ctx, acquireLease, name, owner, now.Add(ttl).UnixMicro(), now.UnixMicro()).Scan(&lease.Epoch)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return readmodel.Lease{}, false, nil
	case err != nil:
		return readmodel.Lease{}, false, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	return lease, true, nil
}

// Release implements [readmodel.Leases].
func (s *Store) Release(ctx context.Context, lease readmodel.Lease) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, releaseLease, lease.Name, lease.Owner, lease.Epoch, time.Now().UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("release lease %s: %w", lease.Name, err)
	}
	return nil
}

// Holder implements [readmodel.Leases].
func (s *Store) Holder(ctx context.Context, name string) (readmodel.Holder, error) {
	h := readmodel.Holder{Lease: readmodel.Lease{Name: name}}
	var (
		left int64
		at   sql.NullInt64
	)
	err := s.reader.QueryRowContext(ctx, readHolder, name, time.Now().UnixMicro()).
		Scan(&h.Owner, &h.Epoch, &left, &h.Fault, &h.FaultOwner, &at)
	if err != nil {
		return readmodel.Holder{}, fmt.Errorf("read lease %s: %w", name, err)
	}
	h.Left, h.FaultAt = time.Duration(left)*time.Microsecond, timeOf(at)
	return h, nil
}

// Holders implements [readmodel.Leases].
func (s *Store) Holders(ctx context.Context) (all []readmodel.Holder, err error) {
	rows, err := s.reader.QueryContext(ctx, readHolders, time.Now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var (
			h    readmodel.Holder
			left int64
			at   sql.NullInt64
		)
		if err := rows.Scan(&h.Name, &h.Owner, &h.Epoch, &left, &h.Fault, &h.FaultOwner, &at); err != nil {
			return nil, fmt.Errorf("read leases: %w", err)
		}
		h.Left, h.FaultAt = time.Duration(left)*time.Microsecond, timeOf(at)
		all = append(all, h)
	}
	return all, rows.Err()
}

// Break implements [readmodel.Leases]. It waits for a commit in flight.
func (s *Store) Break(ctx context.Context, lease readmodel.Lease, who, why string) (op readmodel.Operation, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		now := time.Now().UnixMicro()
		what := fmt.Sprintf("lease %s, epoch %d", lease.Name, lease.Epoch)
		if err := one(ctx, tx, what, breakLease, lease.Name, lease.Owner, lease.Epoch, now); err != nil {
			return err
		}
		op, err = scanOperation(tx.QueryRowContext(ctx, recordBreak, lease.Name, who, why, lease.Owner, now))
		return err
	})
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("break lease %s: %w", lease.Name, err)
	}
	return op, nil
}

// Fault implements [readmodel.Leases].
func (s *Store) Fault(ctx context.Context, name, owner, text string) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if text == "" {
			_, err := tx.ExecContext(ctx, clearFault, name)
			return err
		}
		_, err := tx.ExecContext(ctx, recordFault, name, owner, text, time.Now().UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("record failure under lease %s: %w", name, err)
	}
	return nil
}
