package main

import (
	"context"
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
	"jangbu/events/channels/simulator"
)

// BenchmarkReadsBesideHungChannels reads 10,000 dashboards each of two services
// in turn: one whose channels all answer, and one whose channels all hang. The
// quotient of their 99th percentiles says what an outage of the channels costs a
// reader.
func BenchmarkReadsBesideHungChannels(b *testing.B) {
	const reads, campaigns = 10_000, 200
	healthy, hung := polledService(b, campaigns, false), polledService(b, campaigns, true)
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
			for i, addr := range []string{healthy, hung} {
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

// polledService starts a service with campaigns that are polled every second
// and returns the address of its API.
func polledService(b *testing.B, campaigns int, hung bool) string {
	b.Helper()
	sim, err := simulator.Start(b.Context(), simulator.Config{Key: "k", Since: time.Now()})
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
	cfg.PollInterval, cfg.channelRoots = time.Second, sim.Roots()
	cfg.Wooridongnetv = channelAPI{sim.URL(simulator.WooridongneTV), key}
	cfg.Genietv = channelAPI{sim.URL(simulator.GenieTV), key}
	cfg.SNS = channelAPI{sim.URL(simulator.SNS), key}
	if hung {
		for _, api := range simulator.APIs() {
			sim.Order(api, simulator.Hang)
		}
	}
	s, err := startService(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if err := s.wait(ended); err != nil {
			b.Error(err)
		}
	})
	producer, err := kafka.NewProducer(s.kafkaConfig())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = producer.Close() }()
	var records []events.Record
	for i := range campaigns {
		id := fmt.Sprintf("evt-%d", i)
		records = append(records, record("distribution-completed", id, fmt.Sprintf(
			`{"eventId":%q,"distributedChannels":["wooridongnetv","genietv","instagram","naver","kakao"],"completedAt":%q}`, id, time.Now().Format(time.RFC3339))))
		for p := range 20 {
			records = append(records, record("participant-registered", id, fmt.Sprintf(
				`{"participantId":"p-%d","eventId":%q,"phoneNumber":"010-1234-%04d"}`, p, id, p)))
		}
	}
	if err := producer.Produce(b.Context(), records); err != nil {
		b.Fatal(err)
	}
	for {
		totals, err := s.log.Totals(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if int(totals.Head) >= len(records) && lag(s.runner.Status(), totals.Head) == 0 && sim.Calls(simulator.SNS) > 0 {
			return s.httpAddr
		}
		time.Sleep(20 * time.Millisecond)
	}
}
