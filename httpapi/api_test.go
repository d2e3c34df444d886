package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/projections"
	"jangbu/readmodel"
	"jangbu/readmodel/sqliterows"
)

var noon = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) // in Seoul

// setup serves a campaign from a process of these parts.
func setup(t *testing.T, campaign events.Campaign, parts ...httpapi.Part) http.Handler {
	t.Helper()
	return serve(t, campaign, func(cfg *httpapi.Config) {
		cfg.Ready = func(context.Context) []httpapi.Part { return parts }
	})
}

// serve serves rows that were folded from three events about a campaign, with a
// configuration that the test may change.
func serve(t *testing.T, campaign events.Campaign, change func(*httpapi.Config)) http.Handler {
	t.Helper()
	store, err := sqliterows.Open(t.Context(), filepath.Join(t.TempDir(), "rows.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	all := projections.All()
	wanted := make([]readmodel.Checkpoint, len(all))
	for i, p := range all {
		wanted[i] = readmodel.Checkpoint{Projection: p.Name, Version: p.Version}
	}
	at, err := store.Register(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	lease, ok, err := store.Acquire(t.Context(), "test", "test", time.Minute)
	if err != nil || !ok {
		t.Fatalf("acquire: %v, %v", ok, err)
	}
	rows := readmodel.NewRows()
	views := int64(2000)
	for i, e := range []events.Event{
		&events.EventCreated{Campaign: campaign, Store: "store-1", Title: "개업 <이벤트>", Objective: "신규 고객"},
		&events.ParticipantRegistered{Campaign: campaign, Participant: "p-1", Channel: "naver"},
		&events.ChannelStatsFetched{Campaign: campaign, Channel: events.Naver, FetchedAt: noon, Views: &views},
	} {
		for _, p := range all {
			p.Fold(rows, events.Recorded{Position: events.Position(i + 1), OccurredAt: noon, RecordedAt: noon, Event: e})
		}
	}
	advances := make([]readmodel.Advance, len(at))
	for i, c := range at {
		advances[i] = readmodel.Advance{Checkpoint: c, To: 3}
	}
	if _, err := store.Commit(t.Context(), lease, advances, rows); err != nil {
		t.Fatal(err)
	}
	seoul, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	cfg := httpapi.Config{
		Reader: store, Ready: func(context.Context) []httpapi.Part { return nil },
		Now: func() time.Time { return noon }, Location: seoul,
		Logger: slog.New(slog.DiscardHandler),
	}
	change(&cfg)
	h, err := httpapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func do(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestAnalytics(t *testing.T) {
	t.Parallel()
	h := setup(t, "evt-1")
	w := do(h, http.MethodGet, "/api/events/evt-1/analytics")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, type %q: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	for _, want := range []string{
		`"eventId":"evt-1","storeId":"store-1"`, `"position":3,"updatedAt":"2026-11-23T12:00:00+09:00"`,
		`"totalParticipants":1,"totalExposure":2000,"roiPercent":null`, `"conversionPercent":0.05,"status":"fresh"`,
		`"trend":[{"from":"2026-11-23T12:00:00+09:00","participants":1}]`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	if head := do(h, http.MethodHead, "/api/events/evt-1/analytics"); head.Code != http.StatusOK {
		t.Errorf("HEAD: status %d", head.Code)
	}
}

func TestStatusFollowsThePollInterval(t *testing.T) {
	t.Parallel()
	for want, interval := range map[string]func(time.Duration) time.Duration{
		`"status":"stale"`: nil, // a minute
		`"status":"fresh"`: func(time.Duration) time.Duration { return 2 * time.Minute },
	} {
		h := serve(t, "evt-1", func(cfg *httpapi.Config) {
			cfg.Now = func() time.Time { return noon.Add(5 * time.Minute) }
			cfg.PollInterval = interval
		})
		if w := do(h, http.MethodGet, "/api/events/evt-1/analytics"); !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
}

func TestAnalyticsView(t *testing.T) {
	t.Parallel()
	h := setup(t, "evt-1")
	for query, want := range map[string]string{
		"?tz=America/New_York":              `"trend":[{"from":"2026-11-22T22:00:00-05:00"`,
		"?interval=day":                     `"trend":[{"from":"2026-11-23T00:00:00+09:00"`,
		"?interval=day&tz=America/New_York": `"trend":[{"from":"2026-11-22T00:00:00-05:00"`,
	} {
		if w := do(h, http.MethodGet, "/api/events/evt-1/analytics"+query); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: status %d, no %s in %s", query, w.Code, want, w.Body)
		}
	}
}

func TestHostileCampaign(t *testing.T) {
	t.Parallel()
	h := setup(t, "evt/1?가 &")
	if w := do(h, http.MethodGet, "/api/events/evt%2F1%3F%EA%B0%80%20&/analytics"); w.Code != http.StatusOK {
		t.Errorf("an id with a slash: status %d: %s", w.Code, w.Body)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	h := setup(t, "evt-1")
	for _, test := range []struct {
		method, target string
		status         int
		kind, detail   string
	}{
		{http.MethodGet, "/api/events/none/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/%FF/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/a%00b/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/events/" + strings.Repeat("x", 201) + "/analytics", 404, "campaign-not-found", ""},
		{http.MethodGet, "/api/nothing", 404, "no-such-resource", ""},
		{http.MethodPost, "/api/events/evt-1/analytics", 405, "method-not-allowed", ""},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=Mars/Olympus", 400, "bad-request", "tz: expected an IANA time zone"},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=", 400, "bad-request", "tz: "},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=../../etc/passwd", 400, "bad-request", "tz: "},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=Asia/Kolkata", 400, "bad-request", "whole hours"},
		{http.MethodGet, "/api/events/evt-1/analytics?interval=minute", 400, "bad-request", "expected hour or day"},
		{http.MethodGet, "/api/events/evt-1/analytics?interval=", 400, "bad-request", "expected hour or day"},
		{http.MethodGet, "/api/events/evt-1/analytics?tz=%zz", 400, "bad-request", "query string"},
	} {
		w := do(h, test.method, test.target)
		var p struct{ Type, Title, Detail string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Errorf("%s: %v: %s", test.target, err, w.Body)
		}
		if w.Code != test.status || p.Type != "urn:jangbu:problem:"+test.kind || p.Title == "" || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s %s: status %d, problem %+v", test.method, test.target, w.Code, p)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: type %q", test.target, got)
		}
		if test.status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s: no Allow header", test.target)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	h := setup(t, "evt-1", httpapi.Part{Name: "log"}, httpapi.Part{Name: "rows", Err: errors.New("connection refused")})
	if w := do(h, http.MethodGet, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz: status %d", w.Code)
	}
	w := do(h, http.MethodGet, "/readyz")
	if w.Code != http.StatusServiceUnavailable ||
		!strings.Contains(w.Body.String(), `{"name":"log","ready":true},{"name":"rows","ready":false,"error":"connection refused"}`) {
		t.Errorf("readyz: status %d: %s", w.Code, w.Body)
	}
	if w := do(setup(t, "evt-1", httpapi.Part{Name: "log"}), http.MethodGet, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("readyz of a process that works: status %d: %s", w.Code, w.Body)
	}
}
