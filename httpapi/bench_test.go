package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"jangbu/events"
	"jangbu/httpapi"
)

// BenchmarkAnalytics serves one dashboard: from what is kept, and from the rows.
func BenchmarkAnalytics(b *testing.B) {
	for name, current := range map[string]bool{"kept": true, "read": false} {
		b.Run(name, func(b *testing.B) {
			f := &fresh{}
			f.current.Store(current)
			api := setup(b, func(cfg *httpapi.Config) { cfg.Freshness = f })
			api.fold(b, campaign("evt-1", "store-1")...)
			for _, region := range []string{"서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종"} {
				api.fold(b, &events.ParticipantRegistered{Campaign: "evt-1", Participant: region, Region: region})
			}
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/events/evt-1/analytics", nil)
			r.Header.Set("Authorization", "Bearer "+api.token)
			w := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				api.ServeHTTP(w, r)
			}
			if w.status != http.StatusOK {
				b.Fatalf("status %d", w.status)
			}
		})
	}
}

// discard is a response that discards its body.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
