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

// An index over campaign and id, whose rows end with the position, is stored as a table without row
// numbers is that has these three columns and the first two for its key. So the index that kept the
// identities of all events becomes the table of the identities of the first segment, whatever it
// holds: two rows of the schema say so, and nothing is copied.
const (
	editSchema  = `PRAGMA writable_schema = ON`
	splitEvents = `
UPDATE sqlite_schema SET sql = replace(sql, ',
    CONSTRAINT events_identity UNIQUE (campaign, id)', '')
WHERE type = 'table' AND name = 'events' AND sql LIKE '%UNIQUE (campaign, id)%'`
	splitIdentities = `
UPDATE sqlite_schema SET type = 'table', name = ?1, tbl_name = ?1, sql = ?2
WHERE type = 'index' AND name = 'sqlite_autoindex_events_1' AND tbl_name = 'events' AND sql IS NULL`
	readSchemaAgain = `PRAGMA writable_schema = RESET`
	countIndexes    = `SELECT count(*) FROM pragma_index_list('events') WHERE origin <> 'c'`
)

// Split returns the migration that takes the identities of events out of their table.
func Split(size events.Position) *goose.Migration {
	return goose.NewGoMigration(14, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		head, err := headOf(ctx, tx)
		if err != nil {
			return err
		}
		last := segments.Around(head+1, size).Last
		if _, err := tx.ExecContext(ctx, editSchema); err != nil {
			return err
		}
		err = errors.Join(
			one(tx.ExecContext(ctx, splitEvents)),
			one(tx.ExecContext(ctx, splitIdentities, fmt.Sprintf("identities_%d", last), fmt.Sprintf(identitiesTable, last))))
		if _, resetErr := tx.ExecContext(ctx, readSchemaAgain); err != nil || resetErr != nil {
			return fmt.Errorf("split the identities from the events: %w", errors.Join(err, resetErr))
		}
		// This also tells other connections that the schema is another one.
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(followEvents, last, 1)); err != nil {
			return fmt.Errorf("add the first segment: %w", err)
		}
		var indexes int
		if err := tx.QueryRowContext(ctx, countIndexes).Scan(&indexes); err != nil || indexes != 0 {
			return fmt.Errorf("%w: the events have %d other indexes: %w", events.ErrCorrupt, indexes, err)
		}
		return nil
	}}, nil)
}

// one returns an error unless a statement changed one row.
func one(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows of the schema were changed, want one", n)
	}
	return err
}
