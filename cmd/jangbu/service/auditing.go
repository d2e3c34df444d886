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
	// auditShare is how much of the time an audit may take: one part in so many.
	auditShare = 20
)

// auditing verifies one campaign after the other, chosen at random, beside the work
// of a service: what "jangbu verify" proves when it is asked is looked at always (I6).
type auditing struct {
	log    events.Log
	rows   readmodel.Store
	every  time.Duration
	active func() bool // of several processes one is enough
	logger *slog.Logger

	campaigns *prometheus.CounterVec // by result
}

func newAuditing(log events.Log, rows readmodel.Store, active func() bool, logger *slog.Logger) *auditing {
	a := &auditing{
		log: log, rows: rows, every: auditEvery, active: active, logger: logger,
		campaigns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_audited_campaigns_total",
			Help: "Campaigns whose rows were compared with the fold of the log, by what was found: equal, diverging, or failed where it could not be.",
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
		a.logger.LogAttrs(ctx, slog.LevelWarn, "audit: not possible", slog.Any("error", err))
	case found.First != nil:
		a.campaigns.WithLabelValues("diverging").Inc()
		a.logger.LogAttrs(ctx, slog.LevelError, "audit: what is served is not the fold of the log; run jangbu verify", slog.String("divergence", found.First.String()))
	case found.Campaigns > 0:
		a.campaigns.WithLabelValues("equal").Inc()
	}
}
