package health

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jangbu/httpapi"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// Config is what a process knows of its parts.
type Config struct {
	Owner   string // names the process in leases
	Log     *Log
	Rows    readmodel.Store
	Leases  []string                           // that are worth knowing about
	Runner  *runner.Runner                     // nil without the role project
	Audit   func(context.Context) httpapi.Part // nil without the role project
	Ingests bool
	Polls   bool
	Leaving <-chan struct{} // closed once the process is about to stop
	// Collectors are those of the other parts.
	Collectors []prometheus.Collector
	Logger     *slog.Logger
}

// New returns the handler of metrics and health.
func New(cfg Config) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		stored{&cfg},
		cfg.Log,
	)
	registry.MustRegister(cfg.Collectors...)
	return httpapi.NewAdmin(httpapi.AdminConfig{
		Ready: cfg.ready, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Now: time.Now, Logger: cfg.Logger,
	})
}
