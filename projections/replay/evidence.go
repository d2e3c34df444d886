package replay

import (
	"context"
	"fmt"

	"jangbu/events"
	"jangbu/readmodel"
)

// Evidence finds the events of a campaign that count.
type Evidence struct {
	Log events.Log
}

var _ readmodel.Evidence = Evidence{}

// CampaignEvents implements [readmodel.Evidence].
func (e Evidence) CampaignEvents(ctx context.Context, q readmodel.CampaignEvents) (found []events.Recorded, more bool, err error) {
	described, err := events.Describe(ctx, e.Log, q.Campaign)
	if err != nil {
		return nil, false, fmt.Errorf("evidence: %w", err)
	}
	withdrawn := described.Withdrawn()
	if q.AsOf > 0 {
		withdrawn = events.WithdrawnAt(described, q.AsOf)
	}
	for after := q.After; len(found) <= q.Limit && after < q.Through; {
		read, err := e.Log.ReadStream(ctx, events.Stream{
			Campaign: q.Campaign, After: after, Through: q.Through, Types: q.Types, Limit: q.Limit + 1,
		})
		if err != nil {
			return nil, false, fmt.Errorf("evidence: %w", err)
		}
		if len(read) == 0 {
			break
		}
		after = read[len(read)-1].Position
		found = append(found, withdrawn.InEffect(read)...)
	}
	if more = len(found) > q.Limit; more {
		found = found[:q.Limit]
	}
	if err := e.Log.Sources().Trace(ctx, found); err != nil {
		return nil, false, fmt.Errorf("evidence: %w", err)
	}
	return found, more, nil
}
