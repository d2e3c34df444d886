package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
)

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

// isTerminal reports whether somebody sees what is written, and lines can be drawn
// again.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}
