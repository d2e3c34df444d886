package sqliterows

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"jangbu/readmodel"
)

const (
	findColumn = `
SELECT count(*)
FROM pragma_table_info(?1)
WHERE name = ?2`

	// addLink, addKept, addLease, addFound, the goals and addMoment add to a schema of an earlier program what
	// schema.sql has.
	addLink = `
ALTER TABLE generations
ADD COLUMN link BLOB NOT NULL DEFAULT X'0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(link) = 32)`

	addKept = `
ALTER TABLE generations
ADD COLUMN kept INTEGER NOT NULL DEFAULT 0`

	addLease = `
ALTER TABLE acts
ADD COLUMN lease TEXT NOT NULL DEFAULT ''`

	addFound = `
ALTER TABLE acts
ADD COLUMN found TEXT NOT NULL DEFAULT ''`

	addGoalMetric = `
ALTER TABLE event_stats
ADD COLUMN goal_metric TEXT`

	addGoalTarget = `
ALTER TABLE event_stats
ADD COLUMN goal_target INTEGER`

	addMoment = `
ALTER TABLE store
ADD COLUMN moment INTEGER`

	costIsKnown = `
SELECT count(*)
FROM pragma_table_info('channel_stats')
WHERE name = 'cost_won' AND "notnull"`

	// letCostBeUnknown puts a column that may be NULL in the place of one that may not.
	letCostBeUnknown = `
ALTER TABLE channel_stats ADD COLUMN cost INTEGER;
UPDATE channel_stats SET cost = cost_won;
ALTER TABLE channel_stats DROP COLUMN cost_won;
ALTER TABLE channel_stats RENAME COLUMN cost TO cost_won`

	// moveProfile leaves the name of the profiles to schema.sql where they are one row for each
	// value of a dimension, and joinProfile then makes of these one row for each campaign.
	moveProfile = `
ALTER TABLE participant_profile RENAME TO participant_profile_by_value`

	joinProfile = `
INSERT INTO participant_profile (generation, campaign, gender, age_group, region, customer)
SELECT generation, campaign,
    json_group_object(value, participants ORDER BY value) FILTER (WHERE dimension = 'gender'),
    json_group_object(value, participants ORDER BY value) FILTER (WHERE dimension = 'ageGroup'),
    json_group_object(value, participants ORDER BY value) FILTER (WHERE dimension = 'region'),
    json_group_object(value, participants ORDER BY value) FILTER (WHERE dimension = 'customer')
FROM participant_profile_by_value
GROUP BY generation, campaign;
DROP TABLE participant_profile_by_value`

	abandonGeneration = `
INSERT INTO generations (projection, generation, version, position)
SELECT projection, max(generation) + 1, 0, 0
FROM generations
WHERE projection = ?1
GROUP BY projection`

	serveAbandoned = `
UPDATE projections
SET active_generation = (SELECT max(generation) FROM generations AS g WHERE g.projection = projections.projection)
WHERE projection = ?1`

	dropStandby = `
DELETE FROM standbys
WHERE projection = ?1`

	renew = `
UPDATE store
SET incarnation = max(incarnation + 1, ?1)
WHERE id = 1`

	readRebuilding = `
SELECT EXISTS (
    SELECT 1
    FROM projections AS p
    JOIN generations AS g ON g.projection = p.projection AND g.generation = p.active_generation
    WHERE g.version = 0
)`
)

// Abandon implements [readmodel.Generations].
func (s *Store) Abandon(ctx context.Context, lease readmodel.Lease, projections []string) (readmodel.Revision, error) {
	revision, err := s.renew(ctx, lease, func(tx *sql.Tx) error {
		for _, p := range projections {
			for _, statement := range []string{dropStandby, resume, abandonGeneration, serveAbandoned} {
				if _, err := tx.ExecContext(ctx, statement, p); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("abandon rows: %w", err)
	}
	return revision, nil
}

// Renew implements [readmodel.Generations].
func (s *Store) Renew(ctx context.Context, lease readmodel.Lease) (readmodel.Revision, error) {
	revision, err := s.renew(ctx, lease, func(*sql.Tx) error { return nil })
	if err != nil {
		return readmodel.Revision{}, fmt.Errorf("renew rows: %w", err)
	}
	return revision, nil
}

// renew runs do under the lease and gives the rows a new incarnation.
func (s *Store) renew(ctx context.Context, lease readmodel.Lease, do func(*sql.Tx) error) (revision readmodel.Revision, err error) {
	err = s.underLease(ctx, lease, func(tx *sql.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, renew, time.Now().UnixMicro()); err != nil {
			return err
		}
		revision, err = queryRevision(ctx, tx.StmtContext(ctx, s.commits[readRevision]))
		return err
	})
	return revision, err
}

// checkServed returns [readmodel.ErrRebuilding] where rows were abandoned and no others are
// served yet. Abandoned generations have no rows, so it is asked where nothing was found.
func (s *Store) checkServed(ctx context.Context, tx *sql.Tx) error {
	prepared := tx.StmtContext(ctx, s.reads[readRebuilding])
	defer func() { _ = prepared.Close() }()
	var rebuilding bool
	if err := prepared.QueryRowContext(ctx).Scan(&rebuilding); err != nil {
		return err
	}
	if rebuilding {
		return readmodel.ErrRebuilding
	}
	return nil
}

// upgrade makes of the schema of an earlier program, which lacks no table, that of schema.sql.
func upgrade(ctx context.Context, tx *sql.Tx) error {
	for _, column := range []struct{ table, name, add string }{
		{"generations", "link", addLink},
		{"generations", "kept", addKept},
		{"acts", "lease", addLease},
		{"acts", "found", addFound},
		{"event_stats", "goal_metric", addGoalMetric},
		{"event_stats", "goal_target", addGoalTarget},
		{"store", "moment", addMoment},
	} {
		var there bool
		if err := tx.QueryRowContext(ctx, findColumn, column.table, column.name).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		if _, err := tx.ExecContext(ctx, column.add); err != nil {
			return err
		}
	}
	var byValue bool
	if err := tx.QueryRowContext(ctx, findColumn, "participant_profile", "dimension").Scan(&byValue); err != nil {
		return err
	}
	if byValue {
		for _, step := range []string{moveProfile, schema, joinProfile} {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
		}
	}
	var known bool
	if err := tx.QueryRowContext(ctx, costIsKnown).Scan(&known); err != nil || !known {
		return err
	}
	_, err := tx.ExecContext(ctx, letCostBeUnknown)
	return err
}

// checkpointFields returns what the columns of a checkpoint are scanned into.
func checkpointFields(c *readmodel.Checkpoint) []any {
	return []any{&c.Projection, &c.Version, &c.Generation, &c.Position, &c.Link}
}
