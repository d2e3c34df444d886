package service

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/privacy"
	"jangbu/projections"
	"jangbu/readmodel/cache"
	cacheredis "jangbu/readmodel/cache/redis"
)

// startCache puts a cache before the rows, which the read API reads and the runner
// refreshes. Without a configured Redis an embedded one is used, under a key of its own.
func (s *Service) startCache(ctx context.Context, key privacy.CacheKey) error {
	var options *redis.Options
	if s.cfg.RedisURL == "" {
		embedded, err := newEmbeddedRedis()
		if err != nil {
			return fmt.Errorf("start cache: %w", err)
		}
		s.onClose(func() error { embedded.Close(); return nil })
		s.group.Go(func() error { embedded.age(s.stopped); return nil })
		options = cacheredis.InProcess(embedded.connect)
		s.line("cache", "in this process", "embedded (Redis protocol)")
	} else {
		var err error
		if options, err = s.cfg.options(); err != nil {
			return fmt.Errorf("start cache: %w", err)
		}
		s.line("cache", stores.Redacted(s.cfg.RedisURL), "Redis")
	}
	s.redis = redis.NewClient(options)
	s.onClose(s.redis.Close)
	if err := s.tracing.Redis(s.redis); err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	shared, err := cacheredis.New(cacheredis.Config{
		Client: s.redis, Tables: projections.Tables(projections.All()), Key: key.Bytes(), Logger: s.logger,
	})
	if err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	if s.cache, err = cache.Open(ctx, cache.Config{Inner: s.rows, Shared: shared, Logger: s.logger}); err != nil {
		return fmt.Errorf("start cache: %w", err)
	}
	s.onClose(func() error { s.cache.Close(); return nil })
	return nil
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
	counter("jangbu_cache_forged_total", "Values and notices in Redis that were not made with this key, or were damaged; they are not used.", stats.Shared.Forged, nil)
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
