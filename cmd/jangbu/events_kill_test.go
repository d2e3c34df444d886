package main

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	if err := commandLine(t, "events", "export", file, "--data-dir", from).Run(); err != nil {
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
