package schema

import (
	"context"
	"database/sql"
	"fmt"

	"jangbu/events/segments"
)

// identitiesTable is the table of the identities of the events up to position %[1]d. Its rows are as
// those of an index over campaign and id.
const identitiesTable = `CREATE TABLE identities_%[1]d (
    campaign TEXT NOT NULL,    -- as the event has it
    id       BLOB NOT NULL,    -- as the event has it
    position INTEGER NOT NULL, -- of the event
    CONSTRAINT identities_%[1]d_pkey PRIMARY KEY (campaign, id)
) STRICT, WITHOUT ROWID`

// followEvents makes the table of the positions from %[2]d through %[1]d follow what is done to
// their events but for their insertion, and notes the segment.
const followEvents = `
CREATE TRIGGER identities_%[1]d_deleted AFTER DELETE ON events WHEN OLD.position BETWEEN %[2]d AND %[1]d
BEGIN
    DELETE FROM identities_%[1]d WHERE campaign = OLD.campaign AND id = OLD.id;
END;
CREATE TRIGGER identities_%[1]d_renamed AFTER UPDATE OF campaign, id ON events WHEN OLD.position BETWEEN %[2]d AND %[1]d
BEGIN
    UPDATE identities_%[1]d SET campaign = NEW.campaign, id = NEW.id
    WHERE campaign = OLD.campaign AND id = OLD.id;
END;
INSERT INTO segments (first, last) VALUES (%[2]d, %[1]d)`

// AddSegment adds a segment of these positions, within a transaction.
func AddSegment(ctx context.Context, tx *sql.Tx, s segments.Range) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(identitiesTable+";"+followEvents, s.Last, s.First))
	return err
}
