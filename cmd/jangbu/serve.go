package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

type serveCommand struct {
	serviceConfig
	JSON bool `help:"Print one JSON object for each part."`
}

// Help implements kong's detailed help.
func (serveCommand) Help() string {
	return `With nothing configured every part runs embedded: a Kafka-protocol broker that
real Kafka clients can use, and SQLite. Kill it and start it again: nothing is lost.

Examples:
  jangbu serve --insecure-no-auth
  jangbu serve --jwt-secret-file jwt.secret --jwt-issuer jangbu --jwt-audience jangbu
  jangbu serve --insecure-no-auth --http-addr 127.0.0.1:0 --json
  jangbu serve --jwks-url https://id.example.com/keys --jwt-issuer https://id.example.com --jwt-audience jangbu
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
		t.tell(c.JSON, line)
	}
	return s.wait(ctx)
}

// partLine says where a part of the service is.
type partLine struct {
	Part string `json:"part"`
	At   string `json:"at"`
	Kind string `json:"kind,omitempty"`
}

// String is the line for people.
func (l partLine) String() string {
	line := fmt.Sprintf("%-9s %s", l.Part, l.At)
	if l.Kind != "" {
		line += "  " + l.Kind
	}
	return line
}

// warn tells of settings that have no effect, or one that should be known.
func warn(ctx context.Context, logger *slog.Logger, c serviceConfig) {
	for _, name := range unknownVariables(os.Environ()) {
		logger.WarnContext(ctx, "config: unknown environment variable is ignored", slog.String("name", name))
	}
	if c.InsecureNoAuth && c.does(roleAPI) {
		logger.WarnContext(ctx, "config: --insecure-no-auth: whoever reaches the read API sees everything")
	}
}
