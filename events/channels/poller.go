package channels

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"jangbu/events"
)

// Defaults of a [Config].
const (
	DefaultAttemptTimeout = 10 * time.Second
	DefaultOpenFor        = 30 * time.Second
	DefaultConcurrency    = 32
	DefaultRate           = 1000
)

// Config configures a [Poller].
type Config struct {
	Source    Source
	Directory *Directory
	Schedule  Schedule

	// AttemptTimeout bounds one call. 0 means DefaultAttemptTimeout.
	AttemptTimeout time.Duration
	// OpenFor is how long an open breaker stops every call. 0 means DefaultOpenFor.
	OpenFor time.Duration
	// Concurrency bounds the polls at once. 0 means DefaultConcurrency.
	Concurrency int
	// Rate bounds the calls a second. 0 means DefaultRate.
	Rate float64

	// OnPoll, if not nil, is called after every poll, and OnBreaker at every change
	// of the breaker, with the error of the last failed call. Both must return soon.
	OnPoll    func(Poll)
	OnBreaker func(from, to State, last error)
}

// Poll is a finished poll of one API for one campaign.
type Poll struct {
	Source   string
	Campaign events.Campaign
	Result   Result
	Err      error // nil where the API answered
	Attempts int
	Took     time.Duration
	// Shrunk are the channels of which a cumulative figure is lower than before. The
	// lower figure is published.
	Shrunk []events.Channel
}

// Status is the state of a poller.
type Status struct {
	Source  string
	Breaker State
	// PausedUntil is the time before which the API asked not to be called; zero means
	// any time.
	PausedUntil time.Time
	// Targets are the API's targets as of the last round.
	Targets []Target
}

// Publish publishes reports. It returns nil once they are durable.
type Publish func(ctx context.Context, reports []*events.ChannelStatsFetched) error

// Poller polls one API for all campaigns that are due. It is safe for concurrent use;
// rounds are meant to run one at a time.
type Poller struct {
	cfg     Config
	breaker *breaker
	limiter *rate.Limiter

	// mu guards what follows.
	mu sync.Mutex
	// polled is when this process last polled each campaign.
	polled map[events.Campaign]time.Time
	// unpublished are the reports that could not be published.
	unpublished []*events.ChannelStatsFetched
	pausedUntil time.Time
	targets     []Target
	failure     error // of the last failed call
}

// NewPoller checks the configuration and returns a poller.
func NewPoller(cfg Config) (*Poller, error) {
	if cfg.Source == nil || cfg.Directory == nil {
		return nil, errors.New("new poller: source and directory are required")
	}
	if err := cfg.Schedule.Validate(); err != nil {
		return nil, fmt.Errorf("new poller: schedule: %w", err)
	}
	if cfg.AttemptTimeout < 0 || cfg.OpenFor < 0 || cfg.Concurrency < 0 || cfg.Rate < 0 {
		return nil, errors.New("new poller: a bound is negative")
	}
	cfg.Schedule = cfg.Schedule.withDefaults()
	cfg.AttemptTimeout = cmp.Or(cfg.AttemptTimeout, DefaultAttemptTimeout)
	cfg.OpenFor = cmp.Or(cfg.OpenFor, DefaultOpenFor)
	cfg.Concurrency = cmp.Or(cfg.Concurrency, DefaultConcurrency)
	cfg.Rate = cmp.Or(cfg.Rate, DefaultRate)
	if cfg.OnPoll == nil {
		cfg.OnPoll = func(Poll) {}
	}
	if cfg.OnBreaker == nil {
		cfg.OnBreaker = func(State, State, error) {}
	}
	p := &Poller{
		cfg:     cfg,
		limiter: rate.NewLimiter(rate.Limit(cfg.Rate), cfg.Concurrency),
		polled:  make(map[events.Campaign]time.Time),
	}
	p.breaker = newBreaker(cfg.Source.Name(), cfg.OpenFor, func(from, to State) { cfg.OnBreaker(from, to, p.lastFailure()) })
	return p, nil
}

// Name returns the name of the source.
func (p *Poller) Name() string { return p.cfg.Source.Name() }

// Channels returns the channels of the source.
func (p *Poller) Channels() []events.Channel { return p.cfg.Source.Channels() }

// Status returns the poller's state.
func (p *Poller) Status() Status {
	state := stateOf(p.breaker.State()) // before p.mu: the breaker calls back under its own lock
	p.mu.Lock()
	defer p.mu.Unlock()
	return Status{Source: p.Name(), Breaker: state, PausedUntil: p.pausedUntil, Targets: p.targets}
}

// Round polls every campaign that is due, at most Concurrency at once, and publishes the
// news of each poll. It first publishes the reports that an earlier round could not. It
// returns after all polls, or early where the breaker is open or the API asked to be left
// alone.
func (p *Poller) Round(ctx context.Context, publish Publish) error {
	if err := p.publishRest(ctx, publish); err != nil {
		return err
	}
	targets, err := p.cfg.Directory.Targets(ctx)
	if err != nil {
		return err
	}
	polls, running := errgroup.WithContext(ctx)
	slots := make(chan struct{}, p.cfg.Concurrency)
	for _, due := range p.due(targets, time.Now()) {
		select { // before the breaker is read: it may open during the wait
		case slots <- struct{}{}:
		case <-running.Done():
		}
		state := stateOf(p.breaker.State())
		if state == Open || p.pause() > 0 || running.Err() != nil {
			break
		}
		polled := make(chan struct{})
		polls.Go(func() error {
			defer func() { <-slots; close(polled) }()
			return p.poll(running, due, publish)
		})
		if state == HalfOpen {
			<-polled // this poll closes or reopens the breaker
		}
	}
	return polls.Wait()
}

// publishRest publishes the reports that an earlier round could not.
func (p *Poller) publishRest(ctx context.Context, publish Publish) error {
	p.mu.Lock()
	rest := p.unpublished
	p.unpublished = nil
	p.mu.Unlock()
	return p.publish(ctx, rest, publish)
}

func (p *Poller) publish(ctx context.Context, reports []*events.ChannelStatsFetched, publish Publish) error {
	if len(reports) == 0 {
		return nil
	}
	if err := publish(ctx, reports); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.unpublished = append(p.unpublished, reports...)
		return fmt.Errorf("publish figures: %w", err)
	}
	return nil
}

// duePoll is a poll that is due.
type duePoll struct {
	campaign events.Campaign
	targets  []Target // of this API; at least one
	interval time.Duration
	at       time.Time // when it became due
}

// due returns the polls that are due, the longest overdue first.
func (p *Poller) due(targets []Target, now time.Time) []duePoll {
	channels := p.cfg.Source.Channels()
	var mine []Target
	var all []duePoll
	for _, t := range targets {
		if !slices.Contains(channels, t.Channel) {
			continue
		}
		mine = append(mine, t)
		interval := p.cfg.Schedule.Interval(now.Sub(t.DistributedAt))
		last := len(all) - 1
		if last < 0 || all[last].campaign != t.Campaign {
			all = append(all, duePoll{campaign: t.Campaign, interval: interval})
			last++
		}
		all[last].targets = append(all[last].targets, t)
		all[last].interval = min(all[last].interval, interval)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = mine
	polled := make(map[events.Campaign]time.Time, len(all))
	ready := all[:0]
	for _, d := range all {
		last, ok := p.polled[d.campaign]
		if ok {
			polled[d.campaign] = last
		} else {
			last = d.lastFetched(now)
		}
		if d.at = last.Add(d.interval); !d.at.After(now) {
			ready = append(ready, d)
		}
	}
	p.polled = polled // without the campaigns that are no longer targets
	slices.SortStableFunc(ready, func(a, b duePoll) int { return a.at.Compare(b.at) })
	return ready
}

// lastFetched returns when any process last fetched the figures of every channel; zero
// where one was never fetched. A time after now comes from a wrong clock and counts as
// now.
func (d duePoll) lastFetched(now time.Time) time.Time {
	last := d.targets[0].Known.FetchedAt
	for _, target := range d.targets[1:] {
		if target.Known.FetchedAt.Before(last) {
			last = target.Known.FetchedAt
		}
	}
	if last.After(now) {
		return now
	}
	return last
}

// poll polls for one campaign and publishes the news. It returns the error of publishing
// only; OnPoll gets that of the API.
func (p *Poller) poll(ctx context.Context, d duePoll, publish Publish) error {
	start := time.Now()
	p.mark(d.campaign, start)
	reports, attempts, failure := p.ask(ctx, d.campaign)
	cancelled := failure != nil && ctx.Err() != nil
	if cancelled || failure != nil && attempts == 0 {
		p.unmark(d.campaign, start) // it stays due
	}
	if cancelled {
		return nil
	}
	done := Poll{Source: p.Name(), Campaign: d.campaign, Result: resultOf(failure), Err: failure, Attempts: attempts}
	var err error
	if failure == nil {
		var news []*events.ChannelStatsFetched
		news, done.Shrunk = d.news(reports, p.cfg.Schedule)
		if len(news) == 0 {
			done.Result = ResultUnchanged
		}
		err = p.publish(ctx, news, publish)
	}
	done.Took = time.Since(start)
	p.cfg.OnPoll(done)
	return err
}

// mark notes when a campaign was polled.
func (p *Poller) mark(c events.Campaign, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polled[c] = at
}

// unmark undoes mark.
func (p *Poller) unmark(c events.Campaign, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.polled[c].Equal(at) {
		delete(p.polled, c)
	}
}

// news returns the reports to publish: those that differ from the known figures, and those
// that repeat them after heartbeatHalves. It also returns the channels with a figure that
// is lower than before.
func (d duePoll) news(reports []*events.ChannelStatsFetched, s Schedule) (news []*events.ChannelStatsFetched, shrink []events.Channel) {
	for _, r := range reports {
		at := slices.IndexFunc(d.targets, func(target Target) bool { return target.Channel == r.Channel })
		if at < 0 {
			continue // the campaign was not distributed to this channel
		}
		known := &d.targets[at].Known
		if shrunk(r, known) {
			shrink = append(shrink, r.Channel)
		}
		interval := s.Interval(r.FetchedAt.Sub(d.targets[at].DistributedAt))
		if same(r, known) && r.FetchedAt.Sub(known.FetchedAt) < interval*heartbeatHalves/2 {
			continue
		}
		news = append(news, r)
	}
	return news, shrink
}

// heartbeatHalves is the age, in halves of an interval, from which unchanged figures are
// published again. Polls are an interval apart or slightly more, so every second one
// publishes, and the figures get no older than two intervals. They count as stale from
// three on.
const heartbeatHalves = 3
