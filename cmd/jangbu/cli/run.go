package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// Run carries out one command line and returns the exit code. The commands are the fields
// of the struct that root points to.
func Run(ctx context.Context, root any, args []string, t Terminal) int {
	ctx, told := withSignals(ctx)
	defer told.stop()
	err := execute(ctx, root, args, &t, told)
	if told.interrupted(ctx) && (err == nil || errors.Is(err, context.Canceled)) {
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
		t.tell(slog.LevelError, fmt.Sprintf("jangbu: %v", err))
		if code == ExitUsage {
			t.Warnf(`Run "jangbu --help" for usage.`)
		}
	}
	return code
}

// errHelp ends a command line that asks for help only.
var errHelp = errors.New("help was printed")

// execute carries out the command line, on the terminal as its flags say.
func execute(ctx context.Context, root any, args []string, t *Terminal, told *signals) (err error) {
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
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		parsed = wrong.Context
	}
	if parsed != nil {
		t.jsonLog = logsJSON(parsed, args)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if err := given(parsed); err != nil {
		return err
	}
	_, lasting := reflect.TypeAssert[Lasting](parsed.Selected().Target)
	told.command(lasting, *t)
	return parsed.Run(*t)
}

// CommonFlags are those of every command.
type CommonFlags struct {
	Quiet quiet `short:"q" help:"Print results, warnings and errors alone: no progress and no notes."`
}

// quiet is a flag that acts on the terminal.
type quiet bool

// AfterApply implements kong's hook: it is called before the command runs.
func (q quiet) AfterApply(t *Terminal) error { t.quiet = bool(q); return nil }

// logsJSON reports whether the command has a log, and writes it as JSON. The flag may be among
// those that could not be parsed.
func logsJSON(parsed *kong.Context, args []string) bool {
	for _, flag := range parsed.Flags() {
		if flag.Name != "log-format" {
			continue
		}
		format := os.Getenv(flag.Envs[0])
		for i, arg := range args {
			if value, ok := strings.CutPrefix(arg, "--log-format="); ok {
				format = value
			} else if arg == "--log-format" && i+1 < len(args) {
				format = args[i+1]
			}
		}
		return format == "json"
	}
	return false
}

// given returns [ErrUsage] where what is given on the command line would be ignored: all but the
// last of the values of a flag that holds one, and an empty text, as of a variable of the shell
// that is not set, in whose place a default or everything would be taken.
func given(parsed *kong.Context) error {
	var wrong Problems
	times := make(map[*kong.Value]int)
	for _, p := range parsed.Path {
		if p.Positional != nil && empty(p.Positional.Target) {
			wrong.AddArgument(p.Positional.Name, "is empty")
		}
		if p.Flag == nil {
			continue
		}
		switch times[p.Flag.Value]++; times[p.Flag.Value] {
		case 1:
			if empty(p.Flag.Target) {
				wrong.Add(p.Flag.Name, "is empty")
			}
		case 2:
			if !p.Flag.IsCumulative() {
				wrong.Add(p.Flag.Name, "is given more than once, and has one value")
			}
		}
	}
	return wrong.Err()
}

// empty reports whether a value that is given is an empty text, or has one.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() == 0
	case reflect.Pointer:
		return !v.IsNil() && empty(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			if empty(v.Index(i)) {
				return true
			}
		}
		return v.Len() == 0
	default:
		return false
	}
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
