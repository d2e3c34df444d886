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
	"jangbu/readmodel"
	"jangbu/readmodel/dashboard"
)

const (
	// maxAnswers is how many bytes of encoded dashboards are kept: of 5 KB each, those
	// of 10,000 campaigns.
	maxAnswers = 64 << 20
	// maxKept is the longest one that is kept.
	maxKept = 256 << 10
	// answerCost is about what an answer takes beside its body, of which there may
	// be a compressed one as well.
	answerCost = 2 << 10
	// worthGzip is the shortest body that is compressed.
	worthGzip = 1 << 10
)

// answer is an encoded dashboard.
type answer struct {
	campaign events.Campaign
	event    readmodel.EventStats
	revision readmodel.Revision
	until    time.Time // when a status changes by itself; zero: never

	body   []byte
	etag   string
	header map[string][]string // ready to be served
	zipped func() ([]byte, []string)
}

func newAnswer(campaign events.Campaign, rows readmodel.CampaignRows, view dashboard.View) (*answer, error) {
	body, err := json.Marshal(dashboard.New(rows, view))
	if err != nil {
		return nil, fmt.Errorf("encode dashboard: %w", err)
	}
	body = append(body, '\n')
	n := &answer{
		campaign: campaign, event: rows.Event, revision: rows.Revision, until: dashboard.HoldsUntil(rows, view), body: body,
		// Weak: the same dashboard, compressed or not. Edits and position say
		// which rows it was made of; the sum, how they were shown.
		etag: fmt.Sprintf(`W/"%d-%d-%016x"`, rows.Revision.Edits, rows.Event.Position, crc64.Checksum(body, crc64.MakeTable(crc64.ECMA))),
	}
	n.header = map[string][]string{
		"Content-Type": {"application/json"}, "Cache-Control": {"private, no-cache"}, "Vary": {"Accept-Encoding, Authorization"},
		"Etag": {n.etag}, "Content-Length": {strconv.Itoa(len(body))},
	}
	n.zipped = sync.OnceValues(func() ([]byte, []string) {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one that there is
		_, _ = z.Write(body)                            // into memory: never fails
		_ = z.Close()
		return b.Bytes(), []string{strconv.Itoa(b.Len())}
	})
	return n, nil
}

// holds reports whether the answer may be given again.
func (n *answer) holds(cfg Config) bool {
	return cfg.Freshness != nil && cfg.Freshness.Current(n.campaign, n.revision) && (n.until.IsZero() || !cfg.Now().After(n.until))
}

// serve writes the answer as the client wants it.
func (n *answer) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	maps.Copy(h, n.header)
	if matches(r.Header["If-None-Match"], n.etag) {
		delete(h, "Content-Length")
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := n.body
	if len(body) >= worthGzip && acceptsGzip(r.Header["Accept-Encoding"]) {
		var length []string
		body, length = n.zipped()
		h["Content-Encoding"], h["Content-Length"] = []string{"gzip"}, length
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone needs no answer
	}
}

// matches compares as If-None-Match does: weakly (RFC 9110, section 13.1.2).
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

// acceptsGzip reports whether the client takes gzip (RFC 9110, section 12.5.3).
func acceptsGzip(fields []string) bool {
	for _, field := range fields {
		for coding := range strings.SplitSeq(field, ",") {
			name, params, _ := strings.Cut(strings.TrimSpace(coding), ";")
			name = strings.TrimSpace(name)
			if !strings.EqualFold(name, "gzip") && name != "*" {
				continue
			}
			q, found := strings.CutPrefix(strings.TrimSpace(params), "q=")
			if weight, err := strconv.ParseFloat(q, 64); found && (err != nil || weight <= 0) {
				continue
			}
			return true
		}
	}
	return false
}

// answerKey says what an answer is to: the path's id and the query as they came.
type answerKey struct{ id, query string }

// memo keeps the most recently used answers, of most bytes together. It is safe for
// concurrent use.
type memo struct {
	most int

	mu    sync.Mutex
	kept  *simplelru.LRU[answerKey, *answer] // guarded by mu
	bytes int                                // guarded by mu: the cost of kept
}

func newMemo(most int) *memo {
	m := &memo{most: most}
	// It fails for a size below 1 only. The size is one that bytes never lets it reach.
	m.kept, _ = simplelru.NewLRU(most/answerCost+1, func(_ answerKey, n *answer) { m.bytes -= n.cost() })
	return m
}

func (m *memo) get(key answerKey) *answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, _ := m.kept.Get(key)
	return n
}

func (m *memo) put(key answerKey, n *answer) {
	if len(n.body) > maxKept {
		return
	}
	// A key from the request would keep the whole request's memory.
	key = answerKey{strings.Clone(key.id), strings.Clone(key.query)}
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

// cost is about how many bytes the answer takes.
func (n *answer) cost() int { return len(n.body) + answerCost }
