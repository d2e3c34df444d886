package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jangbu/events/channels/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "secret"

func since() time.Time { return time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) }

// call makes one request.
func call(t *testing.T, s http.Handler, method, path string, header http.Header) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.Header = header
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var body map[string]any
	if w.Header().Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%s %s: %v in %q", method, path, err, w.Body)
		}
	}
	return w.Code, body
}

func withKey(k string) http.Header    { return http.Header{"X-Api-Key": {k}} }
func withBearer(k string) http.Header { return http.Header{"Authorization": {"Bearer " + k}} }

func at(after time.Duration) *simulator.Simulator {
	return simulator.New(simulator.Config{Key: key, Since: since(), Now: func() time.Time { return since().Add(after) }})
}

// paths are the three APIs, each with the header that opens it.
func paths(campaign string) map[string]http.Header {
	return map[string]http.Header{
		"/stats/" + campaign:               withKey(key),
		"/campaign/" + campaign + "/stats": withKey(key),
		"/posts/" + campaign + "/insights": withBearer(key),
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	s := at(0)
	want := map[string]map[string]any{
		"/stats/e":          {"impressions": 0.0, "views": 0.0},
		"/campaign/e/stats": {"adImpressions": 0.0, "clicks": 0.0},
		"/posts/e/insights": {
			"instagram": map[string]any{"likes": 0.0, "comments": 0.0},
			"naver":     map[string]any{"views": 0.0}, "kakao": map[string]any{"shares": 0.0},
		},
	}
	anyFigure := cmp.Comparer(func(a, b float64) bool { return a >= 0 && b >= 0 && a == float64(int64(a)) })
	for path, header := range paths("e") {
		status, body := call(t, s, http.MethodGet, path, header)
		if status != http.StatusOK {
			t.Errorf("GET %s = %d", path, status)
		}
		if diff := cmp.Diff(want[path], body, anyFigure); diff != "" {
			t.Errorf("GET %s (-want +got):\n%s", path, diff)
		}
	}
	if diff := cmp.Diff(simulator.Calls{WooridongneTV: 1, GenieTV: 1, SNS: 1}, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// figures flattens an answer.
func figures(body map[string]any) map[string]float64 {
	flat := map[string]float64{}
	for name, v := range body {
		switch v := v.(type) {
		case float64:
			flat[name] = v
		case map[string]any:
			for inner, f := range figures(v) {
				flat[name+"/"+inner] = f
			}
		}
	}
	return flat
}

func TestFiguresDependOnCampaignAndTimeAndOnlyGrow(t *testing.T) {
	t.Parallel()
	for path, header := range paths("campaign-1") {
		before := map[string]float64{}
		for _, after := range []time.Duration{-time.Hour, 0, time.Second, time.Minute, 3 * time.Hour, 10_000 * time.Hour} {
			_, body := call(t, at(after), http.MethodGet, path, header)
			_, again := call(t, at(after), http.MethodGet, path, header)
			now := figures(body)
			if diff := cmp.Diff(now, figures(again)); diff != "" {
				t.Errorf("GET %s twice at one time (-first +second):\n%s", path, diff)
			}
			for name, f := range now {
				if f <= 0 || f < before[name] || after == 3*time.Hour && f <= before[name] {
					t.Errorf("GET %s after %s: %s went from %v to %v", path, after, name, before[name], f)
				}
			}
			before = now
		}
	}
	_, one := call(t, at(0), http.MethodGet, "/stats/1", withKey(key))
	_, two := call(t, at(0), http.MethodGet, "/stats/2", withKey(key))
	if cmp.Equal(one, two) {
		t.Error("two campaigns have the same figures")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := at(0)
	for _, c := range []struct {
		path   string
		header http.Header
		want   int
	}{
		{"/stats/e", nil, http.StatusUnauthorized},
		{"/stats/e", withKey("wrong"), http.StatusUnauthorized},
		{"/stats/e", withBearer(key), http.StatusUnauthorized},
		{"/campaign/e/stats", nil, http.StatusUnauthorized},
		{"/posts/e/insights", withKey(key), http.StatusUnauthorized},
		{"/posts/e/insights", http.Header{"Authorization": {"Basic " + key}}, http.StatusUnauthorized},
		{"/posts/e/insights", withBearer(""), http.StatusUnauthorized},
		{"/", withKey(key), http.StatusNotFound},
		{"/stats", withKey(key), http.StatusNotFound},
		{"/stats/e/more", withKey(key), http.StatusNotFound},
		{"/posts/e", withBearer(key), http.StatusNotFound},
	} {
		if status, _ := call(t, s, http.MethodGet, c.path, c.header); status != c.want {
			t.Errorf("GET %s with %v = %d, want %d", c.path, c.header, status, c.want)
		}
	}
	if diff := cmp.Diff(simulator.Calls{WooridongneTV: 3, GenieTV: 1, SNS: 3}, s.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	closed := simulator.New(simulator.Config{Now: since, Since: since()})
	if status, _ := call(t, closed, http.MethodGet, "/stats/e", withKey("")); status != http.StatusUnauthorized {
		t.Errorf("a simulator without a key let somebody in: %d", status)
	}
	if status, _ := call(t, s, http.MethodPost, "/stats/e", withKey(key)); status == http.StatusOK {
		t.Errorf("POST = %d", status)
	}
}
