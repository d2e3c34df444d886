package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

// Terminal is where a command writes: results to out, all else to err.
type Terminal struct{ Out, Err io.Writer }

// Printf writes a line to out. Nothing can be done where nobody reads it.
func (t Terminal) Printf(format string, args ...any) { _, _ = fmt.Fprintf(t.Out, format+"\n", args...) }

// Print writes a value to out: what it says to people, or one line of JSON.
func (t Terminal) Print(asJSON bool, v fmt.Stringer) {
	if asJSON {
		_ = json.NewEncoder(t.Out).Encode(v)
		return
	}
	t.Printf("%s", v)
}

// Warnf writes a line to err.
func (t Terminal) Warnf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Err, format+"\n", args...)
}

// IsTerminal reports whether somebody sees what is written, and lines can be drawn
// again.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}
