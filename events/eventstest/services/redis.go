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
	"strings"
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
	return startRedis(t, freePorts(t, 1)[0], t.TempDir(), options)
}

func startRedis(t testing.TB, on int, dir string, options []string) *Server {
	t.Helper()
	port := strconv.Itoa(on)
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), name: "Redis", polite: syscall.SIGTERM}
	listen := []string{"--port", port}
	if slices.Contains(options, "--tls-cert-file") {
		listen = []string{"--port", "0", "--tls-port", port}
	}
	s.command = slices.Concat([]string{Redis(t)}, listen,
		[]string{"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir, "--loglevel", "warning"}, options)
	s.ready = s.listens
	s.Start(t)
	return s
}

// StartRedisCluster starts three Redis servers with options, as nodes of a cluster that have a third
// of the slots each. A node that does not answer for half a second is away to the others, and
// with it the cluster is. It takes about two seconds until a cluster serves.
func StartRedisCluster(t testing.TB, options ...string) []*Server {
	t.Helper()
	const nodes, slots = 3, 16384
	ports := freePorts(t, 2*nodes)
	var all []*Server
	for i := range nodes {
		dir := t.TempDir()
		var known strings.Builder // each node knows all from the beginning
		for k := range nodes {
			flags := "master"
			if k == i {
				flags = "myself,master"
			}
			fmt.Fprintf(&known, "%040x 127.0.0.1:%d@%d %s - 0 0 %[1]d connected %[5]d-%[6]d\n",
				k+1, ports[k], ports[nodes+k], flags, k*slots/nodes, (k+1)*slots/nodes-1)
		}
		fmt.Fprintf(&known, "vars currentEpoch %d lastVoteEpoch 0\n", nodes)
		if err := os.WriteFile(filepath.Join(dir, "nodes.conf"), []byte(known.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, startRedis(t, ports[i], dir, slices.Concat(options, []string{
			"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port", strconv.Itoa(ports[nodes+i]), "--cluster-node-timeout", "500",
		})))
	}
	return all
}
