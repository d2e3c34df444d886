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

// ask asks for a campaign until the API answers, refuses, or has been asked
// often enough, or its breaker opens.
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
			return nil, backoff.Permanent(last) // says more
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

// attempt makes one call. What it returns without an error can be believed.
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
		r.FetchedAt = now.UTC().Truncate(time.Microsecond) // as a log keeps it
	}
	return reports, nil
}

// lastFailure returns what the last call failed with that did.
func (p *Poller) lastFailure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failure
}

// pauseUntil keeps everybody from asking before t.
func (p *Poller) pauseUntil(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.pausedUntil) {
		p.pausedUntil = t
	}
}

// pause returns for how long nobody is to ask.
func (p *Poller) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.pausedUntil), 0)
}

// jitter returns the waits between the attempts of one poll: exponential with
// full jitter, so that those who failed together do not come again together
// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), on
// top of what the API asked for. A poll does not wait out a long pause: it ends,
// and the pause holds for the rounds to come.
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

// Outcome is what became of a poll.
type Outcome string

// The outcomes.
const (
	OutcomeLearned     Outcome = "learned"      // figures were published
	OutcomeUnchanged   Outcome = "unchanged"    // the channel said what is known
	OutcomeNoCampaign  Outcome = "no_campaign"  // [ErrNoCampaign]
	OutcomeRefused     Outcome = "refused"      // [ErrRefused]
	OutcomeThrottled   Outcome = "throttled"    // [ErrThrottled]
	OutcomeUnavailable Outcome = "unavailable"  // [ErrUnavailable]
	OutcomeInvalid     Outcome = "invalid"      // [ErrInvalid]
	OutcomeTimedOut    Outcome = "timed_out"    // no whole answer in time
	OutcomeUnreachable Outcome = "unreachable"  // [ErrUnreachable] for another reason
	OutcomeBreakerOpen Outcome = "breaker_open" // nobody was asked
	OutcomeFailed      Outcome = "failed"       // anything else
)

// Outcomes returns all of them, in the order above.
func Outcomes() []Outcome {
	return []Outcome{
		OutcomeLearned, OutcomeUnchanged, OutcomeNoCampaign, OutcomeRefused, OutcomeThrottled, OutcomeUnavailable,
		OutcomeInvalid, OutcomeTimedOut, OutcomeUnreachable, OutcomeBreakerOpen, OutcomeFailed,
	}
}

// outcomeOf is the one table from errors to outcomes.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return OutcomeLearned
	case errors.Is(err, errOpen):
		return OutcomeBreakerOpen
	case errors.Is(err, ErrNoCampaign):
		return OutcomeNoCampaign
	case errors.Is(err, ErrRefused):
		return OutcomeRefused
	case errors.Is(err, ErrThrottled):
		return OutcomeThrottled
	case errors.Is(err, ErrUnavailable):
		return OutcomeUnavailable
	case errors.Is(err, ErrInvalid):
		return OutcomeInvalid
	case errors.Is(err, context.DeadlineExceeded):
		return OutcomeTimedOut
	case errors.Is(err, ErrUnreachable):
		return OutcomeUnreachable
	default:
		return OutcomeFailed
	}
}
