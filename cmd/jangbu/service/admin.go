package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// startAdmin starts the listener for operators' tools.
func (s *Service) startAdmin(ctx context.Context) error {
	operators, err := s.adminHandler()
	if err != nil {
		return err
	}
	admin, addr, err := s.listen(ctx, s.cfg.AdminAddr, operators, nil)
	if err != nil {
		return fmt.Errorf("start admin listener: %w", err)
	}
	s.admin, s.adminURL = admin, "http://"+addr
	s.line("admin", s.adminURL+"/metrics", "")
	return nil
}

// adminHandler returns the handler of metrics and health.
func (s *Service) adminHandler() (http.Handler, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&logCollector{s},
		s.log,
	)
	if s.polling != nil {
		registry.MustRegister(s.polling)
	}
	if s.auditing != nil {
		registry.MustRegister(s.auditing)
	}
	if s.cache != nil {
		registry.MustRegister(cacheCollector{s})
	}
	if s.api != nil {
		registry.MustRegister(s.requests.requests, s.requests.seconds)
	}
	if s.accesses != nil {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "jangbu_access_log_dropped_total", Help: "Lines of the access log that were not written, because the disk was too slow or full.",
		}, func() float64 { return float64(s.accesses.Dropped()) }))
	}
	return httpapi.NewAdmin(httpapi.AdminConfig{
		Ready: s.ready, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Now: time.Now, Logger: s.logger,
	})
}

// logCollector exports the totals of the log and the checkpoints of the projections. It reads
// them from the databases at each scrape, so that all processes on one log export the same
// values, and a process that ends takes none with it.
type logCollector struct{ s *Service }

// scrapeTimeout bounds what a scrape reads from the databases.
const scrapeTimeout = 2 * time.Second

// Describe implements [prometheus.Collector]. It names no metrics: it would have to read them
// from the databases, and a failure to do so would end the process.
func (c *logCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *logCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	metric := func(kind prometheus.ValueType, name, help string, value float64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), kind, value)
	}
	totals, err := c.s.log.Totals(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	metric(prometheus.GaugeValue, "jangbu_log_head", "Position of the last event in the log.", float64(totals.Head), nil)
	metric(prometheus.CounterValue, "jangbu_log_received_total", "Records that were taken from Kafka: head + duplicates + dead letters.", float64(totals.Received), nil)
	metric(prometheus.CounterValue, "jangbu_log_duplicates_total", "Records that the log already held.", float64(totals.Duplicates), nil)
	metric(prometheus.GaugeValue, "jangbu_log_dead_letters", "Records that could not become an event, and have not become one by a retry.", float64(totals.DeadLettered), nil)
	metric(prometheus.GaugeValue, "jangbu_log_dead_letters_discarded", "Dead letters that were discarded; they are among jangbu_log_dead_letters.", float64(totals.Discarded), nil)
	sources, err := c.s.log.Sources().List(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	gaps, lost := gapsOf(sources)
	for topic := range gaps {
		labels := prometheus.Labels{"topic": topic}
		metric(prometheus.CounterValue, "jangbu_source_gaps_total", "How often a partition could not be read on where the log ended with it.", float64(gaps[topic]), labels)
		metric(prometheus.CounterValue, "jangbu_source_gap_records_total", "Records that were not read, at most, because they were deleted before.", float64(lost[topic]), labels)
	}
	if c.s.runner == nil {
		return
	}
	status := c.s.runner.Status()
	metric(prometheus.CounterValue, "jangbu_history_changes_total", "How often this process found, as the leader, that the log had gone back or was another one than the rows were folded from.", float64(status.HistoryChanges), nil)
	metric(prometheus.GaugeValue, "jangbu_projections_leading", "1 in the process that leads, 0 in the others.", number(status.Leading), nil)
	for _, at := range status.Checkpoints {
		labels := prometheus.Labels{"projection": at.Projection}
		metric(prometheus.GaugeValue, "jangbu_projection_position", "Checkpoint of a projection's active generation.", float64(at.Position), labels)
		metric(prometheus.GaugeValue, "jangbu_projection_lag_events", "Events of the log that have not been folded yet.", float64(max(totals.Head-at.Position, 0)), labels)
		lag, err := c.waiting(ctx, at.Position, totals.Head)
		if err != nil {
			ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			continue
		}
		metric(prometheus.GaugeValue, "jangbu_projection_lag_seconds", "How long the oldest event that has not been folded has been in the log.", lag.Seconds(), labels)
	}
}

// gapsOf returns the number of gaps of each topic, and how many records these hold at most.
func gapsOf(sources []events.SourceState) (gaps, lost map[string]int64) {
	gaps, lost = make(map[string]int64), make(map[string]int64)
	for _, s := range sources {
		gaps[s.Topic] += s.Gaps
		lost[s.Topic] += s.Lost
	}
	return gaps, lost
}

// waiting returns how long the first event after a checkpoint has been in the log.
func (c *logCollector) waiting(ctx context.Context, checkpoint, head events.Position) (time.Duration, error) {
	if checkpoint >= head {
		return 0, nil
	}
	next, err := c.s.log.Read(ctx, checkpoint, 1)
	if err != nil || len(next) == 0 {
		return 0, err
	}
	return max(time.Since(next[0].RecordedAt), 0), nil
}

// ready returns the health of every part of this process.
func (s *Service) ready(ctx context.Context) []httpapi.Part {
	_, err := s.log.Totals(ctx)
	parts := []httpapi.Part{{Name: "log", Err: err}}
	select {
	case <-s.leaving:
		parts = append(parts, httpapi.Part{Name: "process", Err: errLeaving})
	default:
	}
	parts = append(parts, httpapi.Part{Name: "rows", Err: s.served(ctx)})
	if s.cfg.does(roleIngest) {
		parts = append(parts, httpapi.Part{Name: "ingest"}) // when it cannot run it ends the process
		parts = append(parts, s.sourcesPart(ctx))
	}
	if s.runner != nil || s.polling != nil {
		parts = append(parts, httpapi.Part{Name: "leases", Err: s.leases(ctx)})
	}
	if s.runner != nil {
		parts = append(parts, httpapi.Part{Name: "project", Err: s.runner.Status().LastError})
		parts = append(parts, s.auditPart(ctx))
	}
	return parts
}

// served returns an error unless rows can be read: [readmodel.ErrRebuilding] where those of a
// lost history were abandoned, and no others are served yet (I13).
func (s *Service) served(ctx context.Context) error {
	_, _, err := s.rows.Snapshot(ctx, "")
	if errors.Is(err, readmodel.ErrNotFound) {
		return nil
	}
	return err
}

// sourcesPart is the health of the sources. Gaps do not make a process unfit to serve, and no
// restart mends them; they are only said.
func (s *Service) sourcesPart(ctx context.Context) httpapi.Part {
	part := httpapi.Part{Name: "sources"}
	sources, err := s.log.Sources().List(ctx)
	if err != nil {
		part.Err = err
		return part
	}
	var gaps, lost int64
	for _, source := range sources {
		gaps, lost = gaps+source.Gaps, lost+source.Lost
	}
	if gaps > 0 {
		part.Note = fmt.Sprintf("gaps: %d; at most %d records were not read; see jangbu sources", gaps, lost)
	}
	return part
}

// leases returns an error where a lease lasts longer than any process asks for, so that none
// may get it.
func (s *Service) leases(ctx context.Context) error {
	held, err := s.rows.Holders(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.TooLong(runner.DefaultLeaseTTL) {
			return fmt.Errorf("lease %s of %s lasts another %v, longer than any process asks for: jangbu leases break %s",
				h.Name, h.Owner, h.Left.Round(time.Second), h.Name)
		}
	}
	return nil
}
