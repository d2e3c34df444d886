package service

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestServesStaleWhileTheDatabaseIsAway kills the database, and freezes it: what was read before is
// answered, by a process that has it and by one that finds it in Redis, and marked (I9), for as long
// as is allowed; all else is 503 with Retry-After, and one line of the log tells of it.
func TestServesStaleWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	database, redis := services.StartPostgres(t, "fsync=off"), services.StartRedis(t)
	cfg := testConfig(t.TempDir())
	cfg.DatabaseURL, cfg.RedisURL, cfg.MasterKeyFile = database.Database(t, "jangbu"), "redis://"+redis.Addr, filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	const allowed = 8 * time.Second
	cfg.ServeStale = allowed
	b := setup(t, cfg)
	other := cfg
	other.Role, other.DataDir = []string{roleAPI}, t.TempDir()
	idle := &bundle{log: &lockedBuffer{}}
	var err error
	if idle.Service, err = Start(t.Context(), other, slog.New(slog.NewJSONHandler(idle.log, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idle.Stop() })
	b.produce(t,
		record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`),
		record("participant-registered", "evt-1", `{"participantId":"p-1","eventId":"evt-1","phoneNumber":"010-1234-5678"}`))
	b.settled(t, events.Totals{Head: 2}, 20*time.Second)

	type answer struct {
		Delayed *struct{ Since time.Time }
		Summary struct{ TotalParticipants int }
	}
	const dashboard, digest = "/api/events/evt-1/analytics", "/api/events/evt-1/digest"
	// read waits until a path is answered, delayed or not.
	read := func(b *bundle, path string, delayed bool) {
		t.Helper()
		waitFor(t, 20*time.Second, func() string {
			status, body := b.get(t, path)
			var got answer
			if status == http.StatusOK {
				if err := json.Unmarshal(body, &got); err != nil {
					t.Fatal(err)
				}
			}
			switch {
			case status == http.StatusInternalServerError:
				t.Fatalf("%s: %s", path, body)
			case status != http.StatusOK || got.Summary.TotalParticipants != 1 || (got.Delayed != nil) != delayed:
				return string(body)
			case delayed && time.Since(got.Delayed.Since) > time.Minute:
				t.Errorf("%s is delayed since %v", path, got.Delayed.Since)
			}
			return ""
		})
	}
	refused := func(path string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q", path, res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
	read(b, dashboard, false)
	for name, fault := range map[string]struct{ away, back func(testing.TB) }{
		"killed": {database.Kill, database.Start},
		"frozen": {database.Freeze, database.Thaw},
	} {
		fault.away(t)
		began := time.Now()
		read(b, dashboard, true)
		read(b, digest, true)
		read(idle, dashboard, true)
		if took := time.Since(began); took > allowed {
			t.Errorf("%s: it took %v", name, took)
		}
		for _, path := range []string{"/api/events/evt-2/analytics", "/api/stores/store-1/events", "/api/events/evt-1/analytics/evidence"} {
			refused(path)
		}
		if name == "killed" {
			waitFor(t, 20*time.Second, func() string {
				if status, body := b.get(t, dashboard); status != http.StatusServiceUnavailable {
					return "it is served for longer than is allowed: " + string(body)
				}
				return ""
			})
		}
		fault.back(t)
		read(b, dashboard, false)
		read(idle, dashboard, false)
	}
	for _, b := range []*bundle{b, idle} {
		said := make(map[string]int)
		for line := range strings.Lines(b.log.String()) {
			var of struct{ Level, Msg string }
			if err := json.Unmarshal([]byte(line), &of); err == nil && (of.Level == "ERROR" || of.Level == "WARN") {
				said[of.Msg]++
			}
		}
		for msg, n := range said {
			if n > 2 {
				t.Errorf("the log says %d times %q", n, msg)
			}
		}
	}
}
