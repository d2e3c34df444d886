package readmodel

import (
	"context"
	"time"

	"jangbu/events"
)

// History reads the rows of an earlier moment. Calls about a campaign of which no [Snapshot] is kept
// fold all its events, so callers bound how many run at once, and for how long.
type History interface {
	// CampaignAsOf returns the campaign's rows as they were at the moment, and
	// when that was: its time, or when the event at its position was recorded.
	// ErrNotFound where there was no [CampaignStats] row for it in the scope then,
	// ErrFuture where the log ends before the position.
	CampaignAsOf(ctx context.Context, c events.Campaign, asOf Moment, by Scope) (rows CampaignRows, at time.Time, err error)
}
