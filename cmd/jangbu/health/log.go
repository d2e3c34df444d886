package health

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
)

// Log measures what is written to a log.
type Log struct {
	events.Log
	appends *prometheus.HistogramVec // seconds, by whether it succeeded
	batches prometheus.Histogram     // events
	events  *prometheus.CounterVec   // by type and outcome
	letters *prometheus.CounterVec   // by reason
	failed  *atomic.Int64            // appends and burials
}

// MeasureLog returns the log, measured.
func MeasureLog(log events.Log) *Log {
	m := &Log{
		Log: log, failed: new(atomic.Int64),
		appends: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jangbu_log_append_seconds", Help: "Duration of a transaction that appends events.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"result"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "jangbu_log_append_events", Help: "Events in one transaction that appends.",
			Buckets: []float64{1, 10, 100, 1000, 2000, 5000, 10000, 20000},
		}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_ingested_events_total", Help: "Events that this process has passed to the log, by type and outcome.",
		}, []string{"type", "outcome"}),
		letters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_ingested_dead_letters_total", Help: "Records that this process has buried, by reason; a record that is delivered again is counted again.",
		}, []string{"reason"}),
	}
	for _, t := range events.Types() {
		for _, outcome := range events.Outcomes() {
			m.events.WithLabelValues(t.String(), outcome.String())
		}
	}
	for _, reason := range events.Reasons() {
		m.letters.WithLabelValues(string(reason))
	}
	return m
}

// Append implements [events.Appender].
func (m *Log) Append(ctx context.Context, drafts []events.Draft, read ...events.Reading) (events.Receipt, error) {
	start := time.Now()
	receipt, err := m.Log.Append(ctx, drafts, read...)
	result := "ok"
	if err != nil {
		result = "failed"
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		m.failed.Add(1)
	}
	m.appends.WithLabelValues(result).Observe(time.Since(start).Seconds())
	m.batches.Observe(float64(len(drafts)))
	type kind struct {
		events.Type
		events.Outcome
	}
	count := make(map[kind]int) // a lookup of labels for each event would cost more than the event
	for i, outcome := range receipt.Outcomes {
		count[kind{drafts[i].Event.Type(), outcome}]++
	}
	for k, n := range count {
		m.events.WithLabelValues(k.Type.String(), k.Outcome.String()).Add(float64(n))
	}
	return receipt, err
}

// DeadLetters implements [events.Log].
func (m *Log) DeadLetters() events.DeadLetters {
	return measuredLetters{m.Log.DeadLetters(), m}
}

// measuredLetters measures what is buried.
type measuredLetters struct {
	events.DeadLetters
	log *Log
}

// Bury implements [events.DeadLetters].
func (m measuredLetters) Bury(ctx context.Context, letters []events.DeadLetter, read ...events.Reading) error {
	err := m.DeadLetters.Bury(ctx, letters, read...)
	switch {
	case err == nil:
		for i := range letters {
			m.log.letters.WithLabelValues(string(letters[i].Reason)).Inc()
		}
	case !errors.Is(err, context.Canceled):
		m.log.failed.Add(1)
	}
	return err
}

// Describe implements [prometheus.Collector].
func (m *Log) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements [prometheus.Collector].
func (m *Log) Collect(ch chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{m.appends, m.batches, m.events, m.letters} {
		c.Collect(ch)
	}
	sink{ch}.counter(failures, failuresHelp, float64(m.failed.Load()), prometheus.Labels{"part": "log"})
}
