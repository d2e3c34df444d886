package readmodel

import (
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
