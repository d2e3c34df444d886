package channels

import (
	"context"
	"fmt"
	"sync"
	"time"

	"jangbu/events"
)

// Target is a channel that a campaign was distributed to.
type Target struct {
	Campaign      events.Campaign
	Channel       events.Channel
	DistributedAt time.Time
	// Known is what is known of the channel's figures; FetchedAt is zero where
	// it never reported.
	Known events.ChannelStatsFetched
}

// List returns every channel that a campaign was distributed to, sorted by
// campaign, without the campaigns that ended before the given time.
type List func(ctx context.Context, endedBefore time.Time) ([]Target, error)

// Directory is the targets of all APIs, read from time to time. It is safe for
// concurrent use.
type Directory struct {
	list     List
	schedule Schedule

	mu      sync.Mutex
	targets []Target
	read    time.Time // when it was last read, zero: never
	took    time.Duration
}

// NewDirectory returns a directory of what list returns.
func NewDirectory(list List, schedule Schedule) *Directory {
	return &Directory{list: list, schedule: schedule.withDefaults()}
}

const (
	// freshTargets is how long a list is good for, but never longer than an
	// interval.
	freshTargets = time.Second
	// listShare bounds the share of its time that a database may be kept busy
	// by listing: one part in so many.
	listShare = 20
)

// Targets returns what there is to ask for, as of a moment ago.
func (d *Directory) Targets(ctx context.Context) ([]Target, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	start := time.Now()
	if !d.read.IsZero() && start.Sub(d.read) < max(min(freshTargets, d.schedule.Youngest), listShare*d.took) {
		return d.targets, nil
	}
	targets, err := d.list(ctx, start.Add(-d.schedule.AfterEnd))
	if err != nil {
		return nil, fmt.Errorf("list targets: %w", err)
	}
	d.targets, d.read, d.took = targets, start, time.Since(start)
	return targets, nil
}
