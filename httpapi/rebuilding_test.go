package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"jangbu/httpapi/auth"
	"jangbu/projections"
)

// TestRebuilding: while rows of a lost history are abandoned and no others are served, every
// read says so, and none says that there is nothing (I13).
func TestRebuilding(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.token = mint(t, auth.Identity{Subject: "operator", Role: auth.Ops})
	var names []string
	for _, p := range projections.All() {
		names = append(names, p.Name())
	}
	if _, err := b.store.Abandon(t.Context(), b.lease, names); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/events/evt-1/analytics", "/api/events/evt-1/analytics/stream", "/api/stores/store-1/events"} {
		w := b.do(t, http.MethodGet, path)
		var p struct{ Type string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusServiceUnavailable || p.Type != "urn:jangbu:problem:rebuilding" || w.Header().Get("Retry-After") != "2" {
			t.Errorf("%s: %d, %v, %s", path, w.Code, w.Header(), w.Body)
		}
	}
}
