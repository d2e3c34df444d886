package channels

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"jangbu/events"
)

const (
	// maxAttempts is one try and three retries.
	maxAttempts = 4
	// firstBackoff bounds the wait before the first retry; before each further
	// one it may be twice as long.
	firstBackoff = time.Second
	// longestPause is the longest that a poll waits because the API asked for it.
	longestPause = 10 * time.Second
)

// ask calls the API for a campaign until it answers or refuses, maxAttempts are made, or
// the breaker opens.
func (p *Poller) ask(ctx context.Context, c events.Campaign) (reports []*events.ChannelStatsFetched, attempts int, err error) {
	var last error
	try := func() ([]*events.ChannelStatsFetched, error) {
		if err := p.limiter.Wait(ctx); err != nil {
			return nil, backoff.Permanent(err)
		}
		reports, err := throughBreaker(p.breaker, func() ([]*events.ChannelStatsFetched, error) {
			attempts++
			return p.attempt(ctx, c)
		})
		switch {
		case errors.Is(err, errOpen) && last != nil:
			return nil, backoff.Permanent(last) // the cause of the open breaker
		case errors.Is(err, errOpen), errors.Is(err, ErrNoCampaign), errors.Is(err, ErrRefused):
			return nil, backoff.Permanent(err)
		}
		last = err
		return reports, err
	}
	reports, err = backoff.Retry(ctx, try, backoff.WithBackOff(p.jitter()),
		backoff.WithMaxTries(maxAttempts), backoff.WithMaxElapsedTime(0))
	return reports, attempts, err
}

// attempt makes one call and checks what it reports (I8).
func (p *Poller) attempt(ctx context.Context, c events.Campaign) (_ []*events.ChannelStatsFetched, err error) {
	defer func() {
		if err != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.failure = err
		}
	}()
	call, cancel := context.WithTimeout(ctx, p.cfg.AttemptTimeout)
	defer cancel()
	reports, err := p.cfg.Source.Fetch(call, c)
	now := time.Now()
	if later, ok := errors.AsType[RetryAfterError](err); ok {
		p.pauseUntil(now.Add(min(later.Wait, MaxRetryAfter)))
	}
	if err != nil {
		return nil, err
	}
	if err := check(p.cfg.Source, c, reports); err != nil {
		return nil, err
	}
	for _, r := range reports {
		r.FetchedAt = now.UTC().Truncate(time.Microsecond) // the log's precision
	}
	return reports, nil
}

// lastFailure returns the error of the last failed call.
func (p *Poller) lastFailure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure
}

// pauseUntil stops all calls before t.
func (p *Poller) pauseUntil(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.pausedUntil) {
		p.pausedUntil = t
	}
}

// pause returns how long no call may be made.
func (p *Poller) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.pausedUntil), 0)
}

// jitter returns the waits between the attempts of one poll: exponential with full
// jitter, so that polls which failed together do not retry together (M. Brooker,
// "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), after the pause that the
// API asked for. A poll ends rather than wait for a pause above longestPause; the pause
// also stops later rounds.
func (p *Poller) jitter() backoff.BackOff {
	return paused{p, &backoff.ExponentialBackOff{
		InitialInterval:     firstBackoff / 2, // ± all of it: from 0 to firstBackoff
		RandomizationFactor: 1,
		Multiplier:          2,
		MaxInterval:         firstBackoff << maxAttempts,
	}}
}

type paused struct {
	poller *Poller
	*backoff.ExponentialBackOff
}

// NextBackOff implements [backoff.BackOff].
func (p paused) NextBackOff() time.Duration {
	pause := p.poller.pause()
	if pause > longestPause {
		return backoff.Stop
	}
	return pause + p.ExponentialBackOff.NextBackOff()
}

// Result is the result of a poll.
type Result string

// The results.
const (
	ResultLearned     Result = "learned"      // figures are new
	ResultUnchanged   Result = "unchanged"    // figures are known
	ResultNoCampaign  Result = "no_campaign"  // [ErrNoCampaign]
	ResultRefused     Result = "refused"      // [ErrRefused]
	ResultThrottled   Result = "throttled"    // [ErrThrottled]
	ResultUnavailable Result = "unavailable"  // [ErrUnavailable]
	ResultInvalid     Result = "invalid"      // [ErrInvalid]
	ResultTimedOut    Result = "timed_out"    // no whole answer in time
	ResultUnreachable Result = "unreachable"  // [ErrUnreachable] for another reason
	ResultBreakerOpen Result = "breaker_open" // no call was made
	ResultFailed      Result = "failed"       // anything else
)

// Results returns all of them, in the order above.
func Results() []Result {
	return []Result{
		ResultLearned, ResultUnchanged, ResultNoCampaign, ResultRefused, ResultThrottled, ResultUnavailable,
		ResultInvalid, ResultTimedOut, ResultUnreachable, ResultBreakerOpen, ResultFailed,
	}
}

// resultOf returns the result of a poll that ended with err.
func resultOf(err error) Result {
	switch {
	case err == nil:
		return ResultLearned
	case errors.Is(err, errOpen):
		return ResultBreakerOpen
	case errors.Is(err, ErrNoCampaign):
		return ResultNoCampaign
	case errors.Is(err, ErrRefused):
		return ResultRefused
	case errors.Is(err, ErrThrottled):
		return ResultThrottled
	case errors.Is(err, ErrUnavailable):
		return ResultUnavailable
	case errors.Is(err, ErrInvalid):
		return ResultInvalid
	case errors.Is(err, context.DeadlineExceeded):
		return ResultTimedOut
	case errors.Is(err, ErrUnreachable):
		return ResultUnreachable
	default:
		return ResultFailed
	}
}
