package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/sqlitelog"
	"jangbu/projections"
	"jangbu/readmodel/sqliterows"
)

// looks are the commands that only read, and what standard output must hold.
func looks() map[string]string {
	return map[string]string{
		"verify":                               "rows equal the fold",
		"verify --log":                         "the chain is intact",
		"replay --campaign evt-1-0001":         "evt-1-0001",
		"events tail":                          "evt-1-0001",
		"events show 1":                        "position    1",
		"deadletters list":                     "reason",
		"projections list":                     "event_stats",
		"projections status":                   "event_stats",
		"campaigns show --campaign evt-1-0001": "evt-1-0001",
		"sources":                              "topic",
		"leases list":                          "lease",
		"privacy accesses":                     "events import",
	}
}

// TestLooksWriteNothing runs the commands that only read as a user who may do nothing else: on files
// in a directory, with and without what a killed process left in the write-ahead log; and as a
// PostgreSQL role that may only SELECT. What has to be recorded first does nothing.
func TestLooksWriteNothing(t *testing.T) {
	t.Parallel()
	export, err := filepath.Abs("testdata/export/log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for name, prepare := range map[string]func(t *testing.T) (reader *looker){
		"SQLite, closed":     func(t *testing.T) *looker { return readOnlyFiles(t, export, false) },
		"SQLite, in the WAL": func(t *testing.T) *looker { return readOnlyFiles(t, export, true) },
		"PostgreSQL":         func(t *testing.T) *looker { return selectOnly(t, export) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader := prepare(t)
			for line, want := range looks() {
				out, complaint, code := reader.run(t, line)
				if code != cli.ExitDone || !strings.Contains(out, want) || complaint != "" {
					t.Errorf("%s exits with %d and prints %q, want in it %q; it complains %q", line, code, out, want, complaint)
				}
			}
			out, err := os.MkdirTemp("", "jangbu-looks-") //nolint:usetesting // that of t.TempDir is closed to other users
			if err == nil {
				err = os.Chmod(out, 0o777) //nolint:gosec // for another user to write in
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(out) })
			for _, line := range []string{"events export " + filepath.Join(out, "out.jsonl") + " --why test", "replay", "events tail --follow"} {
				if out, complaint, code := reader.run(t, line); code != cli.ExitFailed || out != "" || !strings.Contains(complaint, "nothing was done, because it could not be recorded") {
					t.Errorf("%s exits with %d and prints %q; it complains %q", line, code, out, complaint)
				}
			}
		})
	}
}

// looker runs the program as one who may only read.
type looker struct {
	path  string // of the program
	flags []string
	as    *syscall.Credential // nil: the user of this process
}

func (l *looker) run(t *testing.T, line string) (out, complaint string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), l.path, append(strings.Fields(line), l.flags...)...)
	cmd.Dir, cmd.Env = "/", append(os.Environ(), asProgram+"=1")
	if l.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: l.as}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code = exitCodeOf(cmd.Run())
	return stdout.String(), stderr.String(), code
}

// importedInto imports the export and folds it.
func importedInto(t *testing.T, export string, flags ...string) {
	t.Helper()
	for _, line := range []string{"events import " + export, "projections rebuild --all"} {
		if out, complaint, code := command(t, append(strings.Fields(line), flags...)...); code != cli.ExitDone {
			t.Fatalf("%s: %d\n%s%s", line, code, out, complaint)
		}
	}
}

// readOnlyFiles makes a data directory that a user who is not root may read, and not write.
func readOnlyFiles(t *testing.T, export string, inWAL bool) *looker {
	t.Helper()
	parent, err := os.MkdirTemp("", "jangbu-read-only-") //nolint:usetesting // that of t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	dir, from := filepath.Join(parent, "data"), filepath.Join(t.TempDir(), "data")
	t.Cleanup(func() { _, _ = os.Chmod(dir, 0o700), os.RemoveAll(parent) })
	importedInto(t, export, "--data-dir", from)
	if inWAL {
		defer writeOn(t, from)()
	}
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	l := &looker{path: filepath.Join(parent, "jangbu"), flags: []string{"--data-dir", dir}}
	if err := os.Link(unraced(t), l.path); err != nil { // on another file system
		program, err := os.ReadFile(unraced(t))
		if err == nil {
			err = os.WriteFile(l.path, program, 0o755) //nolint:gosec // for another user to run
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{parent: 0o755, dir: 0o555} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 { // which no mode stops
		l.as = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	return l
}

// writeOn opens the log and the rows of a directory, whose last writes are in the write-ahead logs
// until they are closed.
func writeOn(t *testing.T, dir string) (closeBoth func()) {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(dir, "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := sqliterows.Open(t.Context(), filepath.Join(dir, "rows.db"), projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Accesses().Add(t.Context(), events.Access{Command: "events import", Subject: "what is in the WAL", Who: "kim"}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(log.Close(), rows.Close()); err != nil {
			t.Error(err)
		}
	}
}

// selectOnly makes a database, and a role that may SELECT from it alone.
func selectOnly(t *testing.T, export string) *looker {
	t.Helper()
	database := services.Database(t)
	importedInto(t, export, "--database-url", database)
	admin, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	role := "looks_" + strings.TrimPrefix(at.Path, "/")
	exec := func(statement string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'looks'`, role))
	for _, schema := range []string{"jangbu_log", "jangbu_rows", "jangbu_keys"} {
		exec(`CREATE SCHEMA IF NOT EXISTS ` + schema)
		exec(fmt.Sprintf(`GRANT USAGE ON SCHEMA %s TO %s`, schema, role))
		exec(fmt.Sprintf(`GRANT SELECT ON ALL TABLES IN SCHEMA %s TO %s`, schema, role))
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, statement := range []string{`DROP OWNED BY ` + role, `DROP ROLE ` + role} {
			if _, err := admin.Exec(ctx, statement); err != nil {
				t.Error(err)
			}
		}
		_ = admin.Close(ctx)
	})
	at.User = url.UserPassword(role, "looks")
	return &looker{path: unraced(t), flags: []string{"--database-url", at.String()}}
}
