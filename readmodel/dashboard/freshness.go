package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// HoldsUntil returns the moment until which the dashboard of these rows stays the same in the
// view while no row changes: when the first fresh figures become stale. Zero: for good.
func HoldsUntil(rows readmodel.CampaignRows, v View) time.Time {
	v = v.withDefaults()
	var first time.Time
	for _, row := range rows.Channels() {
		if row.FetchedAt.IsZero() || !events.Channel(row.Channel).Known() {
			continue
		}
		until := v.freshUntil(row)
		if until.Before(v.Now) || !first.IsZero() && !until.Before(first) {
			continue
		}
		first = until
	}
	return first
}
