package health

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/events/channels"
)

// Polls are the metrics of the polls of channel APIs.
type Polls struct {
	polls, attempts, shrunk *prometheus.CounterVec
	seconds                 *prometheus.HistogramVec
	leading                 func() bool
	pollers                 []*channels.Poller
}

// NewPolls returns metrics of polls that are made while leading returns true.
func NewPolls(leading func() bool) *Polls {
	return &Polls{
		leading: leading,
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

// Add adds a poller, before the first scrape. Every series of it begins at 0.
func (p *Polls) Add(poller *channels.Poller) {
	p.pollers = append(p.pollers, poller)
	for _, outcome := range channels.Results() {
		p.polls.WithLabelValues(poller.Name(), string(outcome))
	}
	p.attempts.WithLabelValues(poller.Name())
	p.seconds.WithLabelValues(poller.Name())
	for _, channel := range poller.Channels() {
		p.shrunk.WithLabelValues(string(channel))
	}
}

// Note counts a poll that has ended.
func (p *Polls) Note(poll channels.Poll) {
	p.polls.WithLabelValues(poll.Source, string(poll.Result)).Inc()
	p.attempts.WithLabelValues(poll.Source).Add(float64(poll.Attempts))
	p.seconds.WithLabelValues(poll.Source).Observe(poll.Took.Seconds())
	for _, channel := range poll.Shrunk {
		p.shrunk.WithLabelValues(string(channel)).Inc()
	}
}

// Describe implements [prometheus.Collector].
func (p *Polls) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, ch) }

// Collect implements [prometheus.Collector].
func (p *Polls) Collect(ch chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{p.polls, p.attempts, p.shrunk, p.seconds} {
		c.Collect(ch)
	}
	gauge := func(name, help string, value float64, labels prometheus.Labels) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue, value)
	}
	leading := p.leading()
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
