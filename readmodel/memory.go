package readmodel

import (
	"cmp"
	"fmt"
	"slices"

	"jangbu/events"
)

// Campaign returns the campaign's rows as a [Reader] that sees everything does,
// so that what was folded in memory can be served. [ErrNotFound] where there is no
// [EventStats] row for it. It looks at every row.
func (r *Rows) Campaign(c events.Campaign) (CampaignRows, error) {
	event := r.Events[c]
	if event == nil {
		return CampaignRows{}, fmt.Errorf("read campaign %q: %w", c, ErrNotFound)
	}
	out := CampaignRows{Event: *event}
	for k, row := range r.Channels {
		if k.Campaign == c {
			out.Channels = append(out.Channels, *row)
		}
	}
	for k, row := range r.Hours {
		if k.Campaign == c {
			out.Hours = append(out.Hours, *row)
		}
	}
	for k, row := range r.Profiles {
		if k.Campaign == c {
			out.Profiles = append(out.Profiles, *row)
		}
	}
	slices.SortFunc(out.Channels, func(a, b ChannelStats) int {
		return cmp.Compare(a.Channel, b.Channel)
	})
	slices.SortFunc(out.Hours, func(a, b ParticipationHour) int {
		return a.Hour.Compare(b.Hour)
	})
	slices.SortFunc(out.Profiles, func(a, b ProfileCount) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Value, b.Value))
	})
	return out, nil
}
