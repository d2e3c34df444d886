package main

import (
	"context"
	"log/slog"
	"os"
)

type serveCommand struct {
	serviceConfig
}

// Help implements kong's detailed help.
func (serveCommand) Help() string {
	return `With nothing configured every part runs embedded: a Kafka-protocol broker that
real Kafka clients can use, and SQLite. Kill it and start it again: nothing is lost.

Examples:
  jangbu serve
  jangbu serve --data-dir /var/lib/jangbu --kafka-listen 127.0.0.1:19092
  JANGBU_KAFKA_BROKERS=kafka:9092 JANGBU_DATABASE_URL=postgres://… jangbu serve --role ingest,project`
}

// Run serves until it is told to stop.
func (c serveCommand) Run(ctx context.Context, t terminal) error {
	logger := c.logger(t)
	warn(ctx, logger, c.serviceConfig)
	s, err := startService(ctx, c.serviceConfig, logger)
	if err != nil {
		return err
	}
	for _, line := range s.lines {
		t.say("%s", line)
	}
	return s.wait(ctx)
}

// warn tells of settings that have no effect.
func warn(ctx context.Context, logger *slog.Logger, c serviceConfig) {
	for _, name := range unknownVariables(os.Environ()) {
		logger.WarnContext(ctx, "config: unknown environment variable is ignored", slog.String("name", name))
	}
	if c.RedisURL != "" {
		logger.WarnContext(ctx, "config: there is no read cache yet, Redis is not used")
	}
}
