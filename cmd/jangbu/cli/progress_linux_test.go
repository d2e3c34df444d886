package cli

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a pseudo-terminal: what is written to the second
// one is read from the first.
func openTerminal(t *testing.T) (reader, screen *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("a pseudo-terminal is needed, as every Linux with devpts mounted has: %v", err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	n, err := unix.IoctlGetInt(int(reader.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(reader.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(reader.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return reader, screen
}

// TestProgressOnTerminal draws bars on terminals.
func TestProgressOnTerminal(t *testing.T) {
	t.Parallel()
	shown := func(work func(Progress)) string {
		t.Helper()
		reader, screen := openTerminal(t)
		work(Progress{Terminal: Terminal{Err: screen}, Verb: "folded", Total: 3_000_000})
		if err := screen.Close(); err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(reader) // to EIO, the end of a terminal that no process has open
		t.Logf("%q", text)
		lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
		for _, line := range lines {
			if line = strings.TrimPrefix(line, "\x1b[1A\x1b[J"); len(line) > 80 {
				t.Errorf("a line is longer than the terminal is wide: %q", line)
			}
		}
		if last := lines[len(lines)-1]; last != "" {
			t.Errorf("what is printed next would be printed on the bar's line, after %q", last)
		}
		if len(lines) == 1 {
			return ""
		}
		return lines[len(lines)-2]
	}
	longAgo := time.Now().Add(-10 * time.Second)

	got := shown(func(p Progress) {
		p.told, p.from = longAgo, 1_000_000
		p.At(1_500_000)
		p.At(3_000_000)
		p.End()
	})
	if !regexp.MustCompile(`folded 3000000 / 3000000 \[=======================\]  100%  \d{6}/s, 1\d\.?\d*s$`).MatchString(got) {
		t.Errorf("done: shown at last: %q", got)
	}
	got = shown(func(p Progress) {
		p.told, p.from = longAgo, 1_000_000
		p.At(1_500_000)
		p.End() // it was interrupted
	})
	if !regexp.MustCompile(`folded 1500000 / 3000000 \[===========>-----------\]   50%  \d{5}/s, [23]\ds left$`).MatchString(got) {
		t.Errorf("interrupted: shown at last: %q", got)
	}
	for name, work := range map[string]func(Progress){
		"done at once": func(p Progress) { p.At(1_000_000); p.At(3_000_000); p.End() },
		"quiet":        func(p Progress) { p.Quiet, p.told = true, longAgo; p.At(3_000_000); p.End() },
		"no work":      func(p Progress) { p.End() },
	} {
		if got := shown(work); got != "" {
			t.Errorf("%s: shown at last: %q", name, got)
		}
	}
}
