//go:build unix

package services

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a PostgreSQL server of the test's own. Stop does not wait for sessions.
type PostgresServer struct {
	Server
	// URL is a database on it, as a superuser; so are those of [PostgresServer.Database].
	URL string

	bin, dir string
}

// StartPostgres starts a server with settings such as "max_connections=20". Its commits wait for
// the disk unless a setting says otherwise.
func StartPostgres(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	p := newPostgres(t)
	p.run(t, "initdb", "-D", p.data(), "--username=jangbu", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	p.serve(t, settings)
	return p
}

// Standby starts another server, which follows this one and answers what only reads, until
// [PostgresServer.Promote].
func (p *PostgresServer) Standby(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	s := newPostgres(t)
	s.run(t, "pg_basebackup", "-D", s.data(), "-d", p.URL, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	s.serve(t, settings)
	return s
}

// Detach makes a standby follow no more: what is committed from now on it never has.
func (p *PostgresServer) Detach(t testing.TB) {
	t.Helper()
	p.Exec(t, `ALTER SYSTEM SET primary_conninfo = ''`)
	p.Exec(t, `SELECT pg_reload_conf()`)
	p.until(t, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
}

// Promote makes a standby a server of its own, which takes writes.
func (p *PostgresServer) Promote(t testing.TB) {
	t.Helper()
	p.Exec(t, `SELECT pg_promote()`)
	p.until(t, `SELECT NOT pg_is_in_recovery()`)
}

// Database makes a database on the server and returns its URL. It goes with the server.
func (p *PostgresServer) Database(t testing.TB, name string) string {
	t.Helper()
	p.Exec(t, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	return p.In(t, name)
}

// In returns the URL of a database that is on the server.
func (p *PostgresServer) In(t testing.TB, name string) string {
	t.Helper()
	address, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}

// ExecIn runs a statement in a database, as the superuser.
func (p *PostgresServer) ExecIn(t testing.TB, name, statement string) {
	t.Helper()
	administer(t, p.In(t, name), statement)
}

// Exec runs a statement as the superuser.
func (p *PostgresServer) Exec(t testing.TB, statement string) {
	t.Helper()
	administer(t, p.URL, statement)
}

func newPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "jangbu-postgres") //nolint:usetesting // a TempDir of the test is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &PostgresServer{bin: postgresPrograms(t), dir: dir}
	p.user = unprivileged(t)
	if p.user != nil {
		if err := os.Chown(dir, int(p.user.Uid), int(p.user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// postgresPrograms returns the directory of PostgreSQL's programs.
func postgresPrograms(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(found)
	if os.Getenv("JANGBU_TEST_POSTGRES_BIN") == "" && len(found) > 0 {
		return found[len(found)-1]
	}
	named := service(t, "JANGBU_TEST_POSTGRES_BIN", "ON POSTGRESQL SERVERS OF A TEST'S OWN")
	// Some of the programs may have links elsewhere, and others none.
	server, err := filepath.EvalSymlinks(filepath.Join(named, "postgres"))
	if err != nil {
		t.Fatalf("JANGBU_TEST_POSTGRES_BIN: %v", err)
	}
	return filepath.Dir(server)
}

func (p *PostgresServer) data() string { return filepath.Join(p.dir, "data") }

// serve starts the server for the first time.
func (p *PostgresServer) serve(t testing.TB, settings []string) {
	t.Helper()
	port := strconv.Itoa(freePorts(t, 1)[0])
	p.Addr = net.JoinHostPort("127.0.0.1", port)
	p.URL = "postgres://jangbu@" + p.Addr + "/postgres?sslmode=disable"
	p.name, p.polite = "PostgreSQL", syscall.SIGINT
	p.command = []string{filepath.Join(p.bin, "postgres"), "-D", p.data(), "-p", port}
	// What its processes share is a file of its directory, so that it does not stay where it is killed.
	always := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB", "dynamic_shared_memory_type=mmap"}
	for _, s := range append(always, settings...) {
		p.command = append(p.command, "-c", s)
	}
	p.ready = func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.URL)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	p.Start(t)
}

// run runs one of PostgreSQL's programs to its end.
func (p *PostgresServer) run(t testing.TB, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(p.bin, program), args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, &said)
	}
}

// until waits until a query of one boolean answers true.
func (p *PostgresServer) until(t testing.TB, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for held := false; !held; time.Sleep(pause) {
		if err := errors.Join(ctx.Err(), conn.QueryRow(ctx, query).Scan(&held)); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}
