package cache

import (
	"context"
	"time"

	"jangbu/events"
	"jangbu/readmodel"
)

// Shared is the level of the cache that processes share. It saves reads of the rows and
// is never trusted: its rows are proven like those of this process, and what it loses
// costs time only (I9). A Shared serves one [Cache]. Its methods are safe for concurrent
// use.
type Shared interface {
	// Get returns the campaign's shared rows, false where there are none, they do not
	// arrive in time, or another value stands in their place: one that is forged or damaged,
	// or that says only of which revision the next rows must be, which those returned have.
	// It returns the value as it stands there as well, to be named in [Value].
	Get(ctx context.Context, c events.Campaign) (rows readmodel.CampaignRows, value string, ok bool)
	// Put stores the value soon, or drops it. It never blocks, and never replaces rows of a
	// later revision but those that the value names.
	Put(v Value)
	// Announce sends a commit of this process to the others and prevents that rows from
	// before it are stored for as long as a load may take, at once or soon. It never blocks.
	// The other processes notice a change that is dropped as a gap.
	Announce(ch readmodel.Change)
	// Run does the work of the methods above until ctx ends. It calls changed with each
	// commit that is announced, those of this process too, and stale with a campaign
	// whose shared rows are older than a commit that this process announced.
	Run(ctx context.Context, changed func(readmodel.Change), stale func(events.Campaign))
	// Stats counts what has happened so far.
	Stats() SharedStats
}

// Value is what is shared of one campaign.
type Value struct {
	Campaign events.Campaign
	Rows     readmodel.CampaignRows
	// Read is when the read of the rows was sent.
	Read time.Time
	// Refreshed marks rows that no caller asked for. They expire when the rows that
	// they replace would have.
	Refreshed bool
	// Replaces is a value, forged, damaged or of a past that was lost, that is replaced
	// whatever revision it claims.
	Replaces string
}

// SharedStats counts what has happened at the shared level.
type SharedStats struct {
	Refused     int64  // values dropped because rows of a later revision are shared
	Errors      int64  // failed operations, unusable values and notices
	Forged      int64  // those of them that were not made with the key of this level
	Dropped     int64  // commits that were not announced
	Connections int    // open, without the subscription
	Breaker     string // state: closed, half-open or open
}
