package pgrows

import (
	"context"
	_ "embed" // views.sql
	"fmt"

	"github.com/jackc/pgx/v5"
)

//go:embed views.sql
var views string

// viewsVersion is that of views.sql. It grows by one with each change.
const viewsVersion = 1

const (
	// readViews is 0 where one of the views is missing.
	readViews = `
SELECT CASE WHEN count(to_regclass('jangbu_rows.' || name)) = 5 THEN (SELECT views FROM jangbu_rows.schema_version) ELSE 0 END
FROM unnest('{campaigns,channels,hours,profiles,shops}'::text[]) AS name`

	setViews = `
UPDATE jangbu_rows.schema_version
SET views = $1`
)

// createViews makes the views that are missing, and replaces those of an earlier program. Those of
// a newer one stay: columns are only ever added to them.
func createViews(ctx context.Context, tx pgx.Tx) error {
	var version int
	if err := tx.QueryRow(ctx, readViews).Scan(&version); err != nil || version >= viewsVersion {
		return err
	}
	if _, err := tx.Exec(ctx, views); err != nil {
		return fmt.Errorf("create views: %w", err)
	}
	_, err := tx.Exec(ctx, setViews, viewsVersion)
	return err
}
