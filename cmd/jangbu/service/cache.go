package service

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"jangbu/cmd/jangbu/stores"
	"jangbu/projections"
	"jangbu/readmodel/cache"
	cacheredis "jangbu/readmodel/cache/redis"
)

// startCache puts a cache before the rows, which the read API reads and the runner
// refreshes. Without a configured Redis an embedded one is used.
func (s *Service) startCache(ctx context.Context) error {
	address := s.cfg.RedisURL
	if address == "" {
		embedded := miniredis.NewMiniRedis()
		if err := embedded.StartAddr("127.0.0.1:0"); err != nil {
			return fmt.Errorf("start cache: %w", err)
		}
		s.onClose(func() error { embedded.Close(); return nil })
		address = "redis://" + embedded.Addr()
		s.line("cache", embedded.Addr(), "embedded (Redis protocol)")
		s.group.Go(func() error { age(s.stopped, embedded); return nil })
	} else {
		s.line("cache", stores.Redacted(address), "Redis")
	}
	options, err := cacheredis.Options(address)
	if err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	s.redisAddr = options.Addr
	client := redis.NewClient(options)
	s.onClose(client.Close)
	if err := s.tracing.redis(client); err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	if s.cache, err = cache.Open(ctx, cache.Config{Inner: s.rows, Shared: cacheredis.New(client, projections.Tables(projections.All()), s.logger), Logger: s.logger}); err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	s.onClose(func() error { s.cache.Close(); return nil })
	return nil
}

// age moves the clock of an embedded Redis, which stands still by itself, so that keys
// expire.
func age(stopped <-chan struct{}, embedded *miniredis.Miniredis) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			embedded.FastForward(time.Second)
		case <-stopped:
			return
		}
	}
}

// cacheCollector exports the counters of the cache.
type cacheCollector struct{ s *Service }

// Describe implements [prometheus.Collector].
func (c cacheCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements [prometheus.Collector].
func (c cacheCollector) Collect(ch chan<- prometheus.Metric) {
	stats := c.s.cache.Stats()
	counter := func(name, help string, value int64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.CounterValue, float64(value))
	}
	const reads = "Reads of dashboards and lists, by source: the encoded response, the process, Redis, the rows."
	counter("jangbu_cache_reads_total", reads, c.s.kept.Load(), prometheus.Labels{"from": "answer"})
	counter("jangbu_cache_reads_total", reads, stats.Hits, prometheus.Labels{"from": "process"})
	counter("jangbu_cache_reads_total", reads, stats.SharedHits, prometheus.Labels{"from": "redis"})
	counter("jangbu_cache_reads_total", reads, stats.Misses, prometheus.Labels{"from": "rows"})
	counter("jangbu_cache_refreshes_total", "Campaigns in use that were read again because they had changed.", stats.Refreshes, nil)
	counter("jangbu_cache_refused_total", "Values that were not written to Redis because it holds a newer one.", stats.Shared.Refused, nil)
	counter("jangbu_cache_errors_total", "Operations on Redis that failed, values that could not be used, reads of the revision that failed.", stats.Errors, nil)
	counter("jangbu_cache_notices_total", "Notices of commits that this process received.", stats.Notices, nil)
	counter("jangbu_cache_gaps_total", "Commits that this process found without having received a notice.", stats.Gaps, nil)
	counter("jangbu_cache_dropped_total", "Notices of commits that could not be sent to other processes.", stats.Shared.Dropped, nil)
	gauge := func(name, help string, value float64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue, value)
	}
	gauge("jangbu_cache_entries", "Campaigns that are kept in the process.", float64(stats.Entries), nil)
	gauge("jangbu_cache_connections", "Connections to Redis, without the one that receives notices.", float64(stats.Shared.Connections), nil)
	for _, state := range []string{"closed", "half-open", "open"} {
		gauge("jangbu_cache_breaker_state", "1 for the state that the breaker around Redis is in.", number(stats.Shared.Breaker == state), prometheus.Labels{"state": state})
	}
}
