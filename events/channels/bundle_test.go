package channels_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jangbu/events"
	"jangbu/events/channels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a source that does what a test tells it to.
type script struct {
	name string
	on   []events.Channel
	do   func(ctx context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error)

	mu    sync.Mutex
	calls []asked
}

type asked struct {
	campaign events.Campaign
	at       time.Time
}

func (s *script) Name() string               { return s.name }
func (s *script) Channels() []events.Channel { return s.on }

func (s *script) Fetch(ctx context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error) {
	s.mu.Lock()
	s.calls = append(s.calls, asked{c, time.Now()})
	s.mu.Unlock()
	return s.do(ctx, c)
}

// times returns when a campaign was asked for, counted from the start; "" is any.
func (s *script) times(c events.Campaign, start time.Time) (at []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, call := range s.calls {
		if c == "" || call.campaign == c {
			at = append(at, call.at.Sub(start))
		}
	}
	return at
}

// bundle is one poller of a scripted naver API, and what it published.
type bundle struct {
	source  *script
	poller  *channels.Poller
	start   time.Time
	targets []channels.Target
	figure  int64 // what the API says; -1: it fails with failure
	failure error

	mu         sync.Mutex
	polls      []channels.Poll
	changes    []string
	published  []*events.ChannelStatsFetched
	unpublish  error // what publishing fails with
	publishing int   // calls of publish
}

// setup makes the bundle within a synctest bubble; campaigns were distributed at
// the start.
func setup(t *testing.T, campaigns int, change func(*channels.Config)) *bundle {
	t.Helper()
	b := &bundle{start: time.Now(), figure: 100, failure: channels.ErrUnavailable}
	for i := range campaigns {
		c := events.Campaign(fmt.Sprintf("evt-%03d", i))
		b.targets = append(b.targets, channels.Target{
			Campaign: c, Channel: events.Naver, DistributedAt: b.start,
			Known: events.ChannelStatsFetched{Campaign: c, Channel: events.Naver},
		})
	}
	b.source = &script{name: "naver", on: []events.Channel{events.Naver}, do: b.answer}
	cfg := channels.Config{
		Source: b.source,
		OnPoll: func(p channels.Poll) { b.mu.Lock(); b.polls = append(b.polls, p); b.mu.Unlock() },
		OnBreaker: func(from, to channels.State, last error) {
			if !errors.Is(last, b.failure) && b.figure == -1 {
				t.Errorf("the breaker goes from %s to %s, and the last failure is %v", from, to, last)
			}
			b.changes = append(b.changes, fmt.Sprint(from, " to ", to))
		},
	}
	if change != nil {
		change(&cfg)
	}
	cfg.Directory = channels.NewDirectory(func(context.Context, time.Time) ([]channels.Target, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Clone(b.targets), nil
	}, cfg.Schedule)
	var err error
	if b.poller, err = channels.NewPoller(cfg); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bundle) answer(_ context.Context, c events.Campaign) ([]*events.ChannelStatsFetched, error) {
	if b.figure == -1 {
		return nil, b.failure
	}
	views := b.figure
	return []*events.ChannelStatsFetched{{Campaign: c, Channel: events.Naver, Views: &views}}, nil
}

// publish publishes, and makes what is published known, as the pipeline does.
func (b *bundle) publish(_ context.Context, reports []*events.ChannelStatsFetched) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publishing++
	if b.unpublish != nil {
		return b.unpublish
	}
	b.published = append(b.published, reports...)
	for _, r := range reports {
		for i := range b.targets {
			if b.targets[i].Campaign == r.Campaign && b.targets[i].Channel == r.Channel {
				b.targets[i].Known = *r
			}
		}
	}
	return nil
}

// round runs one round.
func (b *bundle) round(t *testing.T) {
	t.Helper()
	if err := b.poller.Round(t.Context(), b.publish); err != nil {
		t.Fatalf("round: %v", err)
	}
}

// run runs a round every second for so long.
func (b *bundle) run(t *testing.T, d time.Duration) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		b.round(t)
		time.Sleep(time.Second)
	}
}

func (b *bundle) results() map[channels.Result]int {
	count := make(map[channels.Result]int)
	for _, p := range b.polls {
		count[p.Result]++
	}
	return count
}
