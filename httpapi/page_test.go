package httpapi_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestPage: the page is public, may run and load its own files only, and
// names files that are there. Nothing that it names is of another version.
func TestPage(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	w := b.do(t, http.MethodGet, "/", "Authorization: none")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("status %d, type %s", w.Code, w.Header().Get("Content-Type"))
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("policy %q", policy)
	}
	index := w.Body.String()
	if strings.Contains(index, " style=") || strings.Contains(index, "<script>") || strings.Contains(index, "<style") || strings.Contains(index, "//") {
		t.Error("the page has something inline, or of another server")
	}
	named := regexp.MustCompile(`"(assets/[^"]+)"`).FindAllStringSubmatch(index, -1)
	if len(named) < 5 {
		t.Fatalf("it names %v", named)
	}
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	for _, m := range named {
		path := "/" + m[1]
		w := b.do(t, http.MethodGet, path, "Authorization: none", "Accept-Encoding: br, gzip")
		if want := types[path[strings.LastIndex(path, "."):]]; w.Code != http.StatusOK || w.Header().Get("Content-Type") != want || w.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: status %d, %v", path, w.Code, w.Header())
		}
		if w := b.do(t, http.MethodGet, path, "Authorization: none", "If-None-Match: "+w.Header().Get("ETag")); w.Code != http.StatusNotModified {
			t.Errorf("%s: status %d to a client that has it", path, w.Code)
		}
	}
	for _, path := range []string{"/assets/0/app.js", strings.Replace("/"+named[0][1], "icon.svg", "nothing.js", 1), "/assets/x/..%2f..%2fapi.go", "/index.html", "/app.js"} {
		if w := b.do(t, http.MethodGet, path, "Authorization: none"); w.Code != http.StatusNotFound && w.Code != http.StatusMovedPermanently {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if w := b.do(t, http.MethodPost, "/"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", w.Code)
	}
}
