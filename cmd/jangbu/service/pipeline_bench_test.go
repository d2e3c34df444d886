package service

import (
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/events/synthetic"
)

// BenchmarkPipeline consumes, logs and folds 200,000 registrations over 1,000
// campaigns, the hottest with a fifth, that wait in the broker: PostgreSQL for
// log and rows, the broker embedded. The clock runs from before the service
// starts until every projection stands at the head.
func BenchmarkPipeline(b *testing.B) {
	const registrations = 200_000
	debug.SetGCPercent(400) // as main does
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		cfg := testConfig(dir)
		cfg.LogLevel = "warn"
		fill(b, cfg, registrations)
		cfg.DatabaseURL = services.Database(b)
		cfg.KafkaGroup = "benchmark"
		cfg.MasterKeyFile = filepath.Join(dir, "benchmark.key")
		if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		start := time.Now()
		s := startBenchmarked(b, cfg)
		for s.behind(b, registrations+2000) {
			time.Sleep(50 * time.Millisecond) // asking costs the database time
		}
		took := time.Since(start)
		b.StopTimer()
		totals, err := s.log.Totals(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(totals.Head)/took.Seconds(), "events/s")
		end(b, s)
		b.StartTimer()
	}
}

// fill puts traffic into the broker of the data directory.
func fill(b *testing.B, cfg Config, registrations int) {
	b.Helper()
	cfg.KafkaGroup, cfg.Role = "fill", []string{roleIngest}
	s, err := Start(b.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	producer, err := kafka.NewProducer(s.Kafka())
	if err != nil {
		b.Fatal(err)
	}
	g, err := synthetic.New(synthetic.Config{Seed: 1, Campaigns: 1000, Start: time.Now(), Topics: cfg.Topics()})
	if err != nil {
		b.Fatal(err)
	}
	records := slices.Concat(g.Campaigns(), g.Distributions())
	for range registrations {
		records = append(records, g.Next())
	}
	for batch := range slices.Chunk(records, 20_000) {
		if err := producer.Produce(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := producer.Close(); err != nil {
		b.Fatal(err)
	}
	end(b, s)
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
