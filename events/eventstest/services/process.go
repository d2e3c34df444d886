//go:build unix

package services

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// processVariable makes TestMain of a test's binary run the second process of a test.
const processVariable = "JANGBU_TEST_PROCESS"

// Process is a second process of a test, on a database of the test.
type Process struct {
	cmd  *exec.Cmd
	says *bufio.Scanner
	stop io.Closer
}

// Second runs process, with the URL of a database, in a process that [StartSecond]
// started, and reports whether it is one. TestMain calls it first. The process must end
// when its standard input does.
func Second(process func(url string)) bool {
	url := os.Getenv(processVariable)
	if url != "" {
		process(url)
	}
	return url != ""
}

// StartSecond starts the test's binary as a second process, which is killed when the test
// ends.
func StartSecond(t testing.TB, url string) *Process {
	t.Helper()
	p := &Process{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])}
	p.cmd.Env = append(os.Environ(), processVariable+"="+url)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stop, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.says = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed
	})
	return p
}

// End ends the process' standard input, waits until it has ended, and returns the lines
// that it wrote since the last one read.
func (p *Process) End(t testing.TB) []string {
	t.Helper()
	if err := p.stop.Close(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for p.says.Scan() {
		lines = append(lines, p.says.Text())
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("the second process failed: %v; it wrote:\n%s", err, strings.Join(lines, "\n"))
	}
	return lines
}

// Line returns the next line that the process writes.
func (p *Process) Line(t testing.TB) string {
	t.Helper()
	if !p.says.Scan() {
		t.Fatal("the second process has ended")
	}
	return p.says.Text()
}

// Freeze stops the process where it is.
func (p *Process) Freeze(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the second process has not stopped: %v, %v", status, err)
	}
}

// Thaw lets the process go on.
func (p *Process) Thaw(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// FreezeInCopy stops the process while the server waits for the rest of a COPY of its.
func (p *Process) FreezeInCopy(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	const copying = `
SELECT coalesce(a.wait_event, '')
FROM pg_stat_progress_copy AS c
JOIN pg_stat_activity AS a ON a.pid = c.pid
WHERE c.datname = current_database()`
	look := func() (waits string, copies bool) {
		rows, err := conn.Query(t.Context(), copying)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 {
			return "", false
		}
		return all[0], true
	}
	for deadline := time.Now().Add(patience); ; {
		if time.Now().After(deadline) {
			t.Fatal("the second process was never frozen within a COPY")
		}
		if _, copies := look(); !copies {
			continue
		}
		p.Freeze(t)
		for waits, copies := look(); copies; waits, copies = look() {
			if waits == "ClientRead" {
				return
			}
		}
		p.Thaw(t) // the COPY had ended
	}
}
