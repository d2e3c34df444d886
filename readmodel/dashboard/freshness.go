package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// HoldsUntil returns the last moment until which the dashboard of these rows stays the same
// in the view while no row changes: when the campaign starts or ends, a day before its start
// an hour of its run or the year of its end is over, fresh figures become stale, or they become
// final. Zero: for good.
func HoldsUntil(rows readmodel.CampaignRows, v View) time.Time {
	v = v.withDefaults()
	var first time.Time
	last := func(until time.Time) {
		if !until.IsZero() && !until.Before(v.Now) && (first.IsZero() || until.Before(first)) {
			first = until
		}
	}
	c := *rows.Campaign()
	switch v.state(c) {
	case Planned:
		last(c.StartsAt.Add(-1))
		last(v.dayOf(v.Now, 1).Add(-1))
	case Running:
		if !c.EndsAt.IsZero() {
			last(c.EndsAt.Add(-1))
		}
		last(v.Now.Truncate(time.Hour).Add(time.Hour - 1))
	case Ended:
		// Dates are written without the year where it is this one.
		last(time.Date(v.Now.In(v.Location).Year()+1, 1, 1, 0, 0, 0, -1, v.Location))
	}
	polled := v.polledUntil(c)
	last(polled)
	if polled.IsZero() || !v.Now.After(polled) {
		for _, row := range rows.Channels() {
			if !row.FetchedAt.IsZero() && events.Channel(row.Channel).Known() {
				last(v.freshUntil(row))
			}
		}
	}
	// A registration that is dated too far ahead is outside the trend until then.
	hours := rows.Hours()
	if n := earlier(hours, v.Now.Add(ahead)); n < len(hours) && !v.Now.IsZero() {
		last(hours[n].Hour.Add(-ahead))
	}
	return first
}
