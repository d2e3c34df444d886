package channels

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"jangbu/events"
)

// State is that of a breaker.
type State string

// The states of a breaker.
const (
	// Closed: calls pass.
	Closed State = "closed"
	// HalfOpen: one call may pass, to see whether the API works again.
	HalfOpen State = "half-open"
	// Open: no call passes.
	Open State = "open"
)

// When a breaker opens.
const (
	// breakerWindow is the time over which calls are counted, and breakerBucket
	// by how much at a time it moves on. An API that was asked a lot and now
	// hangs fails only as many calls at once as may be in flight: what went well
	// before must soon be forgotten for them to be the majority.
	breakerWindow = 30 * time.Second
	breakerBucket = 5 * time.Second
	// breakerLeast is the fewest calls that say anything.
	breakerLeast = 5
)

// errOpen: the breaker let no call pass.
var errOpen = errors.New("the channel's breaker is open")

type breaker = gobreaker.CircuitBreaker[[]*events.ChannelStatsFetched]

// newBreaker returns a breaker that opens when more than half of at least five
// calls of the last 30 s failed, and lets one call pass after the timeout.
func newBreaker(name string, timeout time.Duration, changed func(from, to State)) *breaker {
	return gobreaker.NewCircuitBreaker[[]*events.ChannelStatsFetched](gobreaker.Settings{
		Name:         name,
		MaxRequests:  1,
		Interval:     breakerWindow,
		BucketPeriod: breakerBucket,
		Timeout:      timeout,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			calls := c.TotalSuccesses + c.TotalFailures // those that have ended
			return calls >= breakerLeast && 2*c.TotalFailures > calls
		},
		// An API that does not know a campaign works.
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, ErrNoCampaign) },
		// A call that we gave up says nothing about the API.
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			changed(stateOf(from), stateOf(to))
		},
	})
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateClosed:
		return Closed
	case gobreaker.StateHalfOpen:
		return HalfOpen
	case gobreaker.StateOpen:
		return Open
	default:
		return Open
	}
}

// throughBreaker calls do if the breaker lets it; [errOpen] if not.
func throughBreaker(b *breaker, do func() ([]*events.ChannelStatsFetched, error)) ([]*events.ChannelStatsFetched, error) {
	reports, err := b.Execute(do)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errOpen
	}
	return reports, err
}
