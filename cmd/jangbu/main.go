// Command jangbu is the analytics service of an event-marketing platform: it
// keeps every fact about a campaign in an append-only log, folds the log into
// the rows that a dashboard reads, and serves them over HTTP.
//
// It wires the packages of this module together and holds no rule of the
// domain. Run "jangbu --help" for its commands and "jangbu COMMAND --help" for
// examples of one.
package main

import (
	"context"
	"os"
	"runtime/debug"
	_ "time/tzdata" // the image has no time zones of its own

	"github.com/redis/go-redis/v9/logging"

	"jangbu/cmd/jangbu/analyse"
	"jangbu/cmd/jangbu/backup"
	"jangbu/cmd/jangbu/bench"
	"jangbu/cmd/jangbu/campaigns"
	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/eventlog"
	"jangbu/cmd/jangbu/health"
	"jangbu/cmd/jangbu/operate"
	"jangbu/cmd/jangbu/privacy"
	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/tokens"
	"jangbu/cmd/jangbu/traffic"
)

func main() {
	// Little of what a record makes lives on: with the default of 100 the
	// collector takes a tenth of the pipeline's time to keep a heap of tens of
	// megabytes small.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	logging.Disable() // of go-redis: the cache logs the errors of Redis itself, once each
	c := &commands{Backup: backup.Command{Program: thisBuild().Version}}
	os.Exit(cli.Run(context.Background(), c, os.Args[1:], cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// commands is the command line. Flags that several commands share are embedded
// in those commands.
type commands struct {
	Serve       service.ServeCommand       `cmd:"" help:"Run the service: ingest, fold and serve."`
	Demo        traffic.DemoCommand        `cmd:"" help:"Run everything in a temporary directory, with generated traffic."`
	Health      health.Command             `cmd:"" help:"Ask a running process whether it is ready, and which part is not."`
	Sources     operate.SourcesCommand     `cmd:"" help:"Show how far the partitions of the topics have been read, and what was missed."`
	Projections operate.ProjectionsCommand `cmd:"" help:"Operate the projections: see them, rebuild, reset, roll back, pause."`
	Leases      operate.LeasesCommand      `cmd:"" help:"See which process holds which lease; take one away."`
	Verify      operate.VerifyCommand      `cmd:"" help:"Prove that what is served equals the fold of the log."`
	Replay      analyse.ReplayCommand      `cmd:"" help:"Fold the log again, or a part of it, without touching what is served."`
	Compare     analyse.CompareCommand     `cmd:"" help:"Compare campaigns by their days, or one campaign at two moments."`
	Why         analyse.WhyCommand         `cmd:"" help:"Show the events that a number of a campaign is made of."`
	Events      eventlog.Command           `cmd:"" help:"Look at the log; say that events do not count; copy it to a file and back."`
	Backup      backup.Command             `cmd:"" help:"Copy the log, dead letters and keys to a directory, while services run."`
	Restore     backup.RestoreCommand      `cmd:"" help:"Put a backup into an empty data directory or database."`
	Campaigns   campaigns.Command          `cmd:"" help:"Look at a campaign's descriptions; move it to another shop."`
	DeadLetters operate.DeadLettersCommand `cmd:"" name:"deadletters" help:"Look at records that could not become events; try them again, or give them up."`
	Privacy     privacy.Command            `cmd:"" help:"Forget a person, or all phone numbers of a campaign; rotate the master key."`
	Simulate    traffic.SimulateCommand    `cmd:"" help:"Publish seeded traffic to Kafka brokers."`
	Bench       bench.Command              `cmd:"" help:"Measure this machine."`
	Token       tokens.Command             `cmd:"" help:"Mint a token for the read API, for development."`
	Version     versionCommand             `cmd:"" help:"Print the version."`
	cli.ShellCommands
	cli.CommonFlags
}
