package readmodel

import (
	"context"
	"time"
)

// DistributedChannel is a channel that a campaign was distributed to, with what
// it last reported.
type DistributedChannel struct {
	ChannelStats           // DistributedAt is never zero
	EndsAt       time.Time // of the campaign; zero: unknown
}

// Distributions reads what is to be asked of the channels.
type Distributions interface {
	// Distributed returns every channel that a campaign was distributed to,
	// sorted by campaign and channel by bytes, all of one snapshot of the active
	// generations; without the campaigns that ended before the given time. A
	// campaign whose end is not known, or of which nothing but the distribution
	// is known, has not ended.
	Distributed(ctx context.Context, endedBefore time.Time) ([]DistributedChannel, error)
}
