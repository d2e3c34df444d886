//go:build unix

package services

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a server of the test's own, at an address that it keeps when it is started again.
// It is killed when the test ends. Its methods are called by one goroutine at a time.
type Server struct {
	Addr string // host:port

	name    string
	command []string
	user    *syscall.Credential
	ready   func(context.Context) error
	polite  os.Signal     // what asks it to end
	cmd     *exec.Cmd     // nil while it does not run
	ended   chan struct{} // closed when the processes of cmd have ended
	said    bytes.Buffer  // is theirs until then
	guard   io.Closer
}

// Start starts the server where it does not run, and waits until it answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.cmd != nil {
		return
	}
	s.said.Reset()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), s.command[0], s.command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &s.said, &s.said, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", s.name, err)
	}
	s.cmd, s.ended = cmd, make(chan struct{})
	s.guard = guard(t, cmd.Process.Pid)
	go func() {
		_ = cmd.Wait() // it may be killed
		close(s.ended)
	}()
	t.Cleanup(func() { s.Kill(t) })
	for deadline := time.After(patience); ; {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), reach)
		err := s.ready(ctx)
		cancel()
		if err == nil && !closed(s.ended) { // else another one has its port
			return
		}
		select {
		case <-s.ended:
			s.wait(t)
			t.Fatalf("%s has ended:\n%s", s.name, &s.said)
		case <-deadline:
			s.Kill(t)
			t.Fatalf("%s does not answer: %v\n%s", s.name, err, &s.said)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Stop asks the server to end, without waiting for its clients, and waits until it has.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.signal(t, s.polite)
	s.wait(t)
}

// Kill ends the server and all its processes at once. What it had not written is lost.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.Freeze(t) // it makes no more processes
	for _, pid := range s.family(t) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	s.wait(t)
}

// Freeze stops the server's processes where they are. Connections to it are accepted by the
// system, and are not answered.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
	for _, pid := range s.family(t) {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
}

// Thaw lets them go on.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	for _, pid := range s.family(t) {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
}

func (s *Server) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if s.cmd == nil {
		t.Fatalf("%s does not run", s.name)
	}
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("%s: %v", s.name, err)
	}
}

// family returns the server's process and those that it made.
func (s *Server) family(t testing.TB) []int {
	t.Helper()
	of := s.cmd.Process.Pid
	listed, err := exec.CommandContext(context.WithoutCancel(t.Context()), "ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	if err != nil {
		t.Fatalf("list processes: %v", err)
	}
	all := []int{of}
	for line := range strings.Lines(string(listed)) {
		var pid, parent int
		if _, err := fmt.Sscan(line, &pid, &parent); err == nil && parent == of {
			all = append(all, pid)
		}
	}
	return all
}

// wait waits until the server's processes have ended.
func (s *Server) wait(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
		s.cmd = nil
		_ = s.guard.Close()
	case <-time.After(patience):
		t.Fatalf("%s does not end", s.name)
	}
}

// unprivileged returns who runs a server that refuses to run as root: nil where the test does
// not run as root.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "daemon"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			continue
		}
		if gid, err := strconv.ParseUint(found.Gid, 10, 32); err == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("there is no user postgres or daemon")
	return nil
}
