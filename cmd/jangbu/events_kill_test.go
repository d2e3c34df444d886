package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events/sqlitelog"
)

// TestImportKilled kills an import once something is there, and runs it again.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	const n = 12_000
	from, to := t.TempDir(), t.TempDir()
	log := openedLog(t, from)
	appendRegistrations(t, log, n)
	file := filepath.Join(from, "log.jsonl.zst")
	if err := commandLine(t, "events", "export", "--why", "a test", file, "--data-dir", from).Run(); err != nil {
		t.Fatal(err)
	}

	other := openedLog(t, to)
	killed := commandLine(t, "events", "import", file, "--data-dir", to)
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	head, err := other.Wait(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = killed.Process.Kill()
	_ = killed.Wait()
	t.Logf("killed at about %d of %d", head, n)
	out, err := commandLine(t, "events", "import", file, "--data-dir", to).Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", out)
	want, err := log.Read(t.Context(), 0, n+1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := other.Read(t.Context(), 0, n+1)
	if err != nil {
		t.Fatal(err)
	}
	// cmp takes seconds to find that they are equal.
	if !reflect.DeepEqual(want, got) {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-exported +imported):\n%s", diff)
		}
	}
}

// TestUnfinishedImport: what a killed import leaves is neither served nor believed, nothing
// else gets into it, and the same import ends it.
func TestUnfinishedImport(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	log := openedLog(t, from)
	appendRegistrations(t, log, 100)
	file := filepath.Join(from, "log.jsonl")
	if err := commandLine(t, "events", "export", "--why", "a test", file, "--data-dir", from).Run(); err != nil {
		t.Fatal(err)
	}
	all, err := log.Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	half := openedLog(t, to)
	if err := half.Restore(t.Context(), all[:50], 100); err != nil {
		t.Fatal(err)
	}
	for code, commands := range map[int][][]string{
		cli.ExitFailed: {
			{"serve", "--insecure-no-auth", "--http-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"},
			{"events", "export", "--why", "a test", filepath.Join(to, "part.jsonl")},
			{"replay"},
			{"projections", "rebuild", "--all"},
		},
		cli.ExitCheckFailed: {{"verify"}, {"verify", "--log"}, {"verify", "--campaign", string(all[0].Event.Subject())}},
	} {
		for _, c := range commands {
			var said strings.Builder
			run := commandLine(t, append(c, "--data-dir", to)...)
			run.Stderr = &said
			_ = run.Run()
			if got := run.ProcessState.ExitCode(); got != code || !strings.Contains(said.String(), "it has 50 of 100 events; the same jangbu events import goes on") {
				t.Errorf("%q exits with %d, want %d: %s", c, got, code, &said)
			}
		}
	}
	if err := commandLine(t, "events", "import", file, "--data-dir", to).Run(); err != nil {
		t.Fatal(err)
	}
	if err := commandLine(t, "verify", "--log", "--data-dir", to).Run(); err != nil {
		t.Error(err)
	}
}

// openedLog opens the log in a data directory.
func openedLog(t *testing.T, dir string) *sqlitelog.Log {
	t.Helper()
	log, err := sqlitelog.Open(t.Context(), filepath.Join(dir, "log.db"), sqlitelog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}
