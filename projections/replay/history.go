package replay

import (
	"context"
	"fmt"
	"time"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/readmodel"
)

// History tells what was known of a campaign at an earlier moment, by replaying its
// events.
type History struct {
	Log         events.Log
	Projections []projections.Projection
}

var _ readmodel.History = History{}

// CampaignAsOf implements [readmodel.History].
func (h History) CampaignAsOf(ctx context.Context, c events.Campaign, asOf readmodel.Moment, by readmodel.Scope) (readmodel.CampaignRows, time.Time, error) {
	if c == "" || asOf.Position == 0 && asOf.At.IsZero() { // which a replay takes for every campaign, and for now
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("look back: %w", readmodel.ErrNotFound)
	}
	cfg := Config{Log: h.Log, Projections: h.Projections, Campaign: c, Through: asOf.Position}
	if asOf.Position == 0 {
		cfg.AsOf = asOf.At
	}
	got, err := Run(ctx, cfg)
	if err != nil {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("look back: %w", err)
	}
	if got.Through < asOf.Position {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("position %d: %w: the log ends at position %d", asOf.Position, readmodel.ErrFuture, got.Through)
	}
	rows := got.Rows.Of(c)
	if rows.Campaign().Campaign == "" || !by.Allows(*rows.Campaign()) {
		return readmodel.CampaignRows{}, time.Time{}, fmt.Errorf("look back: %w", readmodel.ErrNotFound)
	}
	return rows, got.Moment, nil
}
