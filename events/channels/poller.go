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
	DefaultInFlight       = 32
	DefaultRate           = 1000
)

// Config says what to poll, and how hard.
type Config struct {
	Source    Source
	Directory *Directory
	Schedule  Schedule

	// AttemptTimeout bounds one call. 0: DefaultAttemptTimeout.
	AttemptTimeout time.Duration
	// OpenFor is how long an open breaker lets nothing pass. 0: DefaultOpenFor.
	OpenFor time.Duration
	// InFlight bounds the polls at once. 0: DefaultInFlight.
	InFlight int
	// Rate bounds the calls a second. 0: DefaultRate.
	Rate float64

	// OnPoll is told of every poll that has ended, and OnBreaker of every change
	// of the breaker, with the last failure of a call; neither may take long. Nil:
	// nobody is told.
	OnPoll    func(Poll)
	OnBreaker func(from, to State, last error)
}

// Poll is one campaign's turn at one API.
type Poll struct {
	Source   string
	Campaign events.Campaign
	Outcome  Outcome
	Err      error // nil where the API answered
	Attempts int
	Took     time.Duration
	// Shrunk are the channels of which a cumulative figure is less than it was.
	// It is reported all the same: the channel says so.
	Shrunk []events.Channel
}

// Status is what a poller is doing.
type Status struct {
	Source  string
	Breaker State
	// PausedUntil is when the API wants to be asked again; zero: any time.
	PausedUntil time.Time
	// Targets are what this API was last found to be asked for.
	Targets []Target
}

// Publish publishes reports; it returns once they cannot be lost any more.
type Publish func(ctx context.Context, reports []*events.ChannelStatsFetched) error

// Poller asks one API for all campaigns in their turn. It is safe for
// concurrent use, but one round at a time is what makes sense.
type Poller struct {
	cfg     Config
	breaker *breaker
	limiter *rate.Limiter

	mu sync.Mutex
	// asked is when each campaign was last asked for by this process.
	asked map[events.Campaign]time.Time
	// learned are reports that could not be published.
	learned     []*events.ChannelStatsFetched
	pausedUntil time.Time
	targets     []Target
	failure     error // of the last call that failed
}

// NewPoller checks the configuration and returns a poller.
func NewPoller(cfg Config) (*Poller, error) {
	if cfg.Source == nil || cfg.Directory == nil {
		return nil, errors.New("new poller: source and directory are required")
	}
	if err := cfg.Schedule.Validate(); err != nil {
		return nil, fmt.Errorf("new poller: schedule: %w", err)
	}
	if cfg.AttemptTimeout < 0 || cfg.OpenFor < 0 || cfg.InFlight < 0 || cfg.Rate < 0 {
		return nil, errors.New("new poller: a bound is negative")
	}
	cfg.Schedule = cfg.Schedule.withDefaults()
	cfg.AttemptTimeout = cmp.Or(cfg.AttemptTimeout, DefaultAttemptTimeout)
	cfg.OpenFor = cmp.Or(cfg.OpenFor, DefaultOpenFor)
	cfg.InFlight = cmp.Or(cfg.InFlight, DefaultInFlight)
	cfg.Rate = cmp.Or(cfg.Rate, DefaultRate)
	if cfg.OnPoll == nil {
		cfg.OnPoll = func(Poll) {}
	}
	if cfg.OnBreaker == nil {
		cfg.OnBreaker = func(State, State, error) {}
	}
	p := &Poller{
		cfg:     cfg,
		limiter: rate.NewLimiter(rate.Limit(cfg.Rate), cfg.InFlight),
		asked:   make(map[events.Campaign]time.Time),
	}
	p.breaker = newBreaker(cfg.Source.Name(), cfg.OpenFor, func(from, to State) { cfg.OnBreaker(from, to, p.lastFailure()) })
	return p, nil
}

// Name is that of the source.
func (p *Poller) Name() string { return p.cfg.Source.Name() }

// Channels are those of the source.
func (p *Poller) Channels() []events.Channel { return p.cfg.Source.Channels() }

// Status returns what the poller is doing.
func (p *Poller) Status() Status {
	state := stateOf(p.breaker.State()) // its lock is never taken within ours: it calls back
	p.mu.Lock()
	defer p.mu.Unlock()
	return Status{Source: p.Name(), Breaker: state, PausedUntil: p.pausedUntil, Targets: p.targets}
}

// Round asks for every campaign that is due, at most InFlight at once, and
// publishes what it learns as it learns it. It returns when all of them have
// been asked for, or when there is no point in asking more of them now: the
// breaker is open, or the API wants to be left alone. What it could not publish
// it keeps, and publishes that first the next time, before it asks anybody.
func (p *Poller) Round(ctx context.Context, publish Publish) error {
	if err := p.publishKept(ctx, publish); err != nil {
		return err
	}
	targets, err := p.cfg.Directory.Targets(ctx)
	if err != nil {
		return err
	}
	polls, running := errgroup.WithContext(ctx)
	slots := make(chan struct{}, p.cfg.InFlight)
	for _, due := range p.due(targets, time.Now()) {
		select { // before looking at the breaker: it may open meanwhile
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
			<-polled // what comes of this one decides about the others
		}
	}
	return polls.Wait()
}

// publishKept publishes what an earlier round could not.
func (p *Poller) publishKept(ctx context.Context, publish Publish) error {
	p.mu.Lock()
	kept := p.learned
	p.learned = nil
	p.mu.Unlock()
	return p.publish(ctx, kept, publish)
}

func (p *Poller) publish(ctx context.Context, reports []*events.ChannelStatsFetched, publish Publish) error {
	if len(reports) == 0 {
		return nil
	}
	if err := publish(ctx, reports); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.learned = append(p.learned, reports...)
		return fmt.Errorf("publish figures: %w", err)
	}
	return nil
}

// turn is a campaign whose turn it is.
type turn struct {
	campaign events.Campaign
	targets  []Target // of this API; at least one
	interval time.Duration
	at       time.Time // since when it is due
}

// due returns whose turn it is, those first that have waited longest.
func (p *Poller) due(targets []Target, now time.Time) []turn {
	channels := p.cfg.Source.Channels()
	var mine []Target
	var turns []turn
	for _, t := range targets {
		if !slices.Contains(channels, t.Channel) {
			continue
		}
		mine = append(mine, t)
		interval := p.cfg.Schedule.Interval(now.Sub(t.DistributedAt))
		last := len(turns) - 1
		if last < 0 || turns[last].campaign != t.Campaign {
			turns = append(turns, turn{campaign: t.Campaign, interval: interval})
			last++
		}
		turns[last].targets = append(turns[last].targets, t)
		turns[last].interval = min(turns[last].interval, interval)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = mine
	asked := make(map[events.Campaign]time.Time, len(turns))
	ready := turns[:0]
	for _, t := range turns {
		last, ok := p.asked[t.campaign]
		if ok {
			asked[t.campaign] = last
		} else {
			last = t.lastFetched(now)
		}
		if t.at = last.Add(t.interval); !t.at.After(now) {
			ready = append(ready, t)
		}
	}
	p.asked = asked // without those that are no longer there
	slices.SortStableFunc(ready, func(a, b turn) int { return a.at.Compare(b.at) })
	return ready
}

// lastFetched is when another process, or this one before it was started again,
// last learned of every channel; zero where it never did. A time to come is
// somebody's wrong clock.
func (t turn) lastFetched(now time.Time) time.Time {
	last := t.targets[0].Known.FetchedAt
	for _, target := range t.targets[1:] {
		if target.Known.FetchedAt.Before(last) {
			last = target.Known.FetchedAt
		}
	}
	if last.After(now) {
		return now
	}
	return last
}

// poll asks for one campaign and publishes what is new. An API that fails is no
// error: OnPoll is told.
func (p *Poller) poll(ctx context.Context, t turn, publish Publish) error {
	start := time.Now()
	p.mark(t.campaign, start)
	reports, attempts, failure := p.ask(ctx, t.campaign)
	givenUp := failure != nil && ctx.Err() != nil
	if givenUp || failure != nil && attempts == 0 {
		p.unmark(t.campaign, start) // it has not had its turn
	}
	if givenUp {
		return nil // who ended the context knows why
	}
	done := Poll{Source: p.Name(), Campaign: t.campaign, Outcome: outcomeOf(failure), Err: failure, Attempts: attempts}
	var err error
	if failure == nil {
		var news []*events.ChannelStatsFetched
		news, done.Shrunk = t.news(reports, p.cfg.Schedule)
		if len(news) == 0 {
			done.Outcome = OutcomeUnchanged
		}
		err = p.publish(ctx, news, publish)
	}
	done.Took = time.Since(start)
	p.cfg.OnPoll(done)
	return err
}

// mark notes when a campaign was asked for.
func (p *Poller) mark(c events.Campaign, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[c] = at
}

// unmark takes a mark back.
func (p *Poller) unmark(c events.Campaign, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked[c].Equal(at) {
		delete(p.asked, c)
	}
}

// news returns those reports that say something new about the campaign's
// channels. One that repeats what is known is published only so often that the
// figures do not become stale while the channel answers: every other time.
func (t turn) news(reports []*events.ChannelStatsFetched, s Schedule) (news []*events.ChannelStatsFetched, shrink []events.Channel) {
	for _, r := range reports {
		at := slices.IndexFunc(t.targets, func(target Target) bool { return target.Channel == r.Channel })
		if at < 0 {
			continue // the campaign was not distributed to this one
		}
		known := &t.targets[at].Known
		if shrunk(r, known) {
			shrink = append(shrink, r.Channel)
		}
		interval := s.Interval(r.FetchedAt.Sub(t.targets[at].DistributedAt))
		if same(r, known) && r.FetchedAt.Sub(known.FetchedAt) < interval*heartbeatHalves/2 {
			continue
		}
		news = append(news, r)
	}
	return news, shrink
}

// heartbeatHalves is the age, in halves of an interval, from which on figures
// are reported again that have not changed. Polls come an interval apart or
// somewhat more, so this is every second one, and the figures get no older than
// two intervals: they are called stale from three on.
const heartbeatHalves = 3
