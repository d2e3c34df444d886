package main

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
	shown := func(work func(progress)) string {
		t.Helper()
		reader, screen := openTerminal(t)
		work(progress{terminal: terminal{err: screen}, verb: "folded", total: 3_000_000})
		if err := screen.Close(); err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(reader) // to EIO, the end of a terminal that nobody has open
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

	got := shown(func(p progress) {
		p.told, p.from = longAgo, 1_000_000
		p.at(1_500_000)
		p.at(3_000_000)
		p.end()
	})
	if !regexp.MustCompile(`folded 3000000 / 3000000 \[=======================\]  100%  \d{6}/s, 1\d\.?\d*s$`).MatchString(got) {
		t.Errorf("done: shown at last: %q", got)
	}
	got = shown(func(p progress) {
		p.told, p.from = longAgo, 1_000_000
		p.at(1_500_000)
		p.end() // it was interrupted
	})
	if !regexp.MustCompile(`folded 1500000 / 3000000 \[===========>-----------\]   50%  \d{5}/s, [23]\ds left$`).MatchString(got) {
		t.Errorf("interrupted: shown at last: %q", got)
	}
	for name, work := range map[string]func(progress){
		"done at once": func(p progress) { p.at(1_000_000); p.at(3_000_000); p.end() },
		"quiet":        func(p progress) { p.quiet, p.told = true, longAgo; p.at(3_000_000); p.end() },
		"no work":      func(p progress) { p.end() },
	} {
		if got := shown(work); got != "" {
			t.Errorf("%s: shown at last: %q", name, got)
		}
	}
}
