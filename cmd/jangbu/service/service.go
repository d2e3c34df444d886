package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/health"
	"jangbu/cmd/jangbu/stores"
	"jangbu/cmd/jangbu/tracing"
	"jangbu/events"
	"jangbu/events/bus"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
	"jangbu/events/privacy"
	"jangbu/events/tail"
	"jangbu/httpapi"
	"jangbu/httpapi/accesslog"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// Partitions is how many partitions a topic gets that is created, embedded or not.
const Partitions = 12

// maxSkew is how far the clock of a database may be from that of the process: leases, and what is
// said to be current, rest on both.
const maxSkew = 5 * time.Second

// shutdownGrace is for requests in flight.
const shutdownGrace = 5 * time.Second

// Service is the program as a value: its parts, started and wired. Start sets all fields
// before it returns and nothing sets them later, but for kept and for closers, which Close
// empties.
type Service struct {
	cfg    Config
	owner  string // names this process in leases
	logger *slog.Logger

	brokers  kafka.Config     // how they are reached
	embedded *embedded.Broker // nil if the brokers are configured
	log      *health.Log
	tail     *tail.Log // above log; what this process appends and folds
	rows     readmodel.Store
	router   *bus.Router    // nil without topics to read or to write
	polling  *polling       // nil without the role, or without a channel API
	runner   *runner.Runner // nil without the role
	auditing *auditing      // nil without the role
	cache    *cache.Cache   // nil without both of the roles project and api
	api      *server        // nil without the role
	admin    *server
	tracing  *tracing.Tracer // nil without an endpoint for traces
	requests health.Requests
	messages *health.Messages
	accesses *accesslog.Log        // nil where it is off
	kept     atomic.Int64          // responses that were sent again as they were
	started  bool                  // Start has returned it
	leaving  chan struct{}         // closed by Close: /readyz turns
	draining chan struct{}         // closed by Close after the drain: streams end
	httpAddr string                // bound address; empty without the role
	redis    redis.UniversalClient // nil without both of the roles project and api
	adminURL string

	awaited   atomic.Pointer[httpapi.Part] // what Start waits for
	operators atomic.Pointer[http.Handler] // of admin

	lines   []PartLine // one for each part
	group   *errgroup.Group
	failed  <-chan struct{} // closed when a part of the group fails
	stop    context.CancelFunc
	stopped <-chan struct{} // closed by stop
	closers []func() error  // in the order in which the parts were opened
}

// Start starts every part that the configuration asks for and returns once all are ready. It
// waits for databases and brokers that are away, until ctx ends, while /readyz names them. After an error nothing is left running.
func Start(ctx context.Context, cfg Config, logger *slog.Logger) (_ *Service, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.Connections, cfg.Durable, cfg.MaxSkew = cfg.DatabaseConnections, !cfg.InsecureDatabase, maxSkew
	cfg.ReadOnly = !cfg.does(roleIngest) && !cfg.does(roleProject) && !cfg.does(rolePoll)
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := running.Done()
	group, running := errgroup.WithContext(running)
	host, _ := os.Hostname() // for people; the process id makes it unique
	s := &Service{
		cfg: cfg, owner: fmt.Sprintf("%s/%d/%d", host, os.Getpid(), time.Now().UnixNano()),
		logger: logger, group: group, failed: running.Done(), stop: stop, stopped: stopped,
		requests: health.NewRequests(), messages: health.NewMessages(), leaving: make(chan struct{}), draining: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			_ = s.Close() // err is the cause
		}
	}()
	group.Go(func() error { boundHeap(running); return nil })
	if s.tracing, err = cfg.StartTracing(ctx); err != nil {
		return nil, err
	}
	if s.tracing != nil {
		s.onClose(s.tracing.Close)
		s.line("traces", cfg.OTLPEndpoint, "")
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	if err := s.listenAdmin(ctx); err != nil {
		return nil, fmt.Errorf("start admin listener: %w", err)
	}
	var master privacy.MasterKey
	if cfg.does(roleIngest) { // first, because a database may take long to be reached
		if master, err = cfg.MasterKey(&cfg.Config); err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
	}
	cacheKey, err := cfg.cacheKey()
	if err != nil {
		return nil, err
	}
	if err := s.await(ctx, "log", s.openLog); err != nil {
		return nil, err
	}
	if err := s.await(ctx, "rows", s.openRows); err != nil {
		return nil, err
	}
	if cfg.does(roleIngest) || cfg.does(rolePoll) {
		if err := s.startRouter(ctx, running, master); err != nil {
			return nil, err
		}
	}
	// A process that has no API announces what it commits to others, by the Redis that they share.
	if cfg.does(roleAPI) || cfg.does(roleProject) && cfg.RedisURL != "" {
		if err := s.startCache(ctx, cacheKey); err != nil {
			return nil, err
		}
	}
	if cfg.does(roleProject) {
		if err := s.startRunner(running); err != nil {
			return nil, err
		}
	}
	if cfg.does(roleAPI) {
		if err := s.startAPI(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.startAdmin(running); err != nil {
		return nil, err
	}
	s.started = true
	return s, nil
}

func (s *Service) onClose(f func() error) { s.closers = append(s.closers, f) }

// line notes where a part is, and its kind.
func (s *Service) line(part, at, kind string) { s.lines = append(s.lines, PartLine{part, at, kind}) }

func (s *Service) openLog(ctx context.Context) error {
	log, closeLog, err := s.cfg.OpenLog(ctx, s.logger, s.tracing.Queries())
	if err != nil {
		return err
	}
	totals, err := log.Totals(ctx) // a damaged log is not served at all
	if err == nil {
		err = totals.Whole()
	}
	if err != nil {
		err = errors.Join(err, closeLog())
	}
	if errors.Is(err, events.ErrCorrupt) || errors.Is(err, events.ErrGap) {
		return fmt.Errorf("%w: %s", err, stores.MendLog)
	}
	if err != nil {
		return err
	}
	s.log = health.MeasureLog(log)
	s.tail = tail.New(s.log, tail.DefaultBytes)
	s.onClose(closeLog)
	at, kind := s.cfg.LogPlace().Shown()
	s.line("log", at, kind)
	if !s.cfg.ReadOnly {
		s.concealSubjects(ctx)
	}
	return nil
}

func (s *Service) openRows(ctx context.Context) error {
	rows, closeRows, err := s.cfg.OpenRows(ctx, s.logger, s.tracing.Queries())
	if err != nil {
		return err
	}
	s.rows = rows
	s.onClose(closeRows)
	at, kind := s.cfg.RowsPlace().Shown()
	s.line("rows", at, kind)
	return nil
}

// Wait returns nil when ctx ends, or the error of the first part that fails. By then all
// parts have been stopped.
func (s *Service) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.failed:
	}
	failed := s.Close()
	err := s.group.Wait()
	if errors.Is(err, events.ErrCorrupt) || errors.Is(err, events.ErrGap) { // met while it ran
		err = fmt.Errorf("%w: %s", err, stores.MendLog)
	}
	return errors.Join(err, failed)
}

// Close stops the parts against the flow of events: first what takes requests, after a drain,
// then the work under way, then what it needs. Requests get a grace of 5 s.
func (s *Service) Close() error {
	var all []error
	s.drain()
	close(s.draining)
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	for _, server := range []*server{s.api, s.admin} {
		if server != nil {
			all = append(all, s.shut(grace, server))
		}
	}
	s.stop()
	_ = s.group.Wait() // Wait reports its error
	for _, closer := range slices.Backward(s.closers) {
		all = append(all, closer())
	}
	s.closers = nil
	return errors.Join(all...)
}

// Stop stops the service and returns what Wait returns.
func (s *Service) Stop() error {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return s.Wait(ended)
}

// PartLine is where a part of the service is, and its kind.
type PartLine struct {
	Part string `json:"part"`
	At   string `json:"at"`
	Kind string `json:"kind,omitempty"`
}

// String is the line for people.
func (l PartLine) String() string {
	line := fmt.Sprintf("%-9s %s", l.Part, l.At)
	if l.Kind != "" {
		line += "  " + l.Kind
	}
	return line
}

// Print prints where each part of the service is.
func (s *Service) Print(t cli.Terminal, asJSON bool) {
	for _, line := range s.lines {
		t.Print(asJSON, line)
	}
}

// HTTPAddr returns the address of the read API; empty without the role.
func (s *Service) HTTPAddr() string { return s.httpAddr }

// Kafka returns how the brokers of the service are reached.
func (s *Service) Kafka() kafka.Config {
	at := s.brokers
	at.Group, at.Instance, at.Log, at.Logger = s.cfg.KafkaGroup, s.cfg.Instance, s.log, s.logger
	return at
}

// Go runs work as one more part: an error ends the service, and Close waits for it.
func (s *Service) Go(work func() error) { s.group.Go(work) }

// Totals returns what the log has received.
func (s *Service) Totals(ctx context.Context) (events.Totals, error) { return s.log.Totals(ctx) }

// Appended waits until the log has an event after a position, and returns its head.
func (s *Service) Appended(ctx context.Context, after events.Position) (events.Position, error) {
	return s.log.Wait(ctx, after)
}

// Lag returns how many events up to the head of the log the projection that is farthest
// behind has yet to fold; false until the runner has read the checkpoints.
func (s *Service) Lag(head events.Position) (events.Position, bool) {
	low, checkpoints := head, s.runner.Status().Checkpoints
	for _, at := range checkpoints {
		low = min(low, at.Position)
	}
	return head - low, len(checkpoints) > 0
}

// Polled returns the state of each channel API that is polled.
func (s *Service) Polled() []channels.Status {
	var all []channels.Status
	for _, p := range s.polling.pollers {
		all = append(all, p.Status())
	}
	return all
}

// CacheReads returns how often dashboards were asked for, and how many of these requests
// were answered without a read of the rows.
func (s *Service) CacheReads() (all, hits int64) {
	stats := s.cache.Stats()
	hits = s.kept.Load() + stats.Hits + stats.SharedHits
	return hits + stats.Misses, hits
}
