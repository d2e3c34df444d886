package httpapi_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"jangbu/events"
	"jangbu/httpapi"
)

// TestBasePath: everything is served below the base path, with addresses that lead there, and
// nothing elsewhere.
func TestBasePath(t *testing.T) {
	t.Parallel()
	const base = "/shops/analytics"
	b := setup(t, func(cfg *httpapi.Config) { cfg.BasePath = base })
	b.lax = true // the contract's own paths have no base
	b.fold(t, &events.EventCreated{Campaign: "evt/1", Shop: "store-1", Title: "봄", Objective: "x"})
	page := b.do(t, http.MethodGet, base+"/").Body.String()
	assets := regexp.MustCompile(`"(assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(assets) < 4 {
		t.Fatalf("the page names %d assets: %s", len(assets), page)
	}
	paths := []string{"/api/events/evt%2F1/analytics", "/api/events/evt%2F1/digest", "/api/stores/store-1/events", "/openapi.yaml", "/"}
	for _, asset := range assets {
		paths = append(paths, "/"+asset[1])
	}
	for _, path := range paths {
		if w := b.do(t, http.MethodGet, base+path); w.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", base+path, w.Code, w.Body)
		}
		if w := b.do(t, http.MethodGet, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if w := b.do(t, http.MethodGet, base); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != base+"/" {
		t.Errorf("%s: status %d, to %q", base, w.Code, w.Header().Get("Location"))
	}
	doc, err := openapi3.NewLoader().LoadFromData(b.do(t, http.MethodGet, base+"/openapi.yaml").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil || len(doc.Servers) != 1 || doc.Servers[0].URL != base {
		t.Errorf("the contract is of %v: %v", doc.Servers, err)
	}
}
