package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"jangbu/events/bus"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/commit"
	"jangbu/events/privacy"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
	"jangbu/readmodel/cache"
)

// Partitions is how many partitions a topic gets that is created, embedded or not.
const Partitions = 12

const (
	shutdownGrace = 5 * time.Second // for requests in flight
	startTimeout  = time.Minute     // for brokers and databases that are still starting
)

// Service is the program as a value: its parts, started and wired.
type Service struct {
	cfg    Config
	owner  string // names this process in leases
	logger *slog.Logger

	brokers   []string
	embedded  *embedded.Broker // nil: the brokers are somebody else's
	log       *measuredLog
	rows      readmodel.Store
	router    *bus.Router    // nil without something to carry
	polling   *polling       // nil without the role, or anybody to poll
	runner    *runner.Runner // nil without the role
	auditing  *auditing      // nil without the role
	cache     *cache.Cache   // nil with neither of the roles that need it
	api       *http.Server   // nil without the role
	admin     *http.Server
	tracing   *tracing // nil: nobody wants traces
	requests  requestMetrics
	kept      atomic.Int64  // answers that were given again as they were
	draining  chan struct{} // closed when streams are to end
	httpAddr  string        // bound, as are the others; "" without the role
	redisAddr string        // of the cache, embedded or not
	adminURL  string

	lines   []PartLine // one per part
	group   *errgroup.Group
	failed  <-chan struct{} // closed when a part of the group fails
	stop    context.CancelFunc
	stopped <-chan struct{} // closed by stop
	closers []func() error  // in the order of opening
}

// Start starts every part that the configuration asks for and returns
// once it is ready to work. On an error nothing is left running.
func Start(ctx context.Context, cfg Config, logger *slog.Logger) (_ *Service, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	stopped := running.Done()
	group, running := errgroup.WithContext(running)
	host, _ := os.Hostname() // a name for people; the process id tells apart
	s := &Service{
		cfg: cfg, owner: fmt.Sprintf("%s/%d/%d", host, os.Getpid(), time.Now().UnixNano()),
		logger: logger, group: group, failed: running.Done(), stop: stop, stopped: stopped,
		requests: newRequestMetrics(), draining: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			_ = s.Close() // the first error says more
		}
	}()
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if s.tracing, err = cfg.startTracing(ctx); err != nil {
		return nil, err
	}
	if s.tracing != nil {
		s.onClose(s.tracing.close)
		s.line("traces", cfg.OTLPEndpoint, "")
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	var master privacy.MasterKey
	if cfg.does(roleIngest) { // before a database is waited for in vain
		if master, err = cfg.MasterKey(&cfg.Config); err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
	}
	if err := s.openStores(starting); err != nil {
		return nil, err
	}
	if cfg.does(roleIngest) || cfg.does(rolePoll) {
		if err := s.startRouter(starting, running, master); err != nil {
			return nil, err
		}
	}
	if cfg.does(roleProject) || cfg.does(roleAPI) {
		if err := s.startCache(starting); err != nil {
			return nil, err
		}
	}
	if cfg.does(roleProject) {
		if err := s.startRunner(running); err != nil {
			return nil, err
		}
	}
	if err := s.startHTTP(starting); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Service) onClose(f func() error) { s.closers = append(s.closers, f) }

// line notes where a part is, and what kind it is of.
func (s *Service) line(part, at, kind string) { s.lines = append(s.lines, PartLine{part, at, kind}) }

func (s *Service) openStores(ctx context.Context) error {
	log, closeLog, err := s.cfg.OpenLog(ctx, s.tracing.queries())
	if err != nil {
		return err
	}
	s.log = measured(log)
	s.onClose(closeLog)
	at, kind := s.cfg.LogPlace().Shown()
	s.line("log", at, kind)

	rows, closeRows, err := s.cfg.OpenRows(ctx, s.tracing.queries())
	if err != nil {
		return err
	}
	s.rows = rows
	s.onClose(closeRows)
	at, kind = s.cfg.RowsPlace().Shown()
	s.line("rows", at, kind)
	return nil
}

func (s *Service) openPrivacy(ctx context.Context, master privacy.MasterKey) (*privacy.Keeper, error) {
	keys, closeKeys, err := s.cfg.OpenKeys(ctx)
	if err != nil {
		return nil, err
	}
	s.onClose(closeKeys)
	return privacy.Open(ctx, keys, master)
}

// startBroker finds the brokers, or starts one, and makes sure of the topics.
func (s *Service) startBroker(starting context.Context) (err error) {
	topics := s.cfg.TopicNames()
	if s.brokers = s.cfg.KafkaBrokers; len(s.brokers) == 0 {
		s.embedded, err = embedded.Start(starting, embedded.Config{
			Listen: s.cfg.KafkaListen, DataDir: filepath.Join(s.cfg.DataDir, "broker"),
			Partitions: Partitions, Topics: topics, Logger: s.logger,
		})
		if err != nil {
			return fmt.Errorf("start broker: %w", err)
		}
		s.onClose(func() error { s.embedded.Close(); return nil })
		s.brokers = []string{s.embedded.Addr()}
		s.line("broker", s.embedded.Addr(), "embedded (Kafka protocol)")
	} else {
		s.line("broker", strings.Join(s.brokers, ","), "Kafka")
	}
	if err := kafka.EnsureTopics(starting, s.Kafka(), Partitions, topics...); err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	return nil
}

// startRouter starts what carries messages: ingestion and polling.
func (s *Service) startRouter(starting, running context.Context, master privacy.MasterKey) (err error) {
	if err := s.startBroker(starting); err != nil {
		return err
	}
	cfg := bus.Config{Logger: s.logger, Middleware: s.tracing.messages()}
	if s.cfg.does(roleIngest) {
		if cfg.Ingest, err = s.ingest(starting, master); err != nil {
			return err
		}
	}
	if s.cfg.does(rolePoll) {
		if cfg.Poll, err = s.startPolling(running); err != nil {
			return err
		}
	}
	if cfg.Ingest == nil && cfg.Poll == nil {
		return nil
	}
	if s.router, err = bus.NewRouter(cfg); err != nil {
		return err
	}
	s.group.Go(func() error { return s.router.Run(running) })
	select {
	case <-s.router.Running():
		return nil
	case <-running.Done():
		return s.group.Wait()
	case <-starting.Done():
		return fmt.Errorf("subscribe to topics: %w", starting.Err())
	}
}

// ingest prepares the ingestion of every topic.
func (s *Service) ingest(ctx context.Context, master privacy.MasterKey) (*bus.Ingest, error) {
	keeper, err := s.openPrivacy(ctx, master)
	if err != nil {
		return nil, err
	}
	subscriber, err := kafka.NewSubscriber(s.Kafka())
	if err != nil {
		return nil, err
	}
	s.onClose(subscriber.Close)
	appender := commit.New(s.log, commit.Options{})
	s.onClose(func() error { appender.Close(); return nil })
	topics := s.cfg.Topics()
	s.line("ingest", fmt.Sprintf("group %s, topics %s", s.cfg.KafkaGroup, strings.Join(s.cfg.TopicNames(), " ")), "")
	return &bus.Ingest{Subscriber: subscriber, Topics: topics, Log: s.tracing.appends(appender), DeadLetters: s.log.DeadLetters(), Privacy: keeper}, nil
}

func (s *Service) startRunner(running context.Context) (err error) {
	s.runner, err = runner.New(runner.Config{
		Log: s.log, Rows: s.tracing.commits(s.rows), Projections: projections.All(),
		Owner: s.owner, Logger: s.logger, Committed: s.cache.Committed,
	})
	if err != nil {
		return err
	}
	s.group.Go(func() error { return s.runner.Run(running) })
	s.auditing = newAuditing(s.log, s.rows, func() bool { return s.runner.Status().Leading }, s.logger)
	s.group.Go(func() error { s.auditing.run(running); return nil })
	names := make([]string, 0, 4)
	for _, p := range projections.All() {
		names = append(names, p.Name())
	}
	s.line("project", strings.Join(names, " "), "")
	return nil
}

// Wait returns when ctx ends, with nil, or when a part fails, with its error.
// Then everything has been stopped.
func (s *Service) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.failed:
	}
	err := s.Close()
	return errors.Join(s.group.Wait(), err)
}

// Close stops the parts against the flow, so that each still finds what it needs.
func (s *Service) Close() error {
	var all []error
	close(s.draining)
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	for _, server := range []*http.Server{s.api, s.admin} {
		if server != nil {
			all = append(all, s.shut(grace, server))
		}
	}
	s.stop()
	_ = s.group.Wait() // Wait and startService report it
	for _, closer := range slices.Backward(s.closers) {
		all = append(all, closer())
	}
	s.closers = nil
	return errors.Join(all...)
}

// Stop stops the service at once.
func (s *Service) Stop() error {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return s.Wait(ended)
}
