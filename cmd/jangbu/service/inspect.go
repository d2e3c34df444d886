package service

import (
	"context"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels"
)

// Print says where each part of the service is.
func (s *Service) Print(t cli.Terminal, asJSON bool) {
	for _, line := range s.lines {
		t.Print(asJSON, line)
	}
}

// HTTPAddr returns the address of the read API; "" without the role.
func (s *Service) HTTPAddr() string { return s.httpAddr }

// Kafka returns how the brokers of the service are reached.
func (s *Service) Kafka() kafka.Config {
	return kafka.Config{Brokers: s.brokers, Group: s.cfg.KafkaGroup, Logger: s.logger}
}

// Go runs work beside the parts of the service. An error of it ends the service, which
// waits for it in the end.
func (s *Service) Go(work func() error) { s.group.Go(work) }

// Totals returns what the log has received.
func (s *Service) Totals(ctx context.Context) (events.Totals, error) { return s.log.Totals(ctx) }

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
