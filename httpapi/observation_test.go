package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
)

// seen keeps what an API observes.
type seen struct {
	mu  sync.Mutex
	all []httpapi.Observation
}

func (s *seen) observe(o httpapi.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, o)
}

// take returns what was observed since the last call.
func (s *seen) take() []httpapi.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}

// TestObservations: each request is observed once, with who, what and how it ended, and with
// nothing that a client may have put a token or a person into.
func TestObservations(t *testing.T) {
	t.Parallel()
	var s seen
	b := setupHistory(t, func(cfg *httpapi.Config) { cfg.Observe = s.observe })
	b.fold(t, campaign("evt-1", "store-1")...)
	kim := "Authorization: Bearer " + mint(t, owner("store-1"))
	who := httpapi.Observation{Subject: "owner-of-[store-1]", Role: auth.Owner}
	of := func(o httpapi.Observation, route string, status int, c, shop string) httpapi.Observation {
		o.Phase, o.Client, o.Method, o.Route, o.Status = httpapi.Answered, "192.0.2.1", http.MethodGet, route, status
		if c != "" {
			o.Campaign = "evt-1"
		}
		if shop != "" {
			o.Shop = "store-1"
		}
		return o
	}
	refused := func(o httpapi.Observation, why string) httpapi.Observation { o.Reason = why; return o }
	head := of(who, "getAnalytics", 200, "evt-1", "store-1")
	head.Method = http.MethodHead
	odd := of(httpapi.Observation{}, "", 405, "", "")
	odd.Method = "other"
	for _, test := range []struct {
		method, target string
		headers        []string
		want           httpapi.Observation
	}{
		{"GET", "/api/events/evt-1/analytics", []string{kim}, of(who, "getAnalytics", 200, "evt-1", "store-1")},
		{"HEAD", "/api/events/evt-1/analytics", []string{kim}, head},
		{"GET", "/api/events/evt-1/digest?tz=Asia/Seoul", []string{kim}, of(who, "getDigest", 200, "evt-1", "store-1")},
		{"GET", "/api/events/evt-1/analytics?asOf=2", []string{kim}, of(who, "getAnalytics", 200, "evt-1", "store-1")},
		{"GET", "/api/events/evt-1/analytics/evidence", []string{kim}, of(who, "getEvidence", 200, "evt-1", "store-1")},
		{"GET", "/api/stores/store-1/events", []string{kim}, of(who, "listEvents", 200, "", "store-1")},
		{"GET", "/api/stores/store-1/events?title=010-1234-5678", []string{kim}, of(who, "listEvents", 200, "", "store-1")},
		{"GET", "/api/events/010-1234-5678/analytics", []string{kim}, of(who, "getAnalytics", 404, "", "")},
		{"GET", "/api/stores/kim@example.com/events", []string{kim}, of(who, "listEvents", 404, "", "")},
		{"GET", "/api/events/evt-1/analytics?tz=Mars", []string{kim}, of(who, "getAnalytics", 400, "", "")},
		{"GET", "/api/events/evt-1/analytics", []string{"Authorization: none"}, refused(of(httpapi.Observation{}, "getAnalytics", 401, "", ""), "there is no Authorization header")},
		{"GET", "/api/events/evt-1/analytics", []string{"Authorization: Bearer a.b"}, refused(of(httpapi.Observation{}, "getAnalytics", 401, "", ""), "the token does not have three parts")},
		{"GET", "/openapi.yaml", []string{"Authorization: none"}, of(httpapi.Observation{}, "getContract", 200, "", "")},
		{"GET", "/no/such/010-1234-5678", []string{kim}, of(httpapi.Observation{}, "", 404, "", "")},
		{"BREW-010-1234-5678", "/api/events/evt-1/analytics", []string{kim}, odd},
	} {
		b.lax = test.want.Method == "other"
		w := b.do(t, test.method, test.target, test.headers...)
		got := s.take()
		if len(got) != 1 {
			t.Errorf("%s %s: %d observations", test.method, test.target, len(got))
			continue
		}
		if diff := cmp.Diff(test.want, got[0], cmpopts.IgnoreFields(httpapi.Observation{}, "At", "Took", "Bytes", "Kept")); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.method, test.target, diff)
		}
		if got[0].Bytes != int64(w.Body.Len()) || got[0].At.IsZero() {
			t.Errorf("%s %s: %d bytes at %v, want %d", test.method, test.target, got[0].Bytes, got[0].At, w.Body.Len())
		}
	}
}

// TestObservedStream: a stream is observed when it begins, and when it ends with the reason.
func TestObservedStream(t *testing.T) {
	t.Parallel()
	var s seen
	draining := make(chan struct{})
	b := setup(t, func(cfg *httpapi.Config) { cfg.Observe, cfg.Draining = s.observe, draining })
	b.fold(t, campaign("evt-1", "store-1")...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.do(t, http.MethodGet, "/api/events/evt-1/analytics/stream")
	}()
	var begun []httpapi.Observation
	for deadline := time.Now().Add(20 * time.Second); len(begun) == 0; time.Sleep(time.Millisecond) {
		if begun = s.take(); time.Now().After(deadline) {
			t.Fatal("the begin of the stream is not observed")
		}
	}
	close(draining)
	<-done
	ended := s.take()
	if len(begun) != 1 || len(ended) != 1 {
		t.Fatalf("observed %+v, then %+v", begun, ended)
	}
	was, is := begun[0], ended[0]
	if was.Phase != httpapi.StreamBegun || was.Campaign != "evt-1" || was.Shop != "store-1" || was.Subject != "analyst" || was.Status != 200 || was.Reason != "" {
		t.Errorf("begun: %+v", was)
	}
	if is.Phase != httpapi.StreamEnded || is.Campaign != "evt-1" || is.Reason != "the server stops" || is.Bytes == 0 || is.At != was.At || is.Took <= was.Took {
		t.Errorf("ended: %+v", is)
	}
}

// panics is a reader that panics.
type panics struct{ readmodel.Reader }

func (panics) ShopCampaigns(context.Context, events.Shop, readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	panic("of the reader")
}

func (panics) ShopPage(context.Context, events.Shop, readmodel.ShopPage, readmodel.Scope) ([]readmodel.ShopCampaign, error) {
	panic("of the reader")
}

// TestObservedPanic: a handler that panics is observed as the 500 that it is.
func TestObservedPanic(t *testing.T) {
	t.Parallel()
	var s seen
	b := setup(t, func(cfg *httpapi.Config) { cfg.Observe, cfg.Reader = s.observe, panics{cfg.Reader} })
	func() {
		defer func() {
			if p := recover(); p == nil || !strings.Contains(p.(string), "of the reader") {
				t.Errorf("recovered %v", p)
			}
		}()
		b.do(t, http.MethodGet, "/api/stores/store-1/events")
	}()
	if got := s.take(); len(got) != 1 || got[0].Status != http.StatusInternalServerError || got[0].Route != "listEvents" {
		t.Errorf("observed %+v", got)
	}
}
