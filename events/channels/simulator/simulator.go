package simulator

import (
	"encoding/json"
	"hash/fnv"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Config configures a [Simulator].
type Config struct {
	// Key is what callers must present, as X-API-Key or as a bearer token. No
	// call is let in while it is empty.
	Key string
	// Now tells the time.
	Now func() time.Time
	// Since is when the figures began to grow.
	Since time.Time
}

// Calls counts the calls to each API since the start, refused ones included.
type Calls struct {
	WooridongneTV int64
	GenieTV       int64
	SNS           int64
}

// Simulator is an [http.Handler] that serves all three APIs.
type Simulator struct {
	c   Config
	mux *http.ServeMux

	wooridongneTV, genieTV, sns atomic.Int64
}

var _ http.Handler = (*Simulator)(nil)

// New returns a simulator.
func New(c Config) *Simulator {
	s := &Simulator{c: c, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /stats/{campaign}", s.api(&s.wooridongneTV, apiKey, s.wooridongneTVStats))
	s.mux.HandleFunc("GET /campaign/{campaign}/stats", s.api(&s.genieTV, apiKey, s.genieTVStats))
	s.mux.HandleFunc("GET /posts/{campaign}/insights", s.api(&s.sns, bearer, s.snsInsights))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound) })
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Calls returns the counts so far.
func (s *Simulator) Calls() Calls {
	return Calls{WooridongneTV: s.wooridongneTV.Load(), GenieTV: s.genieTV.Load(), SNS: s.sns.Load()}
}

// api wraps what one API answers for a campaign.
func (s *Simulator) api(calls *atomic.Int64, key func(http.Header) string, answer func(campaign string) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if s.c.Key == "" || key(r.Header) != s.c.Key {
			refuse(w, http.StatusUnauthorized)
			return
		}
		respond(w, http.StatusOK, answer(r.PathValue("campaign")))
	}
}

func apiKey(h http.Header) string { return h.Get("X-API-Key") }

func bearer(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

func (s *Simulator) wooridongneTVStats(campaign string) any {
	return struct {
		Impressions int64 `json:"impressions"`
		Views       int64 `json:"views"`
	}{s.figure(campaign, "wooridongnetv/impressions", 5000), s.figure(campaign, "wooridongnetv/views", 1200)}
}

func (s *Simulator) genieTVStats(campaign string) any {
	return struct {
		AdImpressions int64 `json:"adImpressions"`
		Clicks        int64 `json:"clicks"`
	}{s.figure(campaign, "genietv/impressions", 10000), s.figure(campaign, "genietv/clicks", 500)}
}

func (s *Simulator) snsInsights(campaign string) any {
	type instagram struct {
		Likes    int64 `json:"likes"`
		Comments int64 `json:"comments"`
	}
	type naver struct {
		Views int64 `json:"views"`
	}
	type kakao struct {
		Shares int64 `json:"shares"`
	}
	return struct {
		Instagram instagram `json:"instagram"`
		Naver     naver     `json:"naver"`
		Kakao     kakao     `json:"kakao"`
	}{
		instagram{s.figure(campaign, "instagram/likes", 300), s.figure(campaign, "instagram/comments", 50)},
		naver{s.figure(campaign, "naver/views", 2000)},
		kakao{s.figure(campaign, "kakao/shares", 100)},
	}
}

// figure returns a cumulative number: between half and one and a half of what
// is usual for every hour since the figures began to grow, the first included.
func (s *Simulator) figure(campaign, name string, usual int64) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(campaign + "\x00" + name))
	perHour := usual/2 + int64(h.Sum64()%uint64(usual))
	elapsed := max(s.c.Now().Sub(s.c.Since), 0) + time.Hour
	return perHour * int64(elapsed/time.Second) / 3600
}

func refuse(w http.ResponseWriter, status int) {
	respond(w, status, map[string]string{"error": http.StatusText(status)})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that has gone needs no answer
}
