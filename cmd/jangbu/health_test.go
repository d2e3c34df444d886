package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/projections"
	"jangbu/readmodel/sqliterows"
)

// TestHealth: the command says of each part of a process what /readyz says, and exits with 0 while
// it is ready and with 4 while it is not.
func TestHealth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := runProgram(t, dir)
	at := strings.TrimSuffix(p.admin, "/metrics")
	out, complaint, code := command(t, "health", "--admin-url", at, "--json")
	if err := checkJSON("health", []byte(out)); err != nil || code != cli.ExitDone || complaint != "" || !strings.Contains(out, `{"name":"sources","ready":true}`) {
		t.Errorf("of a process that is ready: exit code %d, %s, %v\n%s", code, complaint, err, out)
	}
	rows, err := sqliterows.Open(t.Context(), filepath.Join(dir, "rows.db"), projections.Tables(projections.All()))
	if err != nil {
		t.Fatal(err)
	}
	_, held, err := rows.Acquire(t.Context(), "poller", "test", 30*24*time.Hour+time.Minute) // by a wrong clock
	if closed := rows.Close(); err != nil || !held || closed != nil {
		t.Fatalf("hold a lease: %v, %v, %v", held, err, closed)
	}
	out, complaint, code = command(t, "health", "--admin-url", at+"/")
	if code != cli.ExitCheckFailed || !strings.Contains(complaint, "check failed: leases is not ready: lease poller of test lasts another 720h") ||
		!strings.Contains(out, " leases   no ") || !strings.Contains(out, " project  yes ") {
		t.Errorf("of a process that is not: exit code %d, %s\n%s", code, complaint, out)
	}
	out, _, code = command(t, "health", "--admin-url", at, "--json")
	if err := checkJSON("health", []byte(out)); err != nil || code != cli.ExitCheckFailed {
		t.Errorf("of a process that is not: exit code %d, %v\n%s", code, err, out)
	}
}

// TestHealthBelievesNoOther: what is not an answer of a process is a failure, whatever its status.
func TestHealthBelievesNoOther(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"a page":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no part":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ready":true,"parts":[]}`)) },
		"not found": http.NotFound,
		"ready, with 503": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"ready":true,"parts":[{"name":"log","ready":true}]}`))
		},
		"without an end": func(w http.ResponseWriter, _ *http.Request) {
			for range 4 << 10 {
				_, _ = w.Write([]byte(strings.Repeat(" ", 1<<10)))
			}
		},
	} {
		server := httptest.NewServer(h)
		if out, complaint, code := command(t, "health", "--admin-url", server.URL); code != cli.ExitFailed || out != "" || complaint == "" {
			t.Errorf("%s: exit code %d, %q, %q", name, code, out, complaint)
		}
		server.Close()
	}
}
