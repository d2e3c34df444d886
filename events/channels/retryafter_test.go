package channels_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/events/channels"
)

// TestRetryAfter: no poll calls the API before the time that it asked for, at most five
// minutes.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		wait time.Duration
		want time.Duration // until the next call; a second of jitter may come on top
	}{
		{"none", channels.ErrUnavailable, 0, 0},
		{"seconds", channels.ErrUnavailable, 7 * time.Second, 7 * time.Second},
		{"throttled", channels.ErrThrottled, 2 * time.Second, 2 * time.Second},
		{"an hour", channels.ErrUnavailable, time.Hour, 5 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 10, func(c *channels.Config) { c.Concurrency = 1 })
				good, failed := b.source.do, false
				b.source.do = func(ctx context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error) {
					if failed {
						return good(ctx, c)
					}
					failed = true
					return nil, channels.RetryAfterError{Err: test.err, Wait: test.wait}
				}
				go func() { // another round waits as well
					time.Sleep(time.Millisecond)
					if err := b.poller.Round(t.Context(), b.publish); err != nil {
						t.Error(err)
					}
				}()
				b.round(t)
				if took := time.Since(b.start); took > 11*time.Second {
					t.Errorf("a poll waited for %v", took)
				}
				b.run(t, max(test.want-time.Since(b.start), 0)+2*time.Second)
				at := b.source.times("", b.start)
				if test.want == 0 {
					if at[1] > time.Second {
						t.Errorf("the next call came after %v", at[1])
					}
					return
				}
				if at[1] < test.want || at[1] > test.want+time.Second {
					t.Errorf("the next call came after %v, want %v and at most a second more", at[1], test.want)
				}
			})
		})
	}
}
