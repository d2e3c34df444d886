package readmodel

import (
	"context"

	"jangbu/events"
)

// Snapshots reads rows together with the checkpoints up to which they should equal
// the fold of the log, for whoever proves that they do (I6). It serves nobody, so it
// has no [Scope].
type Snapshots interface {
	// Snapshot returns the campaign's rows of the active generations and these
	// generations' checkpoints, sorted by projection, all of one snapshot of the
	// database. Rows without an [EventStats] row among them are returned, with an
	// Event that names no campaign. ErrNotFound, and the checkpoints all the
	// same, where the campaign has no row in any table.
	Snapshot(ctx context.Context, c events.Campaign) (CampaignRows, []Checkpoint, error)
	// Campaigns returns the first campaigns after a name, at most limit, that have
	// a row in any table of an active generation, sorted by bytes.
	Campaigns(ctx context.Context, after events.Campaign, limit int) ([]events.Campaign, error)
}
