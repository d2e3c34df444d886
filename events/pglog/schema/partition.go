package schema

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"

	"jangbu/events"
	"jangbu/events/segments"
)

const isPartitioned = `SELECT relkind = 'p' FROM pg_class WHERE oid = 'jangbu_log.events'::regclass`

// boundEvents says which positions the table may hold, which later spares a scan of it under a
// lock that keeps all others out. Nothing is scanned here.
const boundEvents = `
ALTER TABLE jangbu_log.events
    DROP CONSTRAINT IF EXISTS events_bound,
    ADD CONSTRAINT events_bound CHECK (position >= 1 AND position <= %d) NOT VALID`

// validateBound scans the table while others read and append.
const validateBound = `ALTER TABLE jangbu_log.events VALIDATE CONSTRAINT events_bound`

// partitionEvents makes the table the first segment of a new one of its name.
const partitionEvents = `
LOCK TABLE jangbu_log.events IN ACCESS EXCLUSIVE MODE;
ALTER TABLE jangbu_log.events RENAME CONSTRAINT events_pkey TO events_%[1]d_pkey;
ALTER TABLE jangbu_log.events RENAME CONSTRAINT events_identity TO events_%[1]d_identity;
ALTER INDEX jangbu_log.events_rare RENAME TO events_%[1]d_rare;
ALTER TABLE jangbu_log.events RENAME TO events_%[1]d;
CREATE TABLE jangbu_log.events (
    LIKE jangbu_log.events_%[1]d INCLUDING COMMENTS INCLUDING STORAGE,
    CONSTRAINT events_pkey PRIMARY KEY (position)
) PARTITION BY RANGE (position);
COMMENT ON TABLE jangbu_log.events IS 'The append-only log: one row per event, never deleted, and updated only where its person is erased.';
COMMENT ON TABLE jangbu_log.events_%[1]d IS 'The events from position 1 through %[1]d.';
CREATE INDEX events_rare ON jangbu_log.events (campaign, position) WHERE type IN (1, 5);
ALTER TABLE jangbu_log.events ATTACH PARTITION jangbu_log.events_%[1]d FOR VALUES FROM (1) TO (%[2]d);
ALTER TABLE jangbu_log.events_%[1]d DROP CONSTRAINT events_bound;
SELECT jangbu_log.grant_alike('jangbu_log.events_%[1]d', 'jangbu_log.events');
CREATE TRIGGER refuse_append BEFORE INSERT ON jangbu_log.events FOR EACH STATEMENT EXECUTE FUNCTION jangbu_log.refuse_append();
INSERT INTO jangbu_log.segments (first, last) VALUES (1, %[1]d)`

// Partition returns the migration that makes the table of events the first segment of a
// partitioned one, whatever it holds, without copying it. It has room for what others append
// meanwhile.
func Partition(size events.Position) *goose.Migration {
	return goose.NewGoMigration(14, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
		var done bool
		if err := db.QueryRowContext(ctx, isPartitioned).Scan(&done); err != nil || done {
			return err
		}
		var head events.Position
		if err := db.QueryRowContext(ctx, readHead).Scan(&head); err != nil {
			return fmt.Errorf("read the head: %w", err)
		}
		last := segments.Around(head+1+size/10, size).Last
		for _, statement := range []string{fmt.Sprintf(boundEvents, last), validateBound} {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("bound the events: %w", err)
			}
		}
		return inOne(ctx, db, fmt.Sprintf(partitionEvents, last, last+1))
	}}, nil)
}

// inOne runs statements without arguments in one transaction.
func inOne(ctx context.Context, db *sql.DB, statements string) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, statements); err != nil {
		return errors.Join(fmt.Errorf("partition the events: %w", err), tx.Rollback())
	}
	return tx.Commit()
}
