package health

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
)

// stored exports the totals of the log and the checkpoints of the projections. It reads
// them from the databases at each scrape, so that all processes on one log export the same
// values, and a process that ends takes none with it.
type stored struct{ Config }

// ScrapeTimeout bounds what a scrape reads from the databases.
const ScrapeTimeout = 2 * time.Second

// Describe implements [prometheus.Collector]. It names no metrics: it would have to read them
// from the databases, and a failure to do so would end the process.
func (c *stored) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *stored) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), ScrapeTimeout)
	defer cancel()
	metric := func(kind prometheus.ValueType, name, help string, value float64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), kind, value)
	}
	totals, err := c.Log.Totals(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	metric(prometheus.GaugeValue, "jangbu_log_head", "Position of the last event in the log.", float64(totals.Head), nil)
	metric(prometheus.CounterValue, "jangbu_log_received_total", "Records that were taken from Kafka: head + duplicates + dead letters.", float64(totals.Received), nil)
	metric(prometheus.CounterValue, "jangbu_log_duplicates_total", "Records that the log already held.", float64(totals.Duplicates), nil)
	metric(prometheus.GaugeValue, "jangbu_log_dead_letters", "Records that could not become an event, and have not become one by a retry.", float64(totals.DeadLettered), nil)
	metric(prometheus.GaugeValue, "jangbu_log_dead_letters_discarded", "Dead letters that were discarded; they are among jangbu_log_dead_letters.", float64(totals.Discarded), nil)
	sources, err := c.Log.Sources().List(ctx)
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
	if c.Runner == nil {
		return
	}
	status := c.Runner.Status()
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
func (c *stored) waiting(ctx context.Context, checkpoint, head events.Position) (time.Duration, error) {
	if checkpoint >= head {
		return 0, nil
	}
	next, err := c.Log.Read(ctx, checkpoint, 1)
	if err != nil || len(next) == 0 {
		return 0, err
	}
	return max(time.Since(next[0].RecordedAt), 0), nil
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
