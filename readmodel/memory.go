package readmodel

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
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
	out.sort()
	return out, nil
}

// Campaigns returns the rows of every campaign that has an [EventStats] row, sorted
// by campaign, by bytes.
func (r *Rows) Campaigns() []CampaignRows {
	of := make(map[events.Campaign]*CampaignRows, len(r.Events))
	for c, event := range r.Events {
		of[c] = &CampaignRows{Event: *event}
	}
	for k, row := range r.Channels {
		if out := of[k.Campaign]; out != nil {
			out.Channels = append(out.Channels, *row)
		}
	}
	for k, row := range r.Hours {
		if out := of[k.Campaign]; out != nil {
			out.Hours = append(out.Hours, *row)
		}
	}
	for k, row := range r.Profiles {
		if out := of[k.Campaign]; out != nil {
			out.Profiles = append(out.Profiles, *row)
		}
	}
	all := make([]CampaignRows, 0, len(of))
	for _, c := range slices.Sorted(maps.Keys(of)) {
		of[c].sort()
		all = append(all, *of[c])
	}
	return all
}

// Subjects returns the campaigns that have a row in any table.
func (r *Rows) Subjects() map[events.Campaign]struct{} {
	of := make(map[events.Campaign]struct{}, len(r.Events))
	for c := range r.Events {
		of[c] = struct{}{}
	}
	for k := range r.Channels {
		of[k.Campaign] = struct{}{}
	}
	for k := range r.Hours {
		of[k.Campaign] = struct{}{}
	}
	for k := range r.Profiles {
		of[k.Campaign] = struct{}{}
	}
	return of
}

// Len returns how many rows there are, in all tables.
func (r *Rows) Len() int {
	return len(r.Events) + len(r.Channels) + len(r.Hours) + len(r.Profiles)
}

// Chunks cuts the rows into parts of at most n, which share them.
func (r *Rows) Chunks(n int) iter.Seq[*Rows] {
	return func(yield func(*Rows) bool) {
		part := NewRows()
		full := func() bool { return part.Len() == n }
		next := func() bool {
			whole := part
			part = NewRows()
			return yield(whole)
		}
		for c, row := range r.Events {
			if part.Events[c] = row; full() && !next() {
				return
			}
		}
		for k, row := range r.Channels {
			if part.Channels[k] = row; full() && !next() {
				return
			}
		}
		for k, row := range r.Hours {
			if part.Hours[k] = row; full() && !next() {
				return
			}
		}
		for k, row := range r.Profiles {
			if part.Profiles[k] = row; full() && !next() {
				return
			}
		}
		if part.Len() > 0 {
			next()
		}
	}
}

// sort puts the rows into the order of a [Reader].
func (r *CampaignRows) sort() {
	slices.SortFunc(r.Channels, func(a, b ChannelStats) int {
		return cmp.Compare(a.Channel, b.Channel)
	})
	slices.SortFunc(r.Hours, func(a, b ParticipationHour) int {
		return a.Hour.Compare(b.Hour)
	})
	slices.SortFunc(r.Profiles, func(a, b ProfileCount) int {
		return cmp.Or(cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Value, b.Value))
	})
}
