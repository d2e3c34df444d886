package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// Terminal is where a command writes: results to Out, all else to Err.
type Terminal struct{ Out, Err io.Writer }

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

// Warnf writes a line to Err.
func (t Terminal) Warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Err, format+"\n", args...)
}

// IsTerminal reports whether w is a terminal on which a line can be drawn again.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}
