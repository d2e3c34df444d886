package dashboard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"jangbu/httpapi/dashboard"
)

// maxTransfer is how much the page may be, compressed, in all.
const maxTransfer = 150 << 10

// TestTransfer: all that the page is made of is small, and is loaded at once: no module
// waits for another to name it, but for those that are loaded when they are asked for.
func TestTransfer(t *testing.T) {
	t.Parallel()
	p, err := dashboard.New()
	if err != nil {
		t.Fatal(err)
	}
	get := func(serve func(http.ResponseWriter, *http.Request)) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		w := httptest.NewRecorder()
		serve(w, r)
		text, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		w = httptest.NewRecorder()
		serve(w, r)
		return w.Body.Len(), string(text)
	}
	total, index := get(p.Index)
	var named []string
	add := func(version, name string) string {
		named = append(named, name)
		size, text := get(func(w http.ResponseWriter, r *http.Request) {
			if !p.Asset(w, r, version, name) {
				t.Errorf("%s is not there", name)
			}
		})
		total += size
		return text
	}
	for _, m := range regexp.MustCompile(`"assets/([^/"]+)/([^"]+)"`).FindAllStringSubmatch(index, -1) {
		text := add(m[1], m[2])
		for _, later := range regexp.MustCompile(`import\('\./([a-z]+\.js)'\)`).FindAllStringSubmatch(text, -1) {
			add(m[1], later[1])
		}
	}
	if total > maxTransfer {
		t.Errorf("%d bytes, want at most %d", total, maxTransfer)
	}
	t.Logf("%d bytes, %d requests", total, len(named)+1)
	files, err := filepath.Glob("assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		if name != "index.html" && !slices.Contains(named, name) {
			t.Errorf("%s is not named by the page", name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if sink := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('style'`).Find(text); sink != nil {
			t.Errorf("%s: %s", name, sink)
		}
	}
}

// TestCompression: what a client does not take it is not given.
func TestCompression(t *testing.T) {
	t.Parallel()
	p, err := dashboard.New()
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"": "", "gzip": "gzip", "br, gzip;q=0.8": "gzip", "gzip;q=0": "", "gzip;q=0.0, br": "", "deflate": "", "x-gzip": "", "GZIP": "gzip", "gzip;q=1.0": "gzip",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		p.Index(w, r)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}
