package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

const (
	// auditEvery is the least time between two campaigns that are verified.
	auditEvery = time.Minute
	// auditShare bounds the time that audits take to one part in 20.
	auditShare = 20
)

// auditing verifies campaigns, one at a time and chosen at random, while the service runs: a
// part of what "jangbu verify" proves (I6).
type auditing struct {
	log    events.Log
	rows   readmodel.Store
	every  time.Duration
	active func() bool // whether this process is the one that audits
	logger *slog.Logger

	campaigns *prometheus.CounterVec // by result
}

func newAuditing(log events.Log, rows readmodel.Store, active func() bool, logger *slog.Logger) *auditing {
	a := &auditing{
		log: log, rows: rows, every: auditEvery, active: active, logger: logger,
		campaigns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_audited_campaigns_total",
			Help: "Campaigns whose rows were compared with the fold of the log, by result: equal, diverging, or failed to compare.",
		}, []string{"result"}),
	}
	for _, result := range []string{"equal", "diverging", "failed"} {
		a.campaigns.WithLabelValues(result)
	}
	return a
}

// Describe implements [prometheus.Collector].
func (a *auditing) Describe(ch chan<- *prometheus.Desc) { a.campaigns.Describe(ch) }

// Collect implements [prometheus.Collector].
func (a *auditing) Collect(ch chan<- prometheus.Metric) { a.campaigns.Collect(ch) }

// run audits until ctx ends.
func (a *auditing) run(ctx context.Context) {
	timer := time.NewTimer(a.every)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		if a.active() {
			a.one(ctx)
		}
		timer.Reset(max(a.every, auditShare*time.Since(began)))
	}
}

// one audits one campaign.
func (a *auditing) one(ctx context.Context) {
	found, err := replay.Verify(ctx, replay.VerifyConfig{Log: a.log, Rows: a.rows, Projections: projections.All(), Sample: 1})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.campaigns.WithLabelValues("failed").Inc()
		a.logger.LogAttrs(ctx, slog.LevelWarn, "audit: failed", slog.Any("error", err))
	case found.First != nil:
		a.campaigns.WithLabelValues("diverging").Inc()
		a.logger.LogAttrs(ctx, slog.LevelError, "audit: the rows are not the fold of the log; run jangbu verify", slog.String("divergence", found.First.String()))
	case found.Campaigns > 0:
		a.campaigns.WithLabelValues("equal").Inc()
	}
}
