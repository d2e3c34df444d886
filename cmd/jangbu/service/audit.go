package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/projections"
	"jangbu/projections/replay"
	"jangbu/readmodel"
)

const (
	// auditConfirm is how long after a campaign was found to be wrong it is looked at once
	// more: an erasure changes the log a moment before it has the rows folded anew.
	auditConfirm = time.Second
	// auditAttempts is how often a campaign is looked at that cannot be compared.
	auditAttempts = 3
	// A heal that has failed is asked for again after healAgain, and then after twice as
	// long each time, up to healSlowest.
	healAgain   = 10 * time.Second
	healSlowest = 10 * time.Minute
)

// auditing compares every campaign's rows with the fold of the log, again and again, while
// the service runs: what "jangbu verify" proves (I6). It asks for a heal of each campaign
// that is wrong.
type auditing struct {
	auditRounds
	owner string

	campaigns *prometheus.CounterVec // by result
	// other is why no campaign can be compared, as last found; nil where they can.
	other atomic.Pointer[replay.Divergence]

	// The goroutine that runs owns the rest.

	suspect  events.Campaign // found to be wrong, and to be looked at once more
	attempts int             // to compare the current campaign
	healsAt  time.Time       // when failed heals are looked for again
	healsIn  time.Duration
}

func newAuditing(log events.Log, rows readmodel.Store, owner string, within time.Duration, active func() bool, logger *slog.Logger) *auditing {
	a := &auditing{
		owner: owner,
		auditRounds: auditRounds{
			log: log, rows: rows, within: within, active: active, logger: logger, now: time.Now, wait: pause,
		},
		campaigns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_audited_campaigns_total",
			Help: "Campaigns whose rows were compared with the fold of the log, by result: equal, diverging, failed to compare, or other where no row can be compared, as with rows of another log.",
		}, []string{"result"}),
	}
	a.look = a.audit
	for _, result := range []string{"equal", "diverging", "other", "failed"} {
		a.campaigns.WithLabelValues(result)
	}
	return a
}

// pause waits until the time has passed or ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// audit compares one campaign. It returns for how long to wait before it is compared again;
// 0 where that is not needed.
func (a *auditing) audit(ctx context.Context, c events.Campaign) (again time.Duration) {
	a.healFailed(ctx)
	suspect := a.suspect == c
	a.suspect = ""
	found := &readmodel.Found{}
	verified, err := replay.Verify(ctx, replay.VerifyConfig{
		Log: a.log, Rows: a.rows, Projections: projections.All(), Campaigns: []events.Campaign{c},
		Each: func(d *replay.Divergence) {
			if d.Campaign == c {
				found.Add(d.Difference)
			}
		},
	})
	a.other.Store(nil)
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, readmodel.ErrRebuilding), errors.Is(err, readmodel.ErrVersion):
		return auditSlowest // no campaign can be compared
	case errors.Is(err, readmodel.ErrNotFound): // it had rows and no event, and has no row any more
	case err != nil:
		a.campaigns.WithLabelValues("failed").Inc()
		a.logger.LogAttrs(ctx, slog.LevelWarn, "audit: failed", slog.String("campaign", string(c)), slog.Any("error", err))
		if a.attempts++; a.attempts < auditAttempts {
			return auditSlowest
		}
	case found.Total > 0 && !suspect:
		a.suspect = c
		return auditConfirm
	case found.Total > 0:
		a.campaigns.WithLabelValues("diverging").Inc()
		a.heal(ctx, c, found)
	case verified.First != nil: // a projection is of another log, or of none: the leader looks after that
		a.other.Store(verified.First)
		a.campaigns.WithLabelValues("other").Inc()
		a.logger.LogAttrs(ctx, slog.LevelError, "audit: rows cannot be compared", slog.String("divergence", verified.First.String()))
		return auditSlowest
	default:
		a.campaigns.WithLabelValues("equal").Inc()
	}
	a.attempts = 0
	return 0
}

// heal has a campaign folded anew that is served wrong.
func (a *auditing) heal(ctx context.Context, c events.Campaign, found *readmodel.Found) {
	wanted := readmodel.Operation{Kind: readmodel.Heal, Campaign: c, Found: found, Who: "audit of " + a.owner, Why: found.String()}
	for _, p := range projections.All() {
		wanted.Projections = append(wanted.Projections, p.Name())
	}
	slices.Sort(wanted.Projections)
	a.ask(ctx, wanted)
}

// ask asks for a heal. It is the same one where the campaign's last heal has not ended.
func (a *auditing) ask(ctx context.Context, wanted readmodel.Operation) {
	asked, err := a.rows.Ask(ctx, wanted)
	if err != nil && ctx.Err() != nil {
		return
	}
	about := []slog.Attr{
		slog.String("campaign", string(wanted.Campaign)), slog.String("divergence", wanted.Found.String()),
	}
	if err != nil {
		a.logger.LogAttrs(ctx, slog.LevelError, "audit: a campaign is served wrong, and its heal was not recorded; run jangbu projections reset", append(about, slog.Any("error", err))...)
		return
	}
	a.logger.LogAttrs(ctx, slog.LevelError, "audit: a campaign is served wrong and is folded anew", append(about, slog.Int64("operation", asked.ID))...)
}

// healFailed asks again, now and then, for a heal that has failed.
func (a *auditing) healFailed(ctx context.Context) {
	if a.now().Before(a.healsAt) {
		return
	}
	heals, err := a.rows.Heals(ctx)
	switch {
	case err != nil:
		return // what needs the rows says so
	case heals.FirstWrong == nil:
		a.healsIn = healAgain
	case heals.FirstWrong.State == readmodel.Failed:
		a.ask(ctx, *heals.FirstWrong)
		a.healsIn = min(2*max(a.healsIn, healAgain), healSlowest)
	}
	a.healsAt = a.now().Add(max(a.healsIn, healAgain))
}

// auditPart is the health of the audit: it fails while a campaign is known to be served wrong.
func (s *Service) auditPart(ctx context.Context) httpapi.Part {
	part := httpapi.Part{Name: "audit"}
	heals, err := s.rows.Heals(ctx)
	other := s.auditing.other.Load()
	switch {
	case err != nil:
		part.Err = err
	case other != nil && s.auditing.active():
		part.Err = fmt.Errorf("rows cannot be compared with the log: %s", other)
	case heals.FirstWrong != nil:
		part.Err = servedWrong(heals)
	case heals.Done > 0:
		part.Note = fmt.Sprintf("found wrong and mended: %d; see jangbu projections status", heals.Done)
	}
	return part
}

// servedWrong names the first campaign that is served wrong, and what to do.
func servedWrong(heals readmodel.Heals) error {
	heal := heals.FirstWrong
	what := fmt.Sprintf("campaign %q is served wrong: %s", heal.Campaign, heal.Why)
	if n := heals.Wrong - 1; n > 0 {
		what += fmt.Sprintf(" (and %d more)", n)
	}
	if heal.State != readmodel.Failed {
		return fmt.Errorf("%s; operation %d folds it anew", what, heal.ID)
	}
	return fmt.Errorf("%s; operation %d has failed: %s; jangbu projections reset --all --campaign %q", what, heal.ID, heal.Error, heal.Campaign)
}

// Describe implements [prometheus.Collector]. It names no metrics: some are there only once a round has begun.
func (a *auditing) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (a *auditing) Collect(ch chan<- prometheus.Metric) {
	a.campaigns.Collect(ch)
	gauge := func(name, help string, value float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value)
	}
	if began := a.began.Load(); began > 0 {
		gauge("jangbu_audit_round_start_time_seconds", "When this process began its last round of all campaigns.", float64(began)/1e9)
		gauge("jangbu_audit_round_campaigns", "Campaigns that this round has looked at.", float64(a.looked.Load()))
	}
}
