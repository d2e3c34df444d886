package service

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/events/channels/simulator"
)

// BenchmarkReadsBesideHungChannels reads 10,000 dashboards each of two services
// in turn: one whose channels all answer, and one whose channels all hang. The
// quotient of their 99th percentiles says what an outage of the channels costs a
// reader.
func BenchmarkReadsBesideHungChannels(b *testing.B) {
	const reads, campaigns = 10_000, 200
	healthy, _ := polledService(b, campaigns, time.Second, simulator.Config{}, "")
	hung, _ := polledService(b, campaigns, time.Second, simulator.Config{}, simulator.Hang)
	client := &http.Client{}
	defer client.CloseIdleConnections()
	random := rand.New(rand.NewPCG(1, 1))
	read := func(addr string) time.Duration {
		url := fmt.Sprintf("http://%s/api/events/evt-%d/analytics", addr, random.IntN(campaigns))
		start := time.Now()
		res, err := client.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.Copy(io.Discard, res.Body)
		took := time.Since(start)
		if _ = res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("status %d: %v", res.StatusCode, err)
		}
		return took
	}
	for b.Loop() {
		took := [2][]time.Duration{}
		for range reads {
			for i, addr := range []string{healthy.httpAddr, hung.httpAddr} {
				took[i] = append(took[i], read(addr))
			}
		}
		p99 := func(i int) float64 {
			slices.Sort(took[i])
			return float64(took[i][reads*99/100].Microseconds())
		}
		b.ReportMetric(p99(0), "healthy-p99-µs")
		b.ReportMetric(p99(1), "hung-p99-µs")
		b.ReportMetric(p99(1)/p99(0), "hung/healthy")
	}
}

// BenchmarkPolls polls 10,000 campaigns of three APIs that answer in 50 ms, 32 at
// once each, publishes what they say to the broker, and logs and folds it. The
// clock runs from the first call to an API until its last; "of-bound" is that as a
// multiple of 10,000 × 50 ms / 32, the least that is possible, of the slowest.
func BenchmarkPolls(b *testing.B) {
	const campaigns, latency = 10_000, 50 * time.Millisecond
	for b.Loop() {
		s, sim := polledService(b, campaigns, channels.DefaultYoungest, simulator.Config{Latency: latency}, "")
		start := time.Now() // of the first polls, or a little later
		behind := func() int64 {
			least := int64(campaigns)
			for _, api := range simulator.APIs() {
				least = min(least, sim.Calls(api))
			}
			return campaigns - least
		}
		for behind() > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		took := time.Since(start)
		b.ReportMetric(took.Seconds()/(campaigns*latency/channels.DefaultConcurrency).Seconds(), "of-bound")
		for {
			totals, err := s.log.Totals(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			// A distribution and a report of five channels for each.
			if lag, _ := s.Lag(totals.Head); int(totals.Head) >= 6*campaigns && lag == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		b.ReportMetric(time.Since(start).Seconds()-took.Seconds(), "s-until-folded")
	}
}

// polledService starts a service whose campaigns, each with all channels, are
// polled, of simulated channels with a fault, and returns once all are known and
// the first calls have been made.
func polledService(b *testing.B, campaigns int, interval time.Duration, simulated simulator.Config, fault simulator.Fault) (*Service, *simulator.Simulator) {
	b.Helper()
	simulated.Key, simulated.Since = "k", time.Now()
	sim, err := simulator.Start(b.Context(), simulated)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sim.Close() })
	dir := b.TempDir()
	key := filepath.Join(dir, "channel.key")
	if err := os.WriteFile(key, []byte("k"), 0o600); err != nil {
		b.Fatal(err)
	}
	cfg := testConfig(dir)
	cfg.ChannelRoots, cfg.PollInterval = sim.Roots(), interval
	cfg.Wooridongnetv = ChannelAPI{sim.URL(simulator.WooridongneTV), key}
	cfg.Genietv = ChannelAPI{sim.URL(simulator.GenieTV), key}
	cfg.SNS = ChannelAPI{sim.URL(simulator.SNS), key}
	for _, api := range simulator.APIs() {
		sim.Order(api, fault)
	}
	// First without polling, so that all are due at once.
	cfg.Role = []string{roleIngest, roleProject}
	s := startBenchmarked(b, cfg)
	producer := newProducer(b, s)
	var records []events.Record
	for i := range campaigns {
		id := fmt.Sprintf("evt-%d", i)
		records = append(records, record("distribution-completed", id, fmt.Sprintf(
			`{"eventId":%q,"distributedChannels":["wooridongnetv","genietv","instagram","naver","kakao"],"completedAt":%q}`, id, time.Now().Format(time.RFC3339))))
	}
	if err := producer.Produce(b.Context(), records); err != nil {
		b.Fatal(err)
	}
	if err := producer.Close(); err != nil {
		b.Fatal(err)
	}
	for s.behind(b, campaigns) {
		time.Sleep(20 * time.Millisecond)
	}
	end(b, s)

	cfg.Role = []string{"all"}
	s = startBenchmarked(b, cfg)
	b.Cleanup(func() { end(b, s) })
	for sim.Calls(simulator.SNS) == 0 {
		time.Sleep(time.Millisecond)
	}
	return s, sim
}

func startBenchmarked(b *testing.B, cfg Config) *Service {
	b.Helper()
	s, err := Start(b.Context(), cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func newProducer(b *testing.B, s *Service) *kafka.Producer {
	b.Helper()
	producer, err := kafka.NewProducer(s.Kafka())
	if err != nil {
		b.Fatal(err)
	}
	return producer
}

// behind reports whether fewer events than that are logged, or not all folded.
func (s *Service) behind(b *testing.B, events int) bool {
	totals, err := s.log.Totals(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	lag, known := s.Lag(totals.Head)
	return int(totals.Head) < events || !known || lag > 0
}

// end ends a service.
func end(b *testing.B, s *Service) {
	b.Helper()
	if err := s.Stop(); err != nil {
		b.Error(err)
	}
}
