package channels_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/events"
	"jangbu/events/channels"
)

func TestEachCampaignOnceInItsInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 5, nil)
		b.run(t, 10*time.Minute)
		for _, target := range b.targets {
			at := b.source.times(target.Campaign, b.start)
			if len(at) != 10 || at[0] != 0 {
				t.Errorf("%s was asked for at %v, want ten times in ten minutes", target.Campaign, at)
			}
			for i := 1; i < len(at); i++ {
				if gap := at[i] - at[i-1]; gap < time.Minute || gap > time.Minute+time.Second {
					t.Errorf("%s: %v between two polls", target.Campaign, gap)
				}
			}
		}
	})
}

func TestIntervalGrowsWithAge(t *testing.T) {
	t.Parallel()
	var s channels.Schedule
	for age, want := range map[time.Duration]time.Duration{
		-time.Hour: time.Minute, 0: time.Minute, time.Hour: time.Minute, 2 * time.Hour: 2 * time.Minute,
		24 * time.Hour: 24 * time.Minute, 60 * time.Hour: time.Hour, 1000 * time.Hour: time.Hour,
	} {
		if got := s.Interval(age); got != want {
			t.Errorf("interval at %v is %v, want %v", age, got, want)
		}
	}
	if got := (channels.Schedule{Youngest: 2 * time.Hour}).Interval(time.Hour); got != 2*time.Hour {
		t.Errorf("interval is %v where the shortest is longer than the longest by default", got)
	}
	for _, s := range []channels.Schedule{{Youngest: -1}, {Oldest: -1}, {AfterEnd: -1}, {Youngest: time.Hour, Oldest: time.Minute}} {
		if s.Validate() == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		b.targets[0].DistributedAt = b.start.Add(-2 * time.Hour)
		b.run(t, 10*time.Minute)
		// A sixtieth of 120 minutes, and a little more at each.
		if at := b.source.times("", b.start); len(at) != 5 {
			t.Errorf("asked at %v, want five times", at)
		}
	})
}

// A process that takes over starts from when the figures were fetched.
func TestTakingOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 4, nil)
		for i, fetched := range []time.Duration{-10 * time.Second, -50 * time.Second, -time.Hour, 3 * time.Hour} {
			views := b.figure
			b.targets[i].Known.Views, b.targets[i].Known.FetchedAt = &views, b.start.Add(fetched)
		}
		b.run(t, time.Minute+time.Second)
		for campaign, want := range map[events.Campaign][]time.Duration{
			"evt-000": {50 * time.Second}, "evt-001": {10 * time.Second}, "evt-002": {0, time.Minute},
			"evt-003": nil, // fetched in the future, by a wrong clock: polled an interval later
		} {
			if got := b.source.times(campaign, b.start); !slices.Equal(got, want) {
				t.Errorf("%s was asked for at %v, want %v", campaign, got, want)
			}
		}
	})
}

func TestLongestWaitingIsPolledFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3, func(c *channels.Config) { c.Concurrency = 1 })
		views := b.figure
		for i, fetched := range []time.Duration{-2 * time.Minute, -4 * time.Minute, -3 * time.Minute} {
			b.targets[i].Known.Views, b.targets[i].Known.FetchedAt = &views, b.start.Add(fetched)
		}
		b.round(t)
		var order []events.Campaign
		for _, call := range b.source.calls {
			order = append(order, call.campaign)
		}
		if want := []events.Campaign{"evt-001", "evt-002", "evt-000"}; !slices.Equal(order, want) {
			t.Errorf("asked for %v, want %v", order, want)
		}
	})
}

// What is known is not published again, but for the heartbeat that keeps it fresh.
func TestRepeatsAreRare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		oldest := time.Duration(0)
		for range 3600 {
			b.round(t)
			if known := b.targets[0].Known.FetchedAt; !known.IsZero() {
				oldest = max(oldest, time.Since(known))
			}
			time.Sleep(time.Second)
		}
		polls := len(b.source.calls)
		if polls < 55 || len(b.published) > polls/2+1 {
			t.Errorf("%d polls, %d published", polls, len(b.published))
		}
		if oldest >= 3*time.Minute {
			t.Errorf("figures became %v old while the API answered: that is stale", oldest)
		}
		if got := b.results(); got[channels.ResultUnchanged] != polls-len(b.published) || got[channels.ResultLearned] != len(b.published) {
			t.Errorf("results are %v", got)
		}
	})
}

func TestNewFiguresArePublishedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		for i := range 5 {
			b.figure = int64(100 + i)
			b.round(t)
			if got := b.published[len(b.published)-1]; *got.Views != b.figure || !got.FetchedAt.Equal(time.Now()) || got.FetchedAt.Location() != time.UTC {
				t.Errorf("published %+v", got)
			}
			time.Sleep(time.Minute)
		}
		b.figure = 7 // less than before: the channel says so
		b.round(t)
		if got := b.published[len(b.published)-1]; *got.Views != 7 {
			t.Errorf("published %d of 7", *got.Views)
		}
		if last := b.polls[len(b.polls)-1]; !slices.Equal(last.Shrunk, []events.Channel{events.Naver}) {
			t.Errorf("shrunk: %v", last.Shrunk)
		}
		for _, p := range b.polls[:len(b.polls)-1] {
			if len(p.Shrunk) > 0 {
				t.Errorf("growing figures are said to have shrunk: %+v", p)
			}
		}
	})
}

func TestInvalidReportsAreRefused(t *testing.T) {
	t.Parallel()
	n := func(v int64) *int64 { return &v }
	for name, reports := range map[string][]*events.ChannelStatsFetched{
		"none":            {},
		"no figure":       {{Campaign: "evt-000", Channel: events.Naver}},
		"negative":        {{Campaign: "evt-000", Channel: events.Naver, Views: n(5), Shares: n(-1)}},
		"absurd":          {{Campaign: "evt-000", Channel: events.Naver, Views: n(1<<53 + 1)}},
		"another channel": {{Campaign: "evt-000", Channel: events.Kakao, Views: n(5)}},
		"other campaign":  {{Campaign: "evt-001", Channel: events.Naver, Views: n(5)}},
		"one of two":      {{Campaign: "evt-000", Channel: events.Naver, Views: n(5)}, {Campaign: "evt-000", Channel: events.Naver, Views: n(-5)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, 1, nil)
				b.source.do = func(context.Context, events.Campaign) ([]*events.ChannelStatsFetched, error) { return reports, nil }
				b.round(t)
				if b.polls[0].Result != channels.ResultInvalid || len(b.published) > 0 {
					t.Errorf("poll %+v, published %v", b.polls[0], b.published)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 1, nil)
		b.figure = 1 << 53
		b.round(t)
		if len(b.published) != 1 {
			t.Errorf("2^53 itself is refused: %+v", b.polls[0])
		}
	})
}

// A channel that the campaign was not distributed to is none of its business.
func TestOnlyWhereItWasDistributed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 2, nil)
		b.source.on = []events.Channel{events.Instagram, events.Naver, events.Kakao}
		b.source.do = func(_ context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error) {
			one := int64(1)
			return []*events.ChannelStatsFetched{
				{Campaign: c, Channel: events.Instagram, Likes: &one}, {Campaign: c, Channel: events.Naver, Views: &one}, {Campaign: c, Channel: events.Kakao, Shares: &one},
			}, nil
		}
		kakao := b.targets[0]
		kakao.Channel = events.Kakao
		genie := b.targets[1]
		genie.Channel = events.GenieTV
		b.targets = []channels.Target{b.targets[0], kakao, genie}
		b.round(t)
		var got []string
		for _, r := range b.published {
			got = append(got, fmt.Sprint(r.Campaign, " ", r.Channel))
		}
		if want := []string{"evt-000 naver", "evt-000 kakao"}; !slices.Equal(got, want) || len(b.source.calls) != 1 {
			t.Errorf("published %v in %d calls, want %v in one", got, len(b.source.calls), want)
		}
	})
}

// Reports that cannot be published are kept, and published before the next poll.
func TestNothingLearnedIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 50, nil)
		b.unpublish = errors.New("no broker")
		if err := b.poller.Round(t.Context(), b.publish); !errors.Is(err, b.unpublish) {
			t.Fatalf("round: %v", err)
		}
		calls := len(b.source.calls)
		for range 20 {
			time.Sleep(time.Second)
			if err := b.poller.Round(t.Context(), b.publish); !errors.Is(err, b.unpublish) {
				t.Fatalf("round: %v", err)
			}
		}
		if got := len(b.source.calls); got != calls || calls > channels.DefaultConcurrency {
			t.Errorf("%d calls at first, %d while nothing could be published", calls, got-calls)
		}
		b.unpublish = nil
		b.round(t)
		published := make(map[events.Campaign]int)
		for _, r := range b.published {
			published[r.Campaign]++
		}
		if len(published) != 50 || len(b.published) != 50 {
			t.Errorf("%d reports of %d campaigns were published, want one of each of 50", len(b.published), len(published))
		}
	})
}

// A poll that a term's end cuts short stays due.
func TestRoundThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, 3, nil)
		good := b.source.do
		b.source.do = func(ctx context.Context, _ events.Campaign) ([]*events.ChannelStatsFetched, error) {
			<-ctx.Done()
			return nil, fmt.Errorf("%w: %w", channels.ErrUnreachable, ctx.Err())
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := b.poller.Round(ctx, b.publish); err != nil || time.Since(b.start) != 3*time.Second {
			t.Errorf("round: %v after %v", err, time.Since(b.start))
		}
		b.source.do = good
		b.round(t)
		if len(b.published) != 3 || len(b.changes) > 0 {
			t.Errorf("%d of 3 were polled afterwards; breaker went %v", len(b.published), b.changes)
		}
	})
}

func TestDirectoryIsReadNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads, took := 0, 500*time.Millisecond
		var bound time.Time
		fail := errors.New("no database")
		d := channels.NewDirectory(func(_ context.Context, endedBefore time.Time) ([]channels.Target, error) {
			reads++
			bound = endedBefore
			time.Sleep(took)
			return make([]channels.Target, reads), fail
		}, channels.Schedule{AfterEnd: time.Hour})
		if _, err := d.Targets(t.Context()); !errors.Is(err, fail) {
			t.Errorf("error is %v", err)
		}
		fail = nil
		start := time.Now()
		for time.Since(start) < time.Minute {
			if targets, err := d.Targets(t.Context()); err != nil || len(targets) != reads {
				t.Fatalf("%d targets: %v", len(targets), err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if reads < 6 || reads > 8 { // half a second in ten
			t.Errorf("read %d times in a minute", reads)
		}
		if age := time.Since(bound); age < time.Hour || age > time.Hour+15*time.Second {
			t.Errorf("campaigns are left out that ended %v ago", age)
		}
	})
}

func TestNewPollerIsChecked(t *testing.T) {
	t.Parallel()
	source, directory := &script{}, channels.NewDirectory(nil, channels.Schedule{})
	for name, cfg := range map[string]channels.Config{
		"no source":    {Directory: directory},
		"no directory": {Source: source},
		"schedule":     {Source: source, Directory: directory, Schedule: channels.Schedule{Youngest: -1}},
		"bound":        {Source: source, Directory: directory, Concurrency: -1},
	} {
		if _, err := channels.NewPoller(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
