package service

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
)

// ServeCommand runs the service.
type ServeCommand struct {
	Config
	JSON bool `help:"Print one JSON object for each part."`
}

// Help implements kong's detailed help.
func (ServeCommand) Help() string {
	return `With nothing configured every part runs embedded: a Kafka-protocol broker that
Kafka clients can use, and SQLite. Kill it and start it again: nothing is lost. With
--log-format json the lines that say where its parts are are JSON objects too.

Examples:
  jangbu serve --insecure-no-auth
  jangbu serve --jwt-secret-file jwt.secret --jwt-issuer jangbu --jwt-audience jangbu
  jangbu serve --insecure-no-auth --http-addr 127.0.0.1:0 --json
  jangbu serve --jwks-url https://id.example.com/keys --jwt-issuer https://id.example.com --jwt-audience jangbu
  JANGBU_KAFKA_BROKERS=kafka:9092 JANGBU_DATABASE_URL=postgres://… jangbu serve --role ingest,project`
}

// Lasts implements [cli.Lasting].
func (ServeCommand) Lasts() {}

// Run serves until ctx ends.
func (c ServeCommand) Run(ctx context.Context, t cli.Terminal, program *kong.Context) error {
	logger := c.Logger(t)
	warn(ctx, logger, c.Config, UnknownVariables(program.Kong, os.Environ()))
	c.Stdout = t.Out
	s, err := Start(ctx, c.Config, logger)
	if err != nil {
		return err
	}
	s.Print(t, c.JSON || c.LogFormat == "json")
	return s.Wait(ctx)
}

// warn logs settings that have no effect, and the one that opens the API.
func warn(ctx context.Context, logger *slog.Logger, c Config, unknown []string) {
	for _, name := range unknown {
		logger.WarnContext(ctx, "config: unknown environment variable is ignored", slog.String("name", name))
	}
	if c.Readable() {
		logger.WarnContext(ctx, "config: --kafka-sasl without --kafka-tls: the password, or the token, crosses the network unencrypted")
	}
	if c.InsecureNoAuth && c.does(roleAPI) {
		logger.WarnContext(ctx, "config: --insecure-no-auth: every client that reaches the read API can read everything")
	}
}

// UnknownVariables names the JANGBU_ variables that neither a flag of the program nor
// a key is read from: a misspelt name must not pass for a default.
func UnknownVariables(program *kong.Kong, environ []string) []string {
	known := map[string]bool{stores.MasterKeyVariable: true}
	for _, node := range program.Model.Leaves(false) {
		for _, flag := range node.Flags {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
	}
	for _, api := range (channelConfig{}).apis() {
		known[api.keyVariable] = true
	}
	var unknown []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "JANGBU_") && !strings.HasPrefix(name, "JANGBU_TEST_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}
