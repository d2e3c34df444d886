package service

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"jangbu/events/eventstest/services"
)

// redisServer is a Redis server in a process of its own.
type redisServer struct {
	cmd  *exec.Cmd
	addr string
}

// startRedis starts the program that JANGBU_TEST_REDIS_SERVER names, at an address
// or at a free one.
func startRedis(t testing.TB, addr string) *redisServer {
	t.Helper()
	return serveRedis(t, addr, "--port")
}

// serveRedis starts the program with options, to the last of which the port is added.
func serveRedis(t testing.TB, addr string, options ...string) *redisServer {
	t.Helper()
	program := services.Redis(t)
	if addr == "" {
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = l.Addr().String()
		_ = l.Close()
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{addr: addr}
	s.cmd = exec.Command(program, append(options, port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--loglevel", "warning")...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	waitFor(t, 10*time.Second, func() string {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return err.Error()
		}
		_ = conn.Close()
		return ""
	})
	return s
}

func (s *redisServer) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Error(err)
	}
}

func (s *redisServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
