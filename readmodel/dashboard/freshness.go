package dashboard

import (
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// HoldsUntil returns the moment at which the dashboard of these rows would look
// different in the view though no row has changed: when the first figures that are
// fresh become stale. Zero: it never does.
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
