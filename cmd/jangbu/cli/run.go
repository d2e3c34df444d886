package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// Run carries out one command line and returns the exit code. The commands are the fields
// of the struct that root points to.
func Run(ctx context.Context, root any, args []string, t Terminal) int {
	ctx, interrupted, stop := withSignals(ctx)
	defer stop()
	err := execute(ctx, root, args, t)
	if interrupted() && (err == nil || errors.Is(err, context.Canceled)) {
		err = ErrInterrupted
	}
	code := exitCode(err)
	switch _, hinted := errors.AsType[interruption](err); code {
	case ExitDone:
	case ExitInterrupted:
		if hinted { // without a hint, an interrupt is how the command is meant to end
			t.Warnf("jangbu: %v", err)
		}
	default:
		t.Warnf("jangbu: %v", err)
		if code == ExitUsage {
			t.Warnf(`Run "jangbu --help" for usage.`)
		}
	}
	return code
}

// errHelp ends a command line that asks for help only.
var errHelp = errors.New("help was printed")

func execute(ctx context.Context, root any, args []string, t Terminal) (err error) {
	parser, err := NewParser(root,
		kong.Writers(t.Out, t.Err),
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
	kongcompletion.Register(parser) // ends here where a shell asks what completes a line
	parsed, err := parser.Parse(inFull(args))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if err := onceEach(parsed); err != nil {
		return err
	}
	return parsed.Run()
}

// onceEach returns [ErrUsage] where a flag that holds one value is given more than once: of
// the values, all but the last would be ignored.
func onceEach(parsed *kong.Context) error {
	var wrong Problems
	given := make(map[*kong.Value]int)
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Flag.IsCumulative() {
			continue
		}
		if given[p.Flag.Value]++; given[p.Flag.Value] == 2 {
			wrong.Add(p.Flag.Name, "is given more than once, and has one value")
		}
	}
	return wrong.Err()
}

// NewParser returns the parser of a command line.
func NewParser(root any, options ...kong.Option) (*kong.Kong, error) {
	parser, err := kong.New(root, append(options,
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
	_, err := fmt.Fprintf(c.Stdout, "\n%s\n", ExitCodesHelp())
	return err
}

// withSignals ends the context at the first SIGINT, SIGTERM or SIGHUP, unless the process was
// started with SIGHUP ignored, as by nohup; a second one kills the process. interrupted reports
// whether the first was SIGINT, as from Ctrl-C; SIGTERM is the ordinary way to end a service.
func withSignals(parent context.Context) (ctx context.Context, interrupted func() bool, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			if s == os.Interrupt {
				cancel(ErrInterrupted)
			}
			cancel(nil)
		case <-ctx.Done():
		}
	}()
	interrupted = func() bool { return errors.Is(context.Cause(ctx), ErrInterrupted) }
	return ctx, interrupted, func() { signal.Stop(signals); cancel(nil) }
}
