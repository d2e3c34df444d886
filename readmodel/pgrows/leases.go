package pgrows

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"jangbu/events/postgres"
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

	readHolders = `
SELECT l.name, l.owner, l.epoch, l.expires_at - clock_timestamp(), coalesce(f.error, ''), coalesce(f.owner, ''), f.at
FROM jangbu_rows.leases AS l
LEFT JOIN jangbu_rows.faults AS f ON f.name = l.name
WHERE l.owner IS NOT NULL AND l.expires_at > clock_timestamp()
ORDER BY l.name`

	breakLease = `
UPDATE jangbu_rows.leases
SET owner = NULL, epoch = epoch + 1, expires_at = clock_timestamp()
WHERE name = $1 AND owner = $2 AND epoch = $3`

	recordBreak = `
INSERT INTO jangbu_rows.acts (kind, projections, campaign, lease, who, why, state, began_at, ended_at, owner)
VALUES ('break', '{}', '', $1, $2, $3, 'done', clock_timestamp(), clock_timestamp(), $4)
RETURNING` + operationColumns

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
	h.Epoch, h.Left, h.FaultAt = epoch.Int64, durationOf(left), timeOf(at)
	return h, nil
}

func durationOf(i pgtype.Interval) time.Duration {
	return time.Duration(i.Days)*24*time.Hour + time.Duration(i.Microseconds)*time.Microsecond
}

// Holders implements [readmodel.Leases].
func (s *Store) Holders(ctx context.Context) ([]readmodel.Holder, error) {
	rows, _ := s.pool.Query(ctx, readHolders) // its error is that of the rows
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h readmodel.Holder, err error) {
		var (
			left pgtype.Interval
			at   pgtype.Timestamptz
		)
		err = row.Scan(&h.Name, &h.Owner, &h.Epoch, &left, &h.Fault, &h.FaultOwner, &at)
		h.Left, h.FaultAt = durationOf(left), timeOf(at)
		return h, err
	})
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	return all, nil
}

// Break implements [readmodel.Leases]. It waits for a commit in flight under the lease.
func (s *Store) Break(ctx context.Context, lease readmodel.Lease, who, why string) (op readmodel.Operation, err error) {
	batch := new(pgx.Batch)
	batch.Queue(breakLease, lease.Name, lease.Owner, lease.Epoch).Exec(one(fmt.Sprintf("lease %s, epoch %d", lease.Name, lease.Epoch)))
	batch.Queue(recordBreak, lease.Name, who, why, lease.Owner).QueryRow(func(row pgx.Row) (err error) {
		op, err = scanOperation(row)
		return err
	})
	err = s.pool.Write(ctx, postgres.Durable, nil, func(ctx context.Context, tx pgx.Tx) error {
		return tx.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		return readmodel.Operation{}, fmt.Errorf("break lease %s: %w", lease.Name, err)
	}
	return op, nil
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
