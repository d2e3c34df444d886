package stores

import (
	"time"

	"jangbu/events/channels"
)

// PollConfig is the flags that say how often channels are polled, and so when their
// figures are stale.
type PollConfig struct {
	PollInterval    time.Duration `env:"JANGBU_POLL_INTERVAL" default:"1m" placeholder:"DURATION" help:"Time between two polls of a campaign that was just distributed (${default}). It grows to a sixtieth of the time since then."`
	PollIntervalMax time.Duration `env:"JANGBU_POLL_INTERVAL_MAX" default:"1h" placeholder:"DURATION" help:"Longest time between two polls of a campaign (${default})."`
}

// Schedule returns the schedule of a campaign that has not ended.
func (c PollConfig) Schedule() channels.Schedule {
	return channels.Schedule{Youngest: c.PollInterval, Oldest: c.PollIntervalMax, AfterEnd: channels.DefaultAfterEnd}
}

// Check reports each flag that is wrong.
func (c PollConfig) Check(wrong func(flag, format string, args ...any)) {
	for flag, d := range map[string]time.Duration{"poll-interval": c.PollInterval, "poll-interval-max": c.PollIntervalMax} {
		if d <= 0 {
			wrong(flag, "%v is not above 0", d)
		}
	}
	if err := c.Schedule().Validate(); err != nil && c.PollInterval > 0 && c.PollIntervalMax > 0 {
		wrong("poll-interval-max", "%v", err)
	}
}
