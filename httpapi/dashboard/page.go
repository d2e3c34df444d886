package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

//go:embed assets
var assets embed.FS

// Page serves the page and its files. It does not change after [New].
type Page struct {
	index   file
	policy  string // the Content-Security-Policy
	version string
	files   map[string]file // by path
}

// file is a served file, plain and compressed.
type file struct {
	contentType string
	etag        string
	plain       []byte
	compressed  []byte // by gzip
}

// New reads the embedded files and tells the page of its door.
func New(door Door) (*Page, error) {
	p := &Page{policy: door.policy(), files: make(map[string]file)}
	sum := sha256.New()
	err := fs.WalkDir(assets, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := assets.ReadFile(name)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text) // a hash never fails
		p.files[strings.TrimPrefix(name, "assets/")], err = newFile(name, text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	p.version = fmt.Sprintf("%x", sum.Sum(nil)[:8])
	index, ok := p.files["index.html"]
	if !ok {
		return nil, fmt.Errorf("read dashboard: %w: index.html", fs.ErrNotExist)
	}
	delete(p.files, "index.html")
	text := bytes.ReplaceAll(index.plain, []byte(`"@/`), []byte(`"assets/`+p.version+`/`))
	before, after, _ := bytes.Cut(text, []byte("<title>"))
	p.index, err = newFile("index.html", slices.Concat(before, []byte(door.meta()+"<title>"), after))
	if err != nil {
		return nil, fmt.Errorf("read dashboard: %w", err)
	}
	return p, nil
}

func newFile(name string, text []byte) (file, error) {
	var compressed bytes.Buffer
	w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return file{}, err
	}
	if _, err := w.Write(text); err != nil {
		return file{}, err
	}
	if err := w.Close(); err != nil {
		return file{}, err
	}
	contentType := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}[path.Ext(name)]
	if contentType == "" {
		contentType = "text/plain; charset=utf-8"
	}
	return file{contentType: contentType, etag: fmt.Sprintf(`"%x"`, sha256.Sum256(text)), plain: text, compressed: compressed.Bytes()}, nil
}

// Index serves the page.
func (p *Page) Index(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // it names the files of this version
	p.index.serve(w, r)
}

// Asset serves one of the page's files and reports whether there is one.
func (p *Page) Asset(w http.ResponseWriter, r *http.Request, version, name string) bool {
	f, ok := p.files[name]
	if !ok || version != p.version {
		return false
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	f.serve(w, r)
	return true
}

// serve writes the file, or 304 where the client has it.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	text := f.plain
	if AcceptsGzip(r.Header["Accept-Encoding"]) {
		h.Set("Content-Encoding", "gzip")
		text = f.compressed
	}
	h.Set("Content-Type", f.contentType)
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // the client may have left
	}
}
