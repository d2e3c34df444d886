package replay

import (
	"context"
	"fmt"
	"slices"

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

// Change is an event that counts at one position of the log and not at another.
type Change struct {
	events.Recorded
	Added bool // it counts at the later position; else at the earlier one
	// By is the withdrawal between the two that made the difference: of the event or, where it was
	// added, of its withdrawal. 0: the event itself is new.
	By events.Position
}

// changesAtOnce is how many events are read at a time.
const changesAtOnce = 10_000

// Changes calls f with the changes of a campaign from one position to a later one, in log order,
// without origins.
func (e Evidence) Changes(ctx context.Context, c events.Campaign, from, to events.Position, f func(Change) error) error {
	described, err := events.Describe(ctx, e.Log, c)
	if err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	before, after := events.WithdrawnAt(described, from), events.WithdrawnAt(described, to)
	if err := e.withdrawnBetween(ctx, c, from, before, after, f); err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	for at := from; at < to; {
		read, err := e.Log.ReadStream(ctx, events.Stream{Campaign: c, After: at, Through: to, Limit: changesAtOnce})
		if err != nil {
			return fmt.Errorf("changes: %w", err)
		}
		if len(read) == 0 {
			break
		}
		at = read[len(read)-1].Position
		for _, r := range after.InEffect(read) {
			if err := f(Change{Recorded: r, Added: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// withdrawnBetween calls f with the changes among the events up to a position: those of which
// withdrawals differ.
func (e Evidence) withdrawnBetween(ctx context.Context, c events.Campaign, through events.Position, before, after events.Withdrawn, f func(Change) error) error {
	var differ []events.Position
	for _, both := range [][2]events.Withdrawn{{before, after}, {after, before}} {
		for at := range both[0] {
			if _, also := both[1][at]; !also && at <= through {
				differ = append(differ, at)
			}
		}
	}
	slices.Sort(differ)
	for _, at := range differ {
		read, err := e.Log.Read(ctx, at-1, 1)
		if err != nil {
			return err
		}
		if len(read) == 0 || read[0].Event.Subject() != c || read[0].Event.Type() == events.TypeEventsWithdrawn {
			continue
		}
		by, removed := after[at]
		if !removed {
			by = after[before[at]]
		}
		if err := f(Change{Recorded: read[0], Added: !removed, By: by}); err != nil {
			return err
		}
	}
	return nil
}
