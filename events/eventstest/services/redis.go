//go:build unix

package services

import (
	"context"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

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
	s.ready = func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	s.Start(t)
	return s
}
