package httpapi_test

import (
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/httpapi"
)

const (
	friend   = "https://shop.example.com"
	stranger = "https://evil.example.com"
)

// corsOf returns the headers of a response by which a browser decides, and whether the response
// varies with the origin.
func corsOf(h http.Header) (allowed map[string]string, varies bool) {
	allowed = make(map[string]string)
	for name, values := range h {
		if what, ok := strings.CutPrefix(name, "Access-Control-"); ok {
			allowed[what] = strings.Join(values, "|")
		}
	}
	return allowed, slices.Contains(strings.Split(strings.Join(h.Values("Vary"), ", "), ", "), "Origin")
}

// TestOtherOrigins: of other origins, only the pages of those that are configured may read, what
// fails and streams included; caches keep the answers apart.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	for name, cookies := range map[string]bool{"with cookies": true, "by header only": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(cfg *httpapi.Config) {
				cfg.Origins, cfg.Cookies = []string{"http://localhost:3000", friend}, cookies
			})
			b.fold(t, &events.EventCreated{Campaign: "evt-1", Shop: "store-1", Title: "봄", Objective: "x"})
			want := map[string]string{"Allow-Origin": friend, "Expose-Headers": "Date, ETag, Retry-After"}
			if cookies {
				want["Allow-Credentials"] = "true"
			}
			for target, status := range map[string]int{
				"/api/events/evt-1/analytics":        http.StatusOK,
				"/api/events/evt-1/analytics/stream": http.StatusOK,
				"/api/stores/store-1/events":         http.StatusOK,
				"/api/events/evt-1/analytics?tz=x":   http.StatusBadRequest,
				"/api/events/evt-2/analytics":        http.StatusNotFound,
				"/no-such":                           http.StatusNotFound,
				"/openapi.yaml":                      http.StatusOK,
				"/":                                  http.StatusOK,
			} {
				for range 2 { // the second time an encoded one
					method := http.MethodGet
					if strings.HasSuffix(target, "/stream") {
						method = http.MethodHead
					}
					w := b.do(t, method, target, "Origin: "+friend)
					got, varies := corsOf(w.Header())
					if diff := cmp.Diff(want, got); diff != "" || !varies || w.Code != status {
						t.Errorf("%s for %s: status %d, varies: %t (-want +got):\n%s", target, friend, w.Code, varies, diff)
					}
				}
				for _, origin := range []string{stranger, "null", friend + ".evil.example.com", "http://shop.example.com", strings.ToUpper(friend), ""} {
					w := b.do(t, http.MethodHead, target, "Origin: "+origin)
					if got, varies := corsOf(w.Header()); len(got) > 0 || !varies {
						t.Errorf("%s for %q: %v, varies: %t", target, origin, got, varies)
					}
				}
			}
			if w := b.do(t, http.MethodGet, "/api/events/evt-1/analytics", "Origin: "+friend, "Authorization: none"); w.Code != http.StatusUnauthorized || w.Header().Get("Access-Control-Allow-Origin") != friend {
				t.Errorf("without a token: status %d, for %q: the page cannot tell", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

// TestPreflight: a browser that asks first learns what a page may send, without a token, and only
// where its origin may read.
func TestPreflight(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *httpapi.Config) { cfg.Origins = []string{friend} })
	b.lax = true // an OPTIONS is not of the contract
	ask := func(origin string, more ...string) *httptest.ResponseRecorder {
		return b.do(t, http.MethodOptions, "/api/events/evt-1/analytics", append(more, "Authorization: none", "Origin: "+origin)...)
	}
	w := ask(friend, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization,if-none-match")
	got, varies := corsOf(w.Header())
	want := map[string]string{
		"Allow-Origin": friend, "Allow-Methods": "GET, HEAD", "Allow-Headers": "Authorization, If-None-Match, Last-Event-ID",
		"Max-Age": "600", "Expose-Headers": "Date, ETag, Retry-After",
	}
	if diff := cmp.Diff(want, got); diff != "" || !varies || w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("status %d, %d bytes, varies: %t (-want +got):\n%s", w.Code, w.Body.Len(), varies, diff)
	}
	if w := ask(stranger, "Access-Control-Request-Method: GET"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("for %s: status %d", stranger, w.Code)
	} else if got, _ := corsOf(w.Header()); len(got) > 0 {
		t.Errorf("for %s: %v", stranger, got)
	}
	if w := ask(friend); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("an OPTIONS that is no preflight: status %d", w.Code)
	}
}

// TestPreflightsArePaid: preflights, and queries that are too long, are bounded by address like
// what else comes without a token, and cost those nothing who are known there.
func TestPreflightsArePaid(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *httpapi.Config) {
		cfg.Origins, cfg.Limits = []string{friend}, httpapi.Limits{PerToken: 50, PerShop: 50, PerAddress: 50}
	})
	b.lax = true // an OPTIONS is not of the contract
	b.fold(t, campaign("evt-1", "store-1")...)
	all := make(map[int]int)
	for range 200 {
		w := b.do(t, http.MethodOptions, anAnalytics, "Authorization: none", "Origin: "+friend, "Access-Control-Request-Method: GET")
		all[w.Code]++
		if w.Code == http.StatusTooManyRequests && (w.Header().Get("Retry-After") == "" || w.Header().Get("Access-Control-Allow-Origin") != friend) {
			t.Fatalf("a preflight that is refused: %v", w.Header())
		}
	}
	if all[http.StatusNoContent] != 150 || all[http.StatusTooManyRequests] != 50 { // 50 a second, for three seconds
		t.Errorf("preflights: %v", all)
	}
	if got := b.outcomes(t, 100, anAnalytics+"?x="+strings.Repeat("x", 2048)); got[http.StatusBadRequest] != 15 || got[http.StatusTooManyRequests] != 85 {
		t.Errorf("queries that are too long: %v", got)
	}
	good := "Authorization: Bearer " + mint(t, owner("store-1"))
	if got := b.outcomes(t, 50, anAnalytics, good); got[http.StatusOK] != 50 {
		t.Errorf("beside them: %v", got)
	}
}

// TestNoOtherOrigins: where none is configured, responses say nothing of origins.
func TestNoOtherOrigins(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	w := b.do(t, http.MethodGet, "/openapi.yaml", "Origin: "+friend)
	if got, varies := corsOf(w.Header()); len(got) > 0 || varies {
		t.Errorf("%v, varies: %t", got, varies)
	}
}

// TestStrictTransport: only a response that came encrypted says that others must, too.
func TestStrictTransport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	got := make(map[string]string)
	for name, state := range map[string]*tls.ConnectionState{"encrypted": {}, "plain": nil} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/no-such", nil)
		r.TLS = state
		w := httptest.NewRecorder()
		b.ServeHTTP(w, r)
		got[name] = w.Header().Get("Strict-Transport-Security")
	}
	if want := map[string]string{"encrypted": "max-age=31536000; includeSubDomains", "plain": ""}; !maps.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
