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
	// Known is the channel's known figures; FetchedAt is zero where it has reported
	// none.
	Known events.ChannelStatsFetched
}

// List returns every channel of every campaign, sorted by campaign, without the campaigns
// that ended before the given time.
type List func(ctx context.Context, endedBefore time.Time) ([]Target, error)

// Directory caches the targets of all APIs for a short time. It is safe for concurrent
// use.
type Directory struct {
	list     List
	schedule Schedule

	mu      sync.Mutex    // guards what follows, and is held while list runs
	targets []Target      // not modified once returned
	read    time.Time     // when the last successful read began; zero before it
	took    time.Duration // of that read
}

// NewDirectory returns a directory of what list returns.
func NewDirectory(list List, schedule Schedule) *Directory {
	return &Directory{list: list, schedule: schedule.withDefaults()}
}

const (
	// freshTargets is how long a list is used, but never longer than the shortest
	// interval.
	freshTargets = time.Second
	// listShare bounds the time that listing takes of a database: one part in
	// listShare.
	listShare = 20
)

// Targets returns the targets as of at most a second ago, or longer where listing is slow.
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
