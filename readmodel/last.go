package readmodel

import (
	"context"
	"time"

	"jangbu/events"
)

// Last is what can be told of campaigns while the rows are away. What it returns is not current,
// and must be marked so wherever it is served (I9).
type Last interface {
	// Away reports whether the rows have been away for so long that no read should wait for them.
	Away() bool
	// Last returns rows that were read before, and a moment since which they may have changed. ok
	// is false where the rows are not known to be away, were too long ago, or the campaign is not
	// known or not allowed by the scope.
	Last(ctx context.Context, c events.Campaign, by Scope) (rows CampaignRows, since time.Time, ok bool)
}
