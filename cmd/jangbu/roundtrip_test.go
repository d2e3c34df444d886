package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/httpapi"
	"jangbu/projections"
	"jangbu/projections/runner"
	"jangbu/readmodel"
)

// TestImportServesTheSame exports a log of either kind and imports it into an empty
// one on SQLite: its rows are found to be its fold, and every dashboard is, to the
// byte, what it was.
func TestImportServesTheSame(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(t *testing.T) string{
		"PostgreSQL": func(t *testing.T) string { return services.Database(t) },
		"SQLite":     func(t *testing.T) string { return "sqlite://" + t.TempDir() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := stores.Config{DatabaseURL: database(t)}
			past := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
			campaigns := restoredTraffic(t, &from, past)
			want := foldedDashboards(t, &from, campaigns, past.Add(time.Hour))

			file, to := filepath.Join(t.TempDir(), "log.jsonl.zst"), stores.Config{DataDir: t.TempDir()}
			for _, args := range [][]string{
				{"events", "export", "--why", "a test", file, "--database-url", from.DatabaseURL},
				{"events", "import", file, "--data-dir", to.DataDir},
			} {
				if _, complaint, code := command(t, args...); code != cli.ExitDone {
					t.Fatalf("%v: exit %d: %s", args[:2], code, complaint)
				}
			}
			got := foldedDashboards(t, &to, campaigns, past.Add(time.Hour))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-exported +imported):\n%s", diff)
			}
			if out, complaint, code := command(t, "verify", "--data-dir", to.DataDir); code != cli.ExitDone {
				t.Errorf("verify: exit %d: %s%s", code, out, complaint)
			}
		})
	}
}

// restoredTraffic fills a log with seeded traffic, recorded in the past, and returns
// the campaigns.
func restoredTraffic(t *testing.T, at *stores.Config, from time.Time) (campaigns []events.Campaign) {
	t.Helper()
	log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeLog() }()
	seen := make(map[events.Campaign]bool)
	var recorded []events.Recorded
	for i, d := range syntheticDrafts(t) {
		recorded = append(recorded, events.Recorded{
			Position: events.Position(i + 1), ID: d.ID, Digest: d.Digest, OccurredAt: d.OccurredAt,
			RecordedAt: from.Add(time.Duration(i) * 7001 * time.Millisecond), Event: d.Event,
		})
		if c := d.Event.Subject(); !seen[c] {
			seen[c] = true
			campaigns = append(campaigns, c)
		}
	}
	if err := log.Restore(t.Context(), recorded, 0); err != nil {
		t.Fatal(err)
	}
	return campaigns
}

// foldedDashboards folds a log as a service does and returns the dashboards that it
// would serve at that moment.
func foldedDashboards(t *testing.T, at *stores.Config, campaigns []events.Campaign, now time.Time) map[events.Campaign]string {
	t.Helper()
	log, closeLog, err := at.OpenLog(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeLog() }()
	rows, closeRows, err := at.OpenRows(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = closeRows() }()
	fold(t, log, rows)
	api, err := httpapi.New(httpapi.Config{
		Reader: rows, Now: func() time.Time { return now }, Location: time.UTC, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	bodies := make(map[events.Campaign]string)
	for _, c := range campaigns {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/events/"+url.PathEscape(string(c))+"/analytics", nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", c, w.Code)
		}
		bodies[c] = w.Body.String()
	}
	return bodies
}

// fold folds a log to its head.
func fold(t *testing.T, log events.Log, rows readmodel.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	totals, err := log.Totals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	folding, stop := context.WithCancel(ctx)
	defer stop()
	committed := make(chan struct{}, 1)
	r, err := runner.New(runner.Config{
		Log: log, Rows: rows, Projections: projections.All(), Owner: "test", Logger: slog.New(slog.DiscardHandler),
		Committed: func(change readmodel.Change) {
			if change.To.Position == totals.Head*events.Position(len(projections.All())) {
				committed <- struct{}{}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Run(folding) }()
	select {
	case <-committed:
	case <-ctx.Done():
		t.Errorf("the log was not folded in time: %+v", r.Status())
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
