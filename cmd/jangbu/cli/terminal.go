package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/mattn/go-isatty"
)

// Terminal is where a command writes: results to Out, all else to Err. In is where a question is
// answered; nil: nothing can be asked.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer

	quiet   bool // --quiet was given
	jsonLog bool // each line of Err is a JSON object, as the log's are
}

// Printf writes a line to Out. An error is ignored: no reader is left to be told.
func (t Terminal) Printf(format string, args ...any) { _, _ = fmt.Fprintf(t.Out, format+"\n", args...) }

// Print writes a value to Out: its String for people, or one line of JSON.
func (t Terminal) Print(asJSON bool, v fmt.Stringer) {
	if asJSON {
		_ = json.NewEncoder(t.Out).Encode(v)
		return
	}
	t.Printf("%s", v)
}

// Notef writes a line to Err that tells how the work goes, unless --quiet was given.
func (t Terminal) Notef(format string, args ...any) {
	if !t.quiet {
		t.tell(slog.LevelInfo, fmt.Sprintf(format, args...))
	}
}

// Warnf writes a line to Err.
func (t Terminal) Warnf(format string, args ...any) {
	t.tell(slog.LevelWarn, fmt.Sprintf(format, args...))
}

// tell writes a line to Err, in the form of the log.
func (t Terminal) tell(level slog.Level, text string) {
	if t.jsonLog {
		slog.New(slog.NewJSONHandler(t.Err, nil)).Log(context.Background(), level, text)
		return
	}
	_, _ = fmt.Fprintln(t.Err, text)
}

// draws reports whether a line can be drawn again on Err.
func (t Terminal) draws() bool { return !t.jsonLog && IsTerminal(t.Err) }

// IsTerminal reports whether w is a terminal on which a line can be drawn again.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}
