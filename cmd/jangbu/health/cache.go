package health

import (
	"github.com/prometheus/client_golang/prometheus"

	"jangbu/readmodel/cache"
)

// Cache exports the counters of a cache.
type Cache struct {
	Cache *cache.Cache
	// Kept returns how many responses were sent again as they were.
	Kept func() int64
}

// Describe implements [prometheus.Collector].
func (c Cache) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements [prometheus.Collector].
func (c Cache) Collect(ch chan<- prometheus.Metric) {
	stats := c.Cache.Stats()
	counter := func(name, help string, value int64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.CounterValue, float64(value))
	}
	const reads = "Reads of dashboards and lists, by source: the encoded response, the process, Redis, the rows."
	counter("jangbu_cache_reads_total", reads, c.Kept(), prometheus.Labels{"from": "answer"})
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
