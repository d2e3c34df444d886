package channels

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"jangbu/events"
)

// State is the state of a breaker.
type State string

// The states of a breaker.
const (
	// Closed: calls pass.
	Closed State = "closed"
	// HalfOpen: one call passes, to probe the API.
	HalfOpen State = "half-open"
	// Open: no call passes.
	Open State = "open"
)

// When a breaker opens.
const (
	// breakerWindow is the time over which calls are counted; it moves on by
	// breakerBucket. The calls of an API that begins to hang fail no more than
	// Concurrency at a time, so earlier successes must leave the window soon for the
	// failures to become the majority.
	breakerWindow = 30 * time.Second
	breakerBucket = 5 * time.Second
	// breakerLeast is the fewest calls on which a breaker opens.
	breakerLeast = 5
)

// errOpen is the error of a call that the breaker stopped.
var errOpen = errors.New("the channel's breaker is open")

type breaker = gobreaker.CircuitBreaker[[]*events.ChannelStatsFetched]

// newBreaker returns a breaker that opens when more than half of at least breakerLeast
// calls of the last breakerWindow failed, and lets one call pass after the timeout.
func newBreaker(name string, timeout time.Duration, changed func(from, to State)) *breaker {
	return gobreaker.NewCircuitBreaker[[]*events.ChannelStatsFetched](gobreaker.Settings{
		Name:         name,
		MaxRequests:  1,
		Interval:     breakerWindow,
		BucketPeriod: breakerBucket,
		Timeout:      timeout,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			calls := c.TotalSuccesses + c.TotalFailures // without those that still run
			return calls >= breakerLeast && 2*c.TotalFailures > calls
		},
		// An API that does not know a campaign still works.
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, ErrNoCampaign) },
		// A cancelled call shows nothing about the API.
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

// throughBreaker calls do, or returns errOpen where the breaker stops it.
func throughBreaker(b *breaker, do func() ([]*events.ChannelStatsFetched, error)) ([]*events.ChannelStatsFetched, error) {
	reports, err := b.Execute(do)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return nil, errOpen
	}
	return reports, err
}
