package channels_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/channels"
	"jangbu/events/channels/api"
	"jangbu/events/channels/simulator"
)

// BenchmarkRound polls 10,000 campaigns of an API that answers in 50 ms, 32 at
// once, over real connections. "of-bound" is the time that it took as a multiple
// of 10,000 × 50 ms / 32, the least that is possible.
func BenchmarkRound(b *testing.B) {
	const secret, campaigns, latency = "k-5ecret", 10_000, 50 * time.Millisecond
	s, err := simulator.Start(b.Context(), simulator.Config{Key: secret, Since: time.Now(), Latency: latency})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	at, err := api.NewEndpoint(s.URL(simulator.SNS), api.NewSecret(secret), s.Roots())
	if err != nil {
		b.Fatal(err)
	}
	source := api.NewSNS(at)
	defer source.Close()
	var targets []channels.Target
	for i := range campaigns {
		for _, channel := range source.Channels() {
			targets = append(targets, channels.Target{Campaign: events.Campaign(fmt.Sprintf("evt-%05d", i)), Channel: channel, DistributedAt: time.Now()})
		}
	}
	schedule := channels.Schedule{Youngest: time.Nanosecond, Oldest: time.Nanosecond} // all are due
	for b.Loop() {
		published := make(chan int, campaigns)
		poller, err := channels.NewPoller(channels.Config{
			Source: source, Schedule: schedule,
			Directory: channels.NewDirectory(func(context.Context, time.Time) ([]channels.Target, error) { return targets, nil }, schedule),
		})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		err = poller.Round(b.Context(), func(_ context.Context, reports []*events.ChannelStatsFetched) error {
			published <- len(reports)
			return nil
		})
		took := time.Since(start)
		if err != nil || len(published) != campaigns {
			b.Fatalf("%d of %d campaigns were reported on: %v", len(published), campaigns, err)
		}
		b.ReportMetric(campaigns/took.Seconds(), "polls/s")
		b.ReportMetric(took.Seconds()/(campaigns*latency/channels.DefaultConcurrency).Seconds(), "of-bound")
	}
}
