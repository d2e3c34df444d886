package readmodel

import (
	"jangbu/events"
)

// Freshness says how long copies of rows may be served (I9).
type Freshness interface {
	// Current reports whether rows of the campaign that were read at a revision
	// may still be served.
	Current(c events.Campaign, at Revision) bool
	// Watch returns a channel that receives a signal after the campaign may have
	// changed, and a function that ends the watch. Changes before the signal is
	// received share one signal.
	Watch(c events.Campaign) (changed <-chan struct{}, stop func())
}
