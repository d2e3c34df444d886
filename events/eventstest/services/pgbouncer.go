//go:build unix

package services

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PgBouncer starts PgBouncer in transaction mode, else with its default settings, and
// returns a function that leads the URL of a [Database] through it.
func PgBouncer(t testing.TB) func(database string) string {
	t.Helper()
	server := service(t, "JANGBU_TEST_DATABASE_URL", "AGAINST POSTGRESQL")
	program := service(t, "JANGBU_TEST_PGBOUNCER", "THROUGH PGBOUNCER")
	to, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "jangbu-pgbouncer") //nolint:usetesting // a TempDir of the test is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, text := range map[string]string{
		"users.txt": fmt.Sprintf("%q %q\n", to.User, to.Password),
		"pgbouncer.ini": fmt.Sprintf("[databases]\n* = host=%s port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
			"unix_socket_dir =\nauth_type = plain\nauth_file = %s\npool_mode = transaction\n", to.Host, to.Port, port, filepath.Join(dir, "users.txt")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // another user reads it
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // likewise
		t.Fatal(err)
	}
	bouncer := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-q", filepath.Join(dir, "pgbouncer.ini"))
	bouncer.Stderr = os.Stderr
	if os.Getuid() == 0 { // which it refuses to run as
		const unprivileged = 65534
		bouncer.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	}
	if err := bouncer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bouncer.Process.Kill()
		_ = bouncer.Wait() // it was killed
	})
	host := fmt.Sprintf("127.0.0.1:%d", port)
	through := func(database string) string {
		address, err := url.Parse(database)
		if err != nil {
			t.Fatal(err)
		}
		query := address.Query()
		query.Del("host")
		address.Host, address.RawQuery = host, query.Encode()
		return address.String()
	}
	for deadline := time.Now().Add(patience); ; {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", host)
		if err == nil {
			_ = conn.Close()
			return through
		}
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer does not answer: %v", err)
		}
	}
}
