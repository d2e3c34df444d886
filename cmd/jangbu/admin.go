package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// adminHandler serves what operators' tools read, apart from the public API.
func (s *service) adminHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&logCollector{s},
	)
	if s.polling != nil {
		registry.MustRegister(s.polling)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux
}

// logCollector exports the log's own account and the projections' checkpoints,
// read from the stores at each scrape: two processes on one log export the
// same figures, and none is lost with a process.
type logCollector struct{ s *service }

const scrapeTimeout = 2 * time.Second

func (*logCollector) descriptions() (head, received, duplicates, dead, position, leading *prometheus.Desc) {
	return prometheus.NewDesc("jangbu_log_head", "Position of the last event in the log.", nil, nil),
		prometheus.NewDesc("jangbu_log_received_total", "Records whose fate is decided: head + duplicates + dead letters.", nil, nil),
		prometheus.NewDesc("jangbu_log_duplicates_total", "Records that the log already held.", nil, nil),
		prometheus.NewDesc("jangbu_log_dead_letters_total", "Records that can never become an event.", nil, nil),
		prometheus.NewDesc("jangbu_projection_position", "Checkpoint of a projection's active generation.", []string{"projection"}, nil),
		prometheus.NewDesc("jangbu_projections_leading", "1 where this process folds, 0 where it stands by.", nil, nil)
}

// Describe implements [prometheus.Collector].
func (c *logCollector) Describe(ch chan<- *prometheus.Desc) {
	head, received, duplicates, dead, position, leading := c.descriptions()
	for _, d := range []*prometheus.Desc{head, received, duplicates, dead, position, leading} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *logCollector) Collect(ch chan<- prometheus.Metric) {
	head, received, duplicates, dead, position, leading := c.descriptions()
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	totals, err := c.s.log.Totals(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(head, err)
	} else {
		ch <- prometheus.MustNewConstMetric(head, prometheus.GaugeValue, float64(totals.Head))
		ch <- prometheus.MustNewConstMetric(received, prometheus.CounterValue, float64(totals.Received))
		ch <- prometheus.MustNewConstMetric(duplicates, prometheus.CounterValue, float64(totals.Duplicates))
		ch <- prometheus.MustNewConstMetric(dead, prometheus.CounterValue, float64(totals.DeadLettered))
	}
	if c.s.runner == nil {
		return
	}
	status := c.s.runner.Status()
	lead := 0.0
	if status.Leading {
		lead = 1
	}
	ch <- prometheus.MustNewConstMetric(leading, prometheus.GaugeValue, lead)
	for _, at := range status.Checkpoints {
		ch <- prometheus.MustNewConstMetric(position, prometheus.GaugeValue, float64(at.Position), at.Projection)
	}
}

// redacted returns a URL without its password.
func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be shown)"
	}
	query := u.Query()
	if query.Has("password") {
		query.Set("password", "xxxxx")
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}
