package readmodel

import (
	"context"
	"errors"
	"time"

	"jangbu/events"
)

// ErrFuture says that the log ends before a [Moment].
var ErrFuture = errors.New("that has not happened yet")

// Moment is a place in the log: a position or, where that is 0, the last event that
// was recorded by a time.
type Moment struct {
	Position events.Position
	At       time.Time
}

// History reads the rows of an earlier moment. Calls about a campaign of which no [Snapshot] is kept
// fold all its events, so callers bound how many run at once, and for how long.
type History interface {
	// CampaignAsOf returns the campaign's rows as they were at the moment, and
	// when that was: its time, or when the event at its position was recorded.
	// ErrNotFound where there was no [CampaignStats] row for it in the scope then,
	// ErrFuture where the log ends before the position.
	CampaignAsOf(ctx context.Context, c events.Campaign, asOf Moment, by Scope) (rows CampaignRows, at time.Time, err error)
}
