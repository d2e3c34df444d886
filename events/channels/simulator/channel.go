package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// channel is one API: its answers and its counts.
type channel struct {
	contract

	cfg  Config
	gate *gate
	mux  *http.ServeMux
	bomb func() bomb

	followed atomic.Int64
	mu       sync.Mutex
	calls    map[string]int64 // by campaign; guarded by mu
}

// movedPath is the target of [Redirect].
const movedPath = "/moved"

func newChannel(a API, cfg Config, g *gate) *channel {
	c := &channel{contract: a.contract(), cfg: cfg, gate: g, mux: http.NewServeMux(), calls: map[string]int64{}}
	c.bomb = sync.OnceValue(func() bomb { return newBomb(wrong(c.figures, huge)) })
	c.mux.HandleFunc(c.pattern, c.stats)
	c.mux.HandleFunc("GET "+movedPath, c.moved)
	c.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound) })
	return c
}

var _ http.Handler = (*channel)(nil)

// ServeHTTP implements [http.Handler].
func (c *channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !c.gate.begin(connOf(r)) {
		abort()
	}
	c.mux.ServeHTTP(w, r)
}

// stats answers for a campaign, under the ordered fault. It refuses a wrong key under
// every fault.
func (c *channel) stats(w http.ResponseWriter, r *http.Request) {
	campaign := r.PathValue("campaign")
	c.mu.Lock()
	c.calls[campaign]++
	c.mu.Unlock()
	if c.cfg.Key == "" || c.key(r.Header) != c.cfg.Key {
		refuse(w, http.StatusUnauthorized)
		return
	}
	switch fault := connOf(r).fault; fault {
	case "":
		c.good(w, r, campaign, 1)
	case Shrinking:
		c.good(w, r, campaign, 2)
	default:
		c.misbehave(w, r, fault)
	}
}

// good answers with a fraction of the figures.
func (c *channel) good(w http.ResponseWriter, r *http.Request, campaign string, divisor int64) {
	if c.cfg.Latency > 0 && !wait(r.Context(), c.cfg.Latency) {
		abort()
	}
	now := c.cfg.Now()
	respond(w, http.StatusOK, encode(c.figures, func(i int) []int64 {
		if c.cfg.Figure != nil {
			if n, ok := c.cfg.Figure(campaign, c.figures[i].seed, now); ok {
				return []int64{n / divisor}
			}
		}
		return []int64{c.figures[i].at(campaign, now.Sub(c.cfg.Since)) / divisor}
	}))
}

// moved answers a caller that followed a redirect.
func (c *channel) moved(w http.ResponseWriter, _ *http.Request) {
	c.followed.Add(1)
	respond(w, http.StatusOK, wrong(c.figures, huge))
}

func (c *channel) callsFor(campaign string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[campaign]
}

// wait returns false if ctx ends before d has passed.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// abort closes the connection without the end of an answer. A handler that returns would
// send it.
func abort() { panic(http.ErrAbortHandler) }

func refuse(w http.ResponseWriter, status int) {
	body, _ := json.Marshal(map[string]string{"error": http.StatusText(status)}) // strings encode without errors
	respond(w, status, append(body, '\n'))
}

func respond(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have left
}
