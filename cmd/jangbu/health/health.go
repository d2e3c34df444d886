package health

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jangbu/events/bus/kafka"
	"jangbu/httpapi"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// Config is what a process knows of its parts.
type Config struct {
	Owner    string // names the process in leases
	Log      *Log
	Rows     readmodel.Store
	Leases   []string // that are worth knowing about
	Ingests  bool
	Polls    bool
	Messages *Messages // nil without both of the roles ingest and poll
	// Brokers asks where the partitions of Topics end; nil without both of these roles.
	Brokers func(context.Context) (map[string]kafka.Topic, error)
	Topics  []string
	Canary  *Canary                            // nil unless the process ingests
	Runner  *runner.Runner                     // nil without the role project
	Audit   func(context.Context) httpapi.Part // nil without the role project
	Redis   func(context.Context) error        // asks it; nil where it is in the process, or not used
	Leaving <-chan struct{}                    // closed once the process is about to stop
	// Collectors are those of the other parts.
	Collectors []prometheus.Collector
	Logger     *slog.Logger
}

// process is one whose health is judged.
type process struct {
	Config
	sources *sources // nil without brokers
}

// New returns the handler of metrics and health.
func New(cfg Config) (http.Handler, error) {
	p := &process{Config: cfg}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		stored{p},
		parts{p},
		cfg.Log,
	)
	registry.MustRegister(cfg.Collectors...)
	if cfg.Messages != nil {
		registry.MustRegister(cfg.Messages)
	}
	if cfg.Canary != nil {
		registry.MustRegister(cfg.Canary)
	}
	if cfg.Brokers != nil {
		p.sources = &sources{log: cfg.Log, brokers: &brokers{ask: cfg.Brokers}, names: cfg.Topics}
	}
	return httpapi.NewAdmin(httpapi.AdminConfig{
		Ready: p.ready, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Now: time.Now, Logger: cfg.Logger,
	})
}

// parts exports what /readyz says, so that a part that is not ready has an alert.
type parts struct{ *process }

// Describe implements [prometheus.Collector]. It names no metrics, as [stored].
func (p parts) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (p parts) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	for _, part := range p.ready(ctx) {
		sink{ch}.gauge("jangbu_part_ready", "1 where /readyz says that the part is ready, else 0.", number(part.Err == nil), prometheus.Labels{"part": part.Name})
	}
}
