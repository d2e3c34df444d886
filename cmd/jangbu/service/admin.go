package service

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"jangbu/cmd/jangbu/health"
	"jangbu/events/bus/kafka"
	"jangbu/projections/runner"
	cacheredis "jangbu/readmodel/cache/redis"
)

// startAdmin has the listener for operators' tools tell of all parts.
func (s *Service) startAdmin(running context.Context) error {
	cfg := health.Config{
		Owner: s.owner, Leases: []string{runner.LeaseName}, Log: s.log, Rows: s.rows, Runner: s.runner, Leaving: s.leaving, Logger: s.logger,
		Ingests: s.cfg.does(roleIngest), Polls: s.polling != nil,
	}
	if s.router != nil {
		cfg.Messages, cfg.Topics = s.messages, s.cfg.TopicNames()
		cfg.Brokers = func(ctx context.Context) (map[string]kafka.Topic, error) {
			return kafka.Describe(ctx, s.Kafka(), cfg.Topics...)
		}
	}
	if cfg.Ingests {
		topic := s.cfg.TopicChannelStatsFetched
		cfg.Canary = health.NewCanary(cfg, topic, s.cfg.CanaryEvery, func() (int32, int64, error) { return kafka.SendCanary(s.Kafka(), topic) })
		s.group.Go(func() error { cfg.Canary.Run(running); return nil })
	}
	if s.redis != nil && s.cfg.RedisURL != "" {
		cfg.Redis = func(ctx context.Context) error { return cacheredis.Ping(ctx, s.redis) }
	}
	if s.polling != nil {
		cfg.Leases = append(cfg.Leases, pollerLease)
		cfg.Collectors = append(cfg.Collectors, s.polling.metrics)
	}
	if s.auditing != nil {
		cfg.Collectors = append(cfg.Collectors, s.auditing)
		cfg.Audit = s.auditPart
	}
	if s.cache != nil {
		cfg.Collectors = append(cfg.Collectors, health.Cache{Cache: s.cache, Kept: s.kept.Load})
	}
	if s.api != nil {
		cfg.Collectors = append(cfg.Collectors, s.requests)
	}
	if s.accesses != nil {
		cfg.Collectors = append(cfg.Collectors, prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "jangbu_access_log_dropped_total", Help: "Lines of the access log that were not written, because the disk was too slow or full.",
		}, func() float64 { return float64(s.accesses.Dropped()) }))
	}
	operators, err := health.New(cfg)
	if err != nil {
		return err
	}
	s.operators.Store(&operators)
	s.line("admin", s.adminURL+"/metrics", "")
	return nil
}
