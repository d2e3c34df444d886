package channels_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/events/channels"
)

// TestAttempts: one try and three retries, with full jitter, whatever fails in
// a way that may pass; one where it won't.
func TestAttempts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		failure  error
		attempts int
		outcome  channels.Result
	}{
		{channels.ErrUnavailable, 4, channels.ResultUnavailable},
		{channels.ErrThrottled, 4, channels.ResultThrottled},
		{channels.ErrUnreachable, 4, channels.ResultUnreachable},
		{channels.ErrInvalid, 4, channels.ResultInvalid},
		{errors.New("something else"), 4, channels.ResultFailed},
		{channels.ErrRefused, 1, channels.ResultRefused},
		{channels.ErrNoCampaign, 1, channels.ResultNoCampaign},
	} {
		t.Run(string(test.outcome), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 1, nil)
				b.figure, b.failure = -1, fmt.Errorf("wrapped: %w", test.failure)
				longest := [3]time.Duration{}
				for range 50 { // breakers that open end the retries: a new one each time
					b.source.calls, b.polls = nil, nil
					b.poller = setup(t, 0, func(c *channels.Config) {
						c.Source = b.source
						c.OnPoll = func(p channels.Poll) { b.polls = append(b.polls, p) }
					}).withTargets(t, b)
					b.round(t)
					at := b.source.times("", b.start)
					if len(at) != test.attempts || b.polls[0].Attempts != test.attempts || b.polls[0].Result != test.outcome || !errors.Is(b.polls[0].Err, test.failure) {
						t.Fatalf("attempts at %v, poll %+v", at, b.polls[0])
					}
					for i := range len(at) - 1 {
						if gap, most := at[i+1]-at[i], time.Second<<i; gap < 0 || gap > most {
							t.Errorf("retry %d came after %v, at most %v", i+1, gap, most)
						} else {
							longest[i] = max(longest[i], gap)
						}
					}
				}
				for i, gap := range longest {
					if test.attempts > 1 && gap < time.Second<<i/2 {
						t.Errorf("retry %d never came later than after %v: that is no full jitter", i+1, gap)
					}
				}
				if len(b.published) > 0 {
					t.Error("something was published")
				}
			})
		})
	}
}

// withTargets returns a poller over another bundle's targets.
func (b *bundle) withTargets(t *testing.T, other *bundle) *channels.Poller {
	t.Helper()
	b.targets = other.targets
	return b.poller
}

// TestBreakerEndsRetries: five failed calls of two polls open it, what comes
// after is not asked, and each further half minute costs one call.
func TestBreakerEndsRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 100, func(c *channels.Config) { c.Concurrency = 1 })
		b.figure = -1
		b.round(t)
		if got := len(b.source.calls); got != 5 {
			t.Errorf("%d calls until the breaker opened, want 5", got)
		}
		if got := b.results(); got[channels.ResultUnavailable] != 2 || len(b.polls) != 2 {
			t.Errorf("results are %v", got)
		}
		b.source.calls = nil
		b.run(t, 10*time.Minute)
		at := b.source.times("", b.start)
		if len(at) > 20 || len(at) < 18 {
			t.Errorf("%d probes in ten minutes, want one in 30 s: %v", len(at), at)
		}
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] < 30*time.Second {
				t.Errorf("%v between two probes", at[i]-at[i-1])
			}
		}
		if got := b.poller.Status().Breaker; got == channels.Closed {
			t.Errorf("breaker is %s", got)
		}
		// The API recovers: all are polled at once, except for the last probes.
		b.figure, b.source.calls = 100, nil
		b.run(t, 32*time.Second)
		if got := len(b.source.calls); got < 98 {
			t.Errorf("%d of 100 were asked for after the API had recovered", got)
		}
		if b.changes[0] != "closed to open" || b.changes[len(b.changes)-1] != "half-open to closed" {
			t.Errorf("breaker went %v", b.changes)
		}
	})
}

// With many polls under way a half-open breaker still lets one call through.
func TestOneProbeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 200, nil)
		b.source.do = func(ctx context.Context, _ events.Campaign) ([]*events.ChannelStatsFetched, error) {
			<-ctx.Done() // hangs
			return nil, fmt.Errorf("%w: %w", channels.ErrUnreachable, ctx.Err())
		}
		b.round(t)
		first := len(b.source.calls)
		if first > channels.DefaultConcurrency {
			t.Errorf("%d calls before the breaker opened, %d at once", first, channels.DefaultConcurrency)
		}
		if b.polls[0].Result != channels.ResultTimedOut || b.polls[0].Took < channels.DefaultAttemptTimeout || b.polls[0].Took > channels.DefaultAttemptTimeout+time.Second {
			t.Errorf("the first poll: %+v", b.polls[0])
		}
		b.source.calls = nil
		b.run(t, 5*time.Minute)
		at := b.source.times("", b.start)
		for i := 1; i < len(at); i++ {
			if at[i]-at[i-1] < 30*time.Second {
				t.Errorf("%v between two probes", at[i]-at[i-1])
			}
		}
		if len(at) < 5 {
			t.Errorf("only %d probes in five minutes", len(at))
		}
	})
}

func TestOneAPIDoesNotMoveAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad, good := setup(t, 20, nil), setup(t, 20, nil)
		bad.figure = -1
		for range 300 {
			bad.round(t)
			good.round(t)
			time.Sleep(time.Second)
		}
		if bad.poller.Status().Breaker == channels.Closed || len(good.changes) > 0 || good.results()[channels.ResultUnavailable] > 0 {
			t.Errorf("bad: %v, good: %v %v", bad.changes, good.changes, good.results())
		}
	})
}

func TestUnknownCampaignsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 100, nil)
		b.figure, b.failure = -1, channels.ErrNoCampaign
		b.run(t, 3*time.Minute)
		if len(b.changes) > 0 || len(b.source.calls) != 300 {
			t.Errorf("breaker went %v, %d calls", b.changes, len(b.source.calls))
		}
	})
}
