package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/httpapi"
)

// TestDigest: the digest is that of the dashboard, with the same numbers, and has an entity
// tag of its own.
func TestDigest(t *testing.T) {
	t.Parallel()
	f := &fresh{}
	f.current.Store(true)
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness = f })
	b.fold(t, campaign("evt-1", "store-1")...)
	shown := map[string]map[string]any{}
	tags := map[string]bool{}
	for _, target := range []string{"/api/events/evt-1/analytics", "/api/events/evt-1/digest", "/api/events/evt-1/digest?tz=UTC", "/api/events/evt-1/digest"} {
		w := b.do(t, http.MethodGet, target)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", target, w.Code, w.Body)
		}
		var members map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
			t.Fatal(err)
		}
		shown[target] = members
		tags[w.Header().Get("ETag")] = true
		if again := b.do(t, http.MethodGet, target, "If-None-Match: "+w.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s with its tag: %d", target, again.Code)
		}
	}
	if len(tags) != 3 {
		t.Errorf("tags %v", tags)
	}
	digest := shown["/api/events/evt-1/digest"]
	if len(digest) != 10 || digest["digest"].(map[string]any)["ko"] == "" {
		t.Errorf("digest %v", digest)
	}
	for name, got := range digest {
		if diff := cmp.Diff(shown["/api/events/evt-1/analytics"][name], got); diff != "" {
			t.Errorf("%s (-analytics +digest):\n%s", name, diff)
		}
	}
	if got := b.store.reads.Load(); got != 3 {
		t.Errorf("%d reads of the rows for 3 views", got)
	}
	if w := b.do(t, http.MethodGet, "/api/events/evt-1/digest?interval=hour"); w.Code != http.StatusBadRequest {
		t.Errorf("an interval: %d %s", w.Code, w.Body)
	}
}
