package health

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/runner"
)

// scrapeTimeout bounds what a scrape reads from the databases.
const scrapeTimeout = 2 * time.Second

// stored exports what the databases hold: the totals of the log, the checkpoints of the
// projections, the leases. It reads them at each scrape, so that all processes on one log export
// the same values (I15), and a process that ends takes none with it. What cannot be read is not
// exported.
type stored struct{ *process }

// Describe implements [prometheus.Collector]. It names no metrics: it would have to read them
// from the databases, and a failure to do so would end the process.
func (c stored) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c stored) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	var reading sync.WaitGroup
	to := sink{ch}
	reading.Go(func() {
		totals, err := c.Log.Totals(ctx)
		if err == nil {
			to.totals(totals)
			err = c.sourcesOf(ctx, to)
		}
		to.connected("log", err)
		if err == nil {
			err = c.projectionsOf(ctx, to, totals.Head)
		} else {
			err = c.readable(ctx)
		}
		if err == nil {
			err = c.leasesOf(ctx, to)
		}
		if err == nil {
			err = c.healsOf(ctx, to)
		}
		to.connected("rows", err)
	})
	if c.sources != nil {
		reading.Go(func() { c.sources.export(ctx, to) })
	}
	if c.Redis != nil {
		reading.Go(func() { to.connected("redis", c.Redis(ctx)) })
	}
	reading.Wait()
	if c.Runner != nil {
		to.counter("jangbu_history_changes_total", "How often this process found, as the leader, that the log had gone back or was another one than the rows were folded from.", float64(c.Runner.Status().HistoryChanges), nil)
		to.counter(failures, failuresHelp, float64(c.Runner.Status().Failures), prometheus.Labels{"part": "project"})
	}
}

// sink is where metrics go.
type sink struct{ ch chan<- prometheus.Metric }

func (s sink) gauge(name, help string, value float64, labels prometheus.Labels) {
	s.ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue, value)
}

func (s sink) counter(name, help string, value float64, labels prometheus.Labels) {
	s.ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.CounterValue, value)
}

// connected says whether an answer has just come.
func (s sink) connected(to string, err error) {
	s.gauge("jangbu_connected", "1 where what this process needs has answered it at this scrape, else 0.", number(err == nil), prometheus.Labels{"to": to})
}

func (s sink) totals(t events.Totals) {
	s.gauge("jangbu_log_head", "Position of the last event in the log.", float64(t.Head), nil)
	s.counter("jangbu_log_received_total", "Records that were taken from Kafka: head + duplicates + dead letters.", float64(t.Received), nil)
	s.counter("jangbu_log_duplicates_total", "Records that the log already held.", float64(t.Duplicates), nil)
	s.gauge("jangbu_log_dead_letters", "Records that could not become an event, and have not become one by a retry.", float64(t.DeadLettered), nil)
	s.gauge("jangbu_log_dead_letters_discarded", "Dead letters that were discarded; they are among jangbu_log_dead_letters.", float64(t.Discarded), nil)
}

// sourcesOf exports the gaps of the sources.
func (c stored) sourcesOf(ctx context.Context, to sink) error {
	sources, err := c.Log.Sources().List(ctx)
	if err != nil {
		return err
	}
	gaps, lost := make(map[string]int64), make(map[string]int64)
	for _, s := range sources {
		gaps[s.Topic] += s.Gaps
		lost[s.Topic] += s.Lost
	}
	for topic := range gaps {
		labels := prometheus.Labels{"topic": topic}
		to.counter("jangbu_source_gaps_total", "How often a partition could not be read on where the log ended with it.", float64(gaps[topic]), labels)
		to.counter("jangbu_source_gap_records_total", "Records that were not read, at most, because they were deleted before.", float64(lost[topic]), labels)
	}
	return nil
}

// checkpoint is how far the generation of a projection is folded that is served.
type checkpoint struct {
	projection string
	at         events.Position
	behind     time.Duration // how long the first event that is not folded has been in the log
	paused     bool
}

// checkpoints reads those of all projections up to a head of the log that was read before. One
// without a generation is at position 0.
func (p *process) checkpoints(ctx context.Context, head events.Position) ([]checkpoint, error) {
	generations, err := p.Rows.List(ctx)
	if err != nil {
		return nil, err
	}
	waits := map[events.Position]time.Duration{}
	all := make([]checkpoint, 0, len(projections.All()))
	for _, of := range projections.All() {
		k := checkpoint{projection: of.Name()}
		for _, g := range generations {
			if g.Active && g.Projection == k.projection {
				k.at, k.paused = g.Position, g.Paused
			}
		}
		waits[k.at], err = p.waiting(ctx, waits[k.at], k.at, head)
		if err != nil {
			return nil, err
		}
		k.behind = waits[k.at]
		all = append(all, k)
	}
	return all, nil
}

// waiting returns how long the first event after a checkpoint has been in the log, unless that is
// known already.
func (p *process) waiting(ctx context.Context, known time.Duration, at, head events.Position) (time.Duration, error) {
	if at >= head || known > 0 {
		return known, nil
	}
	next, err := p.Log.Read(ctx, at, 1)
	if err != nil || len(next) == 0 {
		return 0, err
	}
	return max(time.Since(next[0].RecordedAt), time.Microsecond), nil
}

// projectionsOf exports how far the projections are folded.
func (c stored) projectionsOf(ctx context.Context, to sink, head events.Position) error {
	all, err := c.checkpoints(ctx, head)
	if err != nil {
		return err
	}
	for _, k := range all {
		labels := prometheus.Labels{"projection": k.projection}
		to.gauge("jangbu_projection_position", "Checkpoint of a projection's active generation.", float64(k.at), labels)
		to.gauge("jangbu_projection_lag_events", "Events of the log that have not been folded yet.", float64(max(head-k.at, 0)), labels)
		to.gauge("jangbu_projection_lag_seconds", "How long the oldest event that has not been folded has been in the log.", k.behind.Seconds(), labels)
		to.gauge("jangbu_projection_paused", "1 while an operator has paused the projection.", number(k.paused), labels)
	}
	return nil
}

// readable returns an error unless the rows' database answers.
func (c stored) readable(ctx context.Context) error {
	_, err := c.Rows.List(ctx)
	return err
}

// leasesOf exports which process holds which lease, and for how long.
func (c stored) leasesOf(ctx context.Context, to sink) error {
	for _, name := range c.Leases {
		h, err := c.Rows.Holder(ctx, name)
		if err != nil {
			return err
		}
		labels := prometheus.Labels{"lease": name}
		to.gauge("jangbu_lease_held", "1 while a process holds the lease, 0 while none does.", number(h.Owner != ""), labels)
		to.gauge("jangbu_lease_left_seconds", "How long the lease lasts unless it is renewed.", max(h.Left, 0).Seconds(), labels)
		to.gauge("jangbu_lease_epoch", "How often the lease has changed hands.", float64(h.Epoch), labels)
		to.gauge("jangbu_lease_failing", "1 while the last attempt at the task under the lease has failed, in whatever process.", number(h.Fault != ""), labels)
		if h.Owner != "" {
			to.gauge("jangbu_lease_holder", "The process that holds the lease, one at a time: host/pid/start.", 1, prometheus.Labels{"lease": name, "owner": h.Owner})
		}
		if name == runner.LeaseName {
			to.gauge("jangbu_projections_leading", "1 in the process that leads, 0 in the others.", number(h.Owner == c.Owner), nil)
		}
	}
	return nil
}

// healsOf exports the account of the audit.
func (c stored) healsOf(ctx context.Context, to sink) error {
	heals, err := c.Rows.Heals(ctx)
	if err != nil {
		return err
	}
	to.gauge("jangbu_audit_wrong_campaigns", "Campaigns that are known to be served wrong.", float64(heals.Wrong), nil)
	for result, n := range map[string]int64{"done": heals.Done, "failed": heals.Failed} {
		to.counter("jangbu_audit_heals_total", "Campaigns that were found wrong and folded anew, by result.", float64(n), prometheus.Labels{"result": result})
	}
	return nil
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
