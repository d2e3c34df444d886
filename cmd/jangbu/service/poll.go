package service

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/lease"
)

// pollerLease is the lease under which channels are polled.
const pollerLease = "poller"

// polling is the part of the service that polls the channel APIs.
type polling struct {
	keeper  *lease.Keeper
	pollers []*channels.Poller
	metrics pollMetrics
}

// startPolling returns the handlers that poll each configured channel API; nil without any.
func (s *Service) startPolling(running context.Context) (*bus.Poll, error) {
	apis := s.cfg.configured()
	if len(apis) == 0 {
		s.line("poll", "off: no channel API is configured", "")
		return nil, nil
	}
	p := &polling{metrics: newPollMetrics(), keeper: lease.New(lease.Config{
		Leases: s.rows, Name: pollerLease, Owner: s.owner, TTL: runner.DefaultLeaseTTL, Logger: s.logger,
	})}
	schedule := s.cfg.Schedule()
	directory := channels.NewDirectory(listTargets(s.rows), schedule)
	var names []string
	for _, api := range apis {
		at, err := api.endpoint(s.cfg.ChannelRoots)
		if err != nil {
			return nil, fmt.Errorf("poll %s: %w", api.URL, err)
		}
		source := api.source(at)
		s.onClose(func() error { source.Close(); return nil })
		name := source.Name()
		poller, err := channels.NewPoller(channels.Config{
			Source: source, Directory: directory, Schedule: schedule,
			OnPoll:    func(poll channels.Poll) { s.polled(running, poll) },
			OnBreaker: func(_, to channels.State, last error) { s.breakerChanged(running, name, to, last) },
		})
		if err != nil {
			return nil, err
		}
		p.metrics.prepare(source)
		p.pollers = append(p.pollers, poller)
		names = append(names, name+" "+at.String())
	}
	publisher, err := kafka.NewPublisher(s.Kafka())
	if err != nil {
		return nil, err
	}
	s.onClose(publisher.Close)
	ticks := bus.NewTicks(tickOf(schedule))
	s.onClose(ticks.Close)
	s.polling = p
	s.group.Go(func() error { p.keeper.Keep(running); return nil })
	s.line("poll", strings.Join(names, ", "), "")
	return &bus.Poll{
		Pollers: p.pollers, Ticks: ticks, Term: p.keeper.Term,
		Publisher: publisher, Topic: s.cfg.TopicChannelStatsFetched, KeyMetadata: kafka.KeyMetadata,
	}, nil
}

// tickOf returns how often the pollers look which campaigns are due: a tenth of the shortest
// interval, within 50 ms and 1 s.
func tickOf(s channels.Schedule) time.Duration {
	return min(max(s.Interval(0)/10, 50*time.Millisecond), time.Second)
}

// listTargets reads the targets from the rows.
func listTargets(rows readmodel.Store) channels.List {
	return func(ctx context.Context, endedBefore time.Time) ([]channels.Target, error) {
		distributed, err := rows.Distributed(ctx, endedBefore)
		if err != nil {
			return nil, err
		}
		targets := make([]channels.Target, len(distributed))
		for i := range distributed {
			d := &distributed[i]
			channel := events.Channel(d.Channel)
			targets[i] = channels.Target{
				Campaign: d.Campaign, Channel: channel, DistributedAt: d.DistributedAt,
				Known: events.ChannelStatsFetched{
					Campaign: d.Campaign, Channel: channel, FetchedAt: d.FetchedAt,
					Impressions: figure(d.Impressions), Views: figure(d.Views), Clicks: figure(d.Clicks),
					Likes: figure(d.Likes), Comments: figure(d.Comments), Shares: figure(d.Shares),
				},
			}
		}
		return targets, nil
	}
}

// figure returns a figure's value; nil if it is unknown (I8).
func figure(f readmodel.Figure) *int64 {
	if !f.Known() {
		return nil
	}
	return &f.Value
}

// polled counts a poll that has ended. A poll that failed is logged at level debug only,
// because breakerChanged logs an outage once.
func (s *Service) polled(ctx context.Context, poll channels.Poll) {
	s.polling.metrics.note(poll)
	if poll.Err != nil {
		s.logger.DebugContext(ctx, "poll: failed", slog.String("api", poll.Source), slog.String("campaign", string(poll.Campaign)),
			slog.String("outcome", string(poll.Result)), slog.Int("attempts", poll.Attempts), slog.Any("error", poll.Err))
	}
	for _, channel := range poll.Shrunk {
		s.logger.WarnContext(ctx, "poll: a cumulative figure is lower than before",
			slog.String("channel", string(channel)), slog.String("campaign", string(poll.Campaign)))
	}
}

// breakerChanged logs each change of a breaker: an outage, each probe, its end.
func (s *Service) breakerChanged(ctx context.Context, api string, to channels.State, last error) {
	if to == channels.Open {
		s.logger.WarnContext(ctx, "poll: breaker is open", slog.String("api", api), slog.Any("error", last))
		return
	}
	s.logger.InfoContext(ctx, "poll: breaker is "+string(to), slog.String("api", api))
}

// pollMetrics are the metrics of polls.
type pollMetrics struct {
	polls, attempts, shrunk *prometheus.CounterVec
	seconds                 *prometheus.HistogramVec
}

func newPollMetrics() pollMetrics {
	return pollMetrics{
		polls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_channel_polls_total", Help: "Polls of a channel API for one campaign, by outcome.",
		}, []string{"api", "outcome"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_channel_attempts_total", Help: "Calls to a channel API, retries included.",
		}, []string{"api"}),
		shrunk: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jangbu_channel_figures_shrunk_total", Help: "Reports in which a cumulative figure was lower than before.",
		}, []string{"channel"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "jangbu_channel_poll_seconds", Help: "Duration of a poll, retries and publishing included.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"api"}),
	}
}

// prepare makes every series of a source begin at 0.
func (m pollMetrics) prepare(source channels.Source) {
	for _, outcome := range channels.Results() {
		m.polls.WithLabelValues(source.Name(), string(outcome))
	}
	m.attempts.WithLabelValues(source.Name())
	m.seconds.WithLabelValues(source.Name())
	for _, channel := range source.Channels() {
		m.shrunk.WithLabelValues(string(channel))
	}
}

func (m pollMetrics) note(poll channels.Poll) {
	m.polls.WithLabelValues(poll.Source, string(poll.Result)).Inc()
	m.attempts.WithLabelValues(poll.Source).Add(float64(poll.Attempts))
	m.seconds.WithLabelValues(poll.Source).Observe(poll.Took.Seconds())
	for _, channel := range poll.Shrunk {
		m.shrunk.WithLabelValues(string(channel)).Inc()
	}
}

// Describe implements [prometheus.Collector].
func (p *polling) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, ch) }

// Collect implements [prometheus.Collector].
func (p *polling) Collect(ch chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{p.metrics.polls, p.metrics.attempts, p.metrics.shrunk, p.metrics.seconds} {
		c.Collect(ch)
	}
	gauge := func(name, help string, value float64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue, value)
	}
	leading := p.keeper.Held()
	gauge("jangbu_polling_leading", "1 in the process that polls, 0 in the others.", number(leading), nil)
	for _, poller := range p.pollers {
		status := poller.Status()
		for _, state := range []channels.State{channels.Closed, channels.HalfOpen, channels.Open} {
			gauge("jangbu_channel_breaker_state", "1 for the state that the breaker of a channel API is in.",
				number(status.Breaker == state), prometheus.Labels{"api": status.Source, "state": string(state)})
		}
		if !leading {
			continue // only the process that polls knows the figures
		}
		for _, channel := range poller.Channels() {
			labels := prometheus.Labels{"channel": string(channel)}
			targets, missing, oldest := 0, 0, time.Duration(0)
			for _, t := range status.Targets {
				if t.Channel != channel {
					continue
				}
				targets++
				if t.Known.FetchedAt.IsZero() {
					missing++
				} else {
					oldest = max(oldest, time.Since(t.Known.FetchedAt))
				}
			}
			gauge("jangbu_channel_targets", "Campaigns that are polled for the channel.", float64(targets), labels)
			gauge("jangbu_channel_targets_never_fetched", "Campaigns that are polled for the channel and for which it has never reported a figure.", float64(missing), labels)
			gauge("jangbu_channel_figures_age_seconds", "Age of the oldest figures of the campaigns that are polled for the channel.", oldest.Seconds(), labels)
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
