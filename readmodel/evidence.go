package readmodel

import (
	"context"

	"jangbu/events"
)

// Evidence reads the events that a campaign's numbers are folded from. A call may cost as much
// as the campaign has events; callers bound how many calls run at once.
type Evidence interface {
	// CampaignEvents returns the first events that are wanted, in log order, with their
	// origins, and whether there are others. What is withdrawn is left out, as in the
	// numbers. It does not judge who asks: the caller has read the campaign's rows.
	CampaignEvents(ctx context.Context, wanted CampaignEvents) (found []events.Recorded, more bool, err error)
}

// CampaignEvents selects events of one campaign.
type CampaignEvents struct {
	Campaign events.Campaign
	Types    []events.Type // at least one
	After    events.Position
	Through  events.Position
	// AsOf is the last position whose withdrawals count; 0: those of the whole log.
	AsOf  events.Position
	Limit int // at least 1
}
