package dashboard

import (
	"time"

	"jangbu/readmodel"
)

// State says whether a campaign has begun and ended.
type State string

// The states.
const (
	Planned State = "planned" // it has a start, which has not come
	Running State = "running" // also where neither start nor end is known
	Ended   State = "ended"
)

// state returns the campaign's state now.
func (v View) state(c readmodel.CampaignStats) State {
	switch {
	case !c.StartsAt.IsZero() && v.Now.Before(c.StartsAt):
		return Planned
	case !c.EndsAt.IsZero() && !v.Now.Before(c.EndsAt):
		return Ended
	default:
		return Running
	}
}

// polledUntil returns the last moment at which the campaign's channels are polled; zero
// where it has no end.
func (v View) polledUntil(c readmodel.CampaignStats) time.Time {
	if c.EndsAt.IsZero() {
		return time.Time{}
	}
	return c.EndsAt.Add(v.PollAfterEnd)
}
