//go:build unix

package services

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// StartSentinel starts a Sentinel that alone decides when a replica takes the place of a master that
// does not answer for half a second.
func StartSentinel(t testing.TB, master *Server, name string) *Server {
	t.Helper()
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		t.Fatal(err)
	}
	own := strconv.Itoa(freePorts(t, 1)[0])
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor %s %s %s 1\nsentinel down-after-milliseconds %[2]s 500\nsentinel failover-timeout %[2]s 2000\n", own, name, host, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", own), name: "Sentinel", polite: syscall.SIGTERM}
	s.command, s.ready = []string{Redis(t), config, "--sentinel"}, s.listens
	s.Start(t)
	return s
}

// listens reports whether the server accepts connections.
func (s *Server) listens(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

// StartRedis starts a Redis server that keeps nothing, with options such as "--maxmemory",
// "10mb". With --tls-cert-file it listens for TLS only.
func StartRedis(t testing.TB, options ...string) *Server {
	t.Helper()
	port := strconv.Itoa(freePorts(t, 1)[0])
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), name: "Redis", polite: syscall.SIGTERM}
	listen := []string{"--port", port}
	if slices.Contains(options, "--tls-cert-file") {
		listen = []string{"--port", "0", "--tls-port", port}
	}
	s.command = slices.Concat([]string{Redis(t)}, listen,
		[]string{"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--loglevel", "warning"}, options)
	s.ready = s.listens
	s.Start(t)
	return s
}
