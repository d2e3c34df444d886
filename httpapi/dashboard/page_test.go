package dashboard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"jangbu/httpapi/dashboard"
)

// maxTransfer is how much the page may be, compressed, in all.
const maxTransfer = 150 << 10

// TestTransfer: all that the page is made of is small, and what it begins with is named
// at once: no module of it waits for another to name it. What is named by none is loaded
// when it is wanted.
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
	version := ""
	size := func(name string) int {
		size, _ := get(func(w http.ResponseWriter, r *http.Request) {
			if !p.Asset(w, r, version, name) {
				t.Errorf("%s is not there", name)
			}
		})
		return size
	}
	for _, m := range regexp.MustCompile(`"assets/([^/"]+)/([^"]+)"`).FindAllStringSubmatch(index, -1) {
		version = m[1]
		named = append(named, m[2])
		total += size(m[2])
	}
	t.Logf("at first %d bytes, %d requests", total, len(named)+1)
	later := func(name string) bool { // is it imported when it is wanted?
		for _, by := range named {
			if text, err := os.ReadFile("assets/" + by); err == nil && strings.Contains(string(text), "import('./"+name+"')") {
				return true
			}
		}
		return false
	}
	files, err := filepath.Glob("assets/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		if !slices.Contains(named, name) && name != "index.html" {
			total += size(name)
			if !later(name) {
				t.Errorf("%s is not named by the page", name)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^import .* from '\./([^']+)'`).FindAllStringSubmatch(string(text), -1) {
			if slices.Contains(named, name) && !slices.Contains(named, m[1]) {
				t.Errorf("%s waits for %s, which the page does not name", name, m[1])
			}
		}
		if sink := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('style'`).Find(text); sink != nil {
			t.Errorf("%s: %s", name, sink)
		}
	}
	if total > maxTransfer {
		t.Errorf("%d bytes in all, want at most %d", total, maxTransfer)
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
