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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	_ "time/tzdata" // the image has no time zones of its own

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9/logging"
)

func main() {
	// Little of what a record makes lives on: with the default of 100 the
	// collector takes a tenth of the pipeline's time to keep a heap of tens of
	// megabytes small.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	logging.Disable() // of go-redis: the cache says what is wrong, once, in the log's own form
	os.Exit(run(context.Background(), os.Args[1:], terminal{os.Stdout, os.Stderr}))
}

// terminal is where a command writes: results to out, all else to err.
type terminal struct{ out, err io.Writer }

// say writes a line to out. Nothing can be done where nobody reads it.
func (t terminal) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format+"\n", args...) }

// tell writes a value to out: what it says to people, or one line of JSON.
func (t terminal) tell(asJSON bool, v fmt.Stringer) {
	if asJSON {
		_ = json.NewEncoder(t.out).Encode(v)
		return
	}
	t.say("%s", v)
}

// complain writes a line to err.
func (t terminal) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(t.err, format+"\n", args...)
}

// commands is the command line. Flags that several commands share are embedded
// in those commands.
type commands struct {
	Serve       serveCommand       `cmd:"" help:"Run the service: ingest, fold and serve."`
	Demo        demoCommand        `cmd:"" help:"Run everything in a temporary directory, with generated traffic."`
	Projections projectionsCommand `cmd:"" help:"Operate the projections: see them, rebuild, reset, roll back, pause."`
	Verify      verifyCommand      `cmd:"" help:"Prove that what is served equals the fold of the log."`
	Replay      replayCommand      `cmd:"" help:"Fold the log again, or a part of it, without touching what is served."`
	Events      eventsCommand      `cmd:"" help:"Look at the log; copy it to a file and back."`
	DeadLetters deadLettersCommand `cmd:"" name:"deadletters" help:"Look at records that could not become events; try them again, or give them up."`
	Simulate    simulateCommand    `cmd:"" help:"Publish seeded traffic to Kafka brokers."`
	Bench       benchCommand       `cmd:"" help:"Measure this machine."`
	Token       tokenCommand       `cmd:"" help:"Mint a token for the read API, for development."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// run carries one command line out and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	ctx, interrupted, stop := withSignals(ctx)
	defer stop()
	err := execute(ctx, args, t)
	if interrupted() && (err == nil || errors.Is(err, context.Canceled)) {
		err = errInterrupted
	}
	code := exitCode(err)
	switch _, hinted := errors.AsType[interruption](err); code {
	case exitDone:
	case exitInterrupted:
		if hinted { // whoever interrupts what has no end needs no hint
			t.complain("jangbu: %v", err)
		}
	default:
		t.complain("jangbu: %v", err)
		if code == exitUsage {
			t.complain(`Run "jangbu --help" for usage.`)
		}
	}
	return code
}

// errHelp ends a command line that only asked for help.
var errHelp = errors.New("help was printed")

func execute(ctx context.Context, args []string, t terminal) (err error) {
	parser, err := newParser(
		kong.Writers(t.out, t.err),
		kong.Exit(func(int) { panic(errHelp) }), // kong's only way out of --help
		kong.Bind(t),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p == errHelp { //nolint:errorlint // the very value that was thrown
			err = errHelp
		} else if p != nil {
			panic(p)
		}
	}()
	parsed, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return parsed.Run()
}

// newParser returns the command line's parser.
func newParser(options ...kong.Option) (*kong.Kong, error) {
	parser, err := kong.New(&commands{}, append(options,
		kong.Name("jangbu"),
		kong.Description("장부, the ledger of event-marketing campaigns."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Help(printHelp),
	)...)
	if err != nil {
		return nil, fmt.Errorf("build command line: %w", err)
	}
	return parser, nil
}

// printHelp ends kong's help with the exit codes.
func printHelp(options kong.HelpOptions, c *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, c); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.Stdout, "\n%s\n", exitCodesHelp())
	return err
}

// withSignals ends the context at the first SIGINT or SIGTERM; a second one
// kills the process. interrupted says whether it was SIGINT, as from Ctrl-C: a
// SIGTERM is the ordinary way to end a service.
func withSignals(parent context.Context) (ctx context.Context, interrupted func() bool, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			if s == os.Interrupt {
				cancel(errInterrupted)
			}
			cancel(nil)
		case <-ctx.Done():
		}
	}()
	interrupted = func() bool { return errors.Is(context.Cause(ctx), errInterrupted) }
	return ctx, interrupted, func() { signal.Stop(signals); cancel(nil) }
}

// unknownVariables names the JANGBU_ variables that nothing reads: a slip of
// the pen should not pass for a default.
func unknownVariables(environ []string) []string {
	known := make(map[string]bool)
	parser, err := newParser()
	if err != nil {
		return nil
	}
	for _, node := range parser.Model.Leaves(false) {
		for _, flag := range node.Flags {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
	}
	known[masterKeyVariable] = true
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
