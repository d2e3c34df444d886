package httpapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"jangbu/httpapi"
)

func TestAdmin(t *testing.T) {
	t.Parallel()
	now, parts := noon(), []httpapi.Part{{Name: "log"}, {Name: "rows"}}
	h, err := httpapi.NewAdmin(httpapi.AdminConfig{
		Ready:   func(context.Context) []httpapi.Part { return parts },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) }),
		Now:     func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := get("/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz: status %d", w.Code)
	}
	if w := get("/metrics"); w.Body.String() != "metrics" {
		t.Errorf("metrics: %s", w.Body)
	}
	if w := get("/api/events/evt-1/analytics"); w.Code != http.StatusNotFound {
		t.Errorf("the public API: status %d", w.Code)
	}
	if w := get("/readyz"); w.Code != http.StatusOK {
		t.Errorf("readyz of a process that works: status %d: %s", w.Code, w.Body)
	}
	parts[0].Note = "1 gap"
	if w := get("/readyz"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `{"name":"log","ready":true,"note":"1 gap"}`) {
		t.Errorf("readyz of a part with a note: status %d: %s", w.Code, w.Body)
	}
	parts[0].Note = ""
	parts[1].Err = errors.New("connection refused")
	const broken = `{"name":"log","ready":true},{"name":"rows","ready":false,"since":"2026-11-23T03:00:00Z","error":"connection refused"}`
	for range 2 { // since when, not how it is now
		if w := get("/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), broken) {
			t.Errorf("readyz: status %d: %s", w.Code, w.Body)
		}
		now = now.Add(time.Hour)
	}
	parts[1].Err = nil
	get("/readyz")
	parts[1].Err = errors.New("connection refused")
	if w := get("/readyz"); !strings.Contains(w.Body.String(), "2026-11-23T05:00:00Z") {
		t.Errorf("broken again: %s", w.Body)
	}
	if _, err := httpapi.NewAdmin(httpapi.AdminConfig{}); err == nil {
		t.Error("nothing is required")
	}
}
