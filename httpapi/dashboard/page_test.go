package dashboard_test

import (
	"io"
	"maps"
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

// TestTransfer: all that the page is made of is small, and what a page begins with is named
// at once: no module of it waits for another to name it.
func TestTransfer(t *testing.T) {
	t.Parallel()
	p, err := dashboard.New(dashboard.Door{})
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
	boot, err := os.ReadFile("assets/boot.js")
	if err != nil {
		t.Fatal(err)
	}
	at := map[string][]string{} // what a page begins with, by its first module
	for _, m := range regexp.MustCompile(`preload\(\[([^]]*)\]`).FindAllStringSubmatch(string(boot), -1) {
		var names []string
		for _, n := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(m[1], -1) {
			names = append(names, n[1]+".js")
		}
		at[names[0]] = names
	}
	t.Logf("every page begins with %d bytes in %d requests", total, len(named)+1)
	imports := func(name, pattern string) (all []string) {
		text, err := os.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
		return all
	}
	for first, names := range at {
		with := slices.Concat(named, names)
		if first == "below.js" {
			with = append(with, at["campaign.js"]...)
		}
		for _, name := range slices.Concat(names, []string{"app.js"}) {
			for _, needed := range imports(name, `(?m)^(?:im|ex)port .* from '\./([^']+)'`) {
				if !slices.Contains(with, needed) {
					t.Errorf("%s waits for %s, which boot.js does not name", name, needed)
				}
			}
		}
	}
	files, err := filepath.Glob("assets/*")
	if err != nil {
		t.Fatal(err)
	}
	used := slices.Clone(named)
	for _, path := range files {
		if name := filepath.Base(path); strings.HasSuffix(name, ".js") {
			used = append(used, imports(name, `(?:from|import\() ?'\./([^']+)'`)...)
		}
	}
	for _, path := range files {
		name := filepath.Base(path)
		if !slices.Contains(named, name) && name != "index.html" {
			total += size(name)
			if !slices.Contains(used, name) {
				t.Errorf("%s is used by none", name)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
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
	p, err := dashboard.New(dashboard.Door{})
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

// TestWhatBrowsersStore: the token until the tab is closed, and no number.
func TestWhatBrowsersStore(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("assets/*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	stored := make(map[string]bool)
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all := regexp.MustCompile(`localStorage|sessionStorage|indexedDB|document\.cookie|caches\b`).FindAllIndex(text, -1)
		named := regexp.MustCompile(`\(\) => ((?:local|session)Storage), '([a-z.]+)'`).FindAllSubmatch(text, -1)
		if len(all) != len(named) {
			t.Errorf("%s: %d uses of what a browser stores, %d of them by a name", path, len(all), len(named))
		}
		for _, m := range named {
			stored[string(m[1])+" "+string(m[2])] = true
		}
	}
	want := []string{"localStorage jangbu.language", "localStorage jangbu.shop", "localStorage jangbu.theme", "sessionStorage jangbu.token"}
	if got := slices.Sorted(maps.Keys(stored)); !slices.Equal(got, want) {
		t.Errorf("the page stores %q", got)
	}
}
