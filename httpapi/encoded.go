package httpapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"jangbu/events"
	page "jangbu/httpapi/dashboard"
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

const (
	// maxAnswers is how many bytes of encoded dashboards are kept: of 5 KB each, those
	// of 10,000 campaigns.
	maxEncoded = 64 << 20
	// maxKept is the longest body that is kept, in bytes.
	maxKept = 256 << 10
	// encodedCost is the approximate size of an encoded dashboard without its body,
	// in bytes. It includes a compressed body.
	encodedCost = 2 << 10
	// worthGzip is the shortest body that is compressed, in bytes.
	worthGzip = 1 << 10
)

// encoded is an encoded dashboard. It does not change once made.
type encoded struct {
	campaign events.Campaign
	stats    readmodel.CampaignStats
	revision readmodel.Revision
	until    time.Time // when time alone changes what is shown; zero means never

	body   []byte
	etag   string
	header map[string][]string // of the response; not modified
	zipped func() ([]byte, []string)
}

func newEncoded(campaign events.Campaign, rows readmodel.CampaignRows, view dashboard.View, of subject) (*encoded, error) {
	return newDelayed(campaign, rows, view, of, time.Time{})
}

// newDelayed encodes rows that may have changed since a moment, unless that is zero.
func newDelayed(campaign events.Campaign, rows readmodel.CampaignRows, view dashboard.View, of subject, since time.Time) (*encoded, error) {
	body, err := json.Marshal(of.show(rows, view))
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", of.route, err)
	}
	if !since.IsZero() { // what is shown is an object, and has no such member
		body = fmt.Appendf(body[:len(body)-1], `,"delayed":{"since":%q,"reason":%q}}`, since.UTC().Format(time.RFC3339), DelayRows)
	}
	body = append(body, '\n')
	n := &encoded{
		campaign: campaign, stats: *rows.Campaign(), revision: rows.Revision, until: dashboard.HoldsUntil(rows, view), body: body,
		// Weak, because the compressed body has the same tag. Edits and position identify
		// the rows but for a withdrawal, and the sum the view of them.
		etag: fmt.Sprintf(`W/"%d-%d-%016x"`, rows.Revision.Edits, rows.Campaign().Position, crc64.Checksum(body, crc64.MakeTable(crc64.ECMA))),
	}
	n.header = map[string][]string{
		"Content-Type": {"application/json"}, "Cache-Control": {"private, no-cache"}, "Vary": {"Accept-Encoding, Authorization, Cookie"},
		"Etag": {n.etag}, "Content-Length": {strconv.Itoa(len(body))},
	}
	n.zipped = sync.OnceValues(func() ([]byte, []string) {
		b := zipped(body)
		return b, []string{strconv.Itoa(len(b))}
	})
	return n, nil
}

// zipped returns the body compressed by gzip.
func zipped(body []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is valid
	_, _ = z.Write(body)                            // a buffer never fails
	_ = z.Close()
	return b.Bytes()
}

// holds reports whether the dashboard may be served again (I9).
func (n *encoded) holds(cfg Config) bool {
	return cfg.Freshness != nil && cfg.Freshness.Current(n.campaign, n.revision) && (n.until.IsZero() || !cfg.Now().After(n.until))
}

// serve writes the dashboard, compressed where the client accepts that, or 304 where the
// client has it.
func (n *encoded) serve(w http.ResponseWriter, r *http.Request) {
	showed(w, n.campaign, n.stats.Shop)
	h := w.Header()
	maps.Copy(h, n.header)
	if matches(r.Header["If-None-Match"], n.etag) {
		delete(h, "Content-Length")
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := n.body
	if len(body) >= worthGzip && page.AcceptsGzip(r.Header["Accept-Encoding"]) {
		var length []string
		body, length = n.zipped()
		h["Content-Encoding"], h["Content-Length"] = []string{"gzip"}, length
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have left
	}
}

// matches reports whether If-None-Match names etag, by the weak comparison of RFC 9110,
// section 13.1.2.
func matches(fields []string, etag string) bool {
	for _, field := range fields {
		for candidate := range strings.SplitSeq(field, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(etag, "W/") {
				return true
			}
		}
	}
	return false
}

// requestKey identifies a request: the route, the path's id and the query, unparsed.
type requestKey struct{ route, id, query string }

// memo keeps the most recently used dashboards, of most bytes together. It is safe for
// concurrent use.
type memo struct {
	most int

	mu    sync.Mutex
	kept  *simplelru.LRU[requestKey, *encoded] // guarded by mu
	bytes int                                  // guarded by mu: the cost of kept
}

func newMemo(most int) *memo {
	m := &memo{most: most}
	// NewLRU fails for a size below 1 only. The bound in bytes is reached first.
	m.kept, _ = simplelru.NewLRU(most/encodedCost+1, func(_ requestKey, n *encoded) { m.bytes -= n.cost() })
	return m
}

func (m *memo) get(key requestKey) *encoded {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, _ := m.kept.Get(key)
	return n
}

func (m *memo) put(key requestKey, n *encoded) {
	if len(n.body) > maxKept {
		return
	}
	// A substring of the request would keep all of the request in memory.
	key = requestKey{key.route, strings.Clone(key.id), strings.Clone(key.query)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.kept.Peek(key); ok {
		m.bytes -= last.cost()
	}
	m.kept.Add(key, n)
	for m.bytes += n.cost(); m.bytes > m.most; {
		m.kept.RemoveOldest()
	}
}

// cost returns the approximate size of the dashboard in bytes.
func (n *encoded) cost() int { return len(n.body) + encodedCost }
