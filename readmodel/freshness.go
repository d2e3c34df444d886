package readmodel

import (
	"time"

	"jangbu/events"
)

// Freshness says how long copies of rows may be served (I9).
type Freshness interface {
	// Current reports whether rows of the campaign that were read at a revision
	// may still be served.
	Current(c events.Campaign, at Revision) bool
	// Watch returns a channel that gets a signal whenever the campaign may have
	// changed, one for any number of changes that nobody has looked at, and what
	// ends the watch.
	Watch(c events.Campaign) (changed <-chan struct{}, stop func())
}

// HoldsUntil returns the moment at which the dashboard of these rows would look
// different in the view though no row has changed: when the first figures that are
// fresh become stale. Zero: it never does.
func HoldsUntil(rows CampaignRows, v View) time.Time {
	v = v.withDefaults()
	var first time.Time
	for _, row := range rows.Channels {
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
