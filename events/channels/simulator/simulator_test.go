package simulator_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"jangbu/events/channels/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "secret"

// patience is for what must come, impatience for what must not.
const (
	patience   = 30 * time.Second
	impatience = 250 * time.Millisecond
)

func since() time.Time { return time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) }

type testBundle struct {
	*simulator.Simulator
	client *http.Client
}

// setup starts a simulator at a time after the figures began to grow.
func setup(t *testing.T, after time.Duration) *testBundle {
	t.Helper()
	return setupWith(t, simulator.Config{Key: key, Since: since(), Now: func() time.Time { return since().Add(after) }})
}

func setupWith(t *testing.T, cfg simulator.Config) *testBundle {
	t.Helper()
	s, err := simulator.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &testBundle{s, client(t, &tls.Config{RootCAs: s.Roots()})}
}

// client keeps connections and TLS sessions where it can, follows no redirect
// and unpacks nothing.
func client(t *testing.T, secure *tls.Config) *http.Client {
	secure.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	transport := &http.Transport{TLSClientConfig: secure, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came before an error, if there was one.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// figures decodes an answer without its nesting.
func (a answer) figures(t *testing.T) map[string]float64 {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return flat(body)
}

func flat(body map[string]any) map[string]float64 {
	all := map[string]float64{}
	for name, v := range body {
		switch v := v.(type) {
		case float64:
			all[name] = v
		case map[string]any:
			for inner, f := range flat(v) {
				all[name+"/"+inner] = f
			}
		}
	}
	return all
}

// call makes one request and reads at most limit bytes of its answer.
func (b *testBundle) call(ctx context.Context, method, url string, header http.Header, limit int64) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return answer{}, err
	}
	r.Header = header.Clone()
	res, err := b.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, limit))
	return answer{res.StatusCode, res.Header, body}, err
}

// get asks for a campaign's figures with the right key.
func (b *testBundle) get(t *testing.T, a simulator.API, campaign string) (answer, error) {
	return b.getWithin(t, a, campaign, patience)
}

func (b *testBundle) getWithin(t *testing.T, a simulator.API, campaign string, limit time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return b.call(ctx, http.MethodGet, b.URL(a)+path(a, campaign), header(a), 8<<20)
}

// mustGet returns the figures of a good answer.
func (b *testBundle) mustGet(t *testing.T, a simulator.API, campaign string) map[string]float64 {
	t.Helper()
	got, err := b.get(t, a, campaign)
	if err != nil || got.status != http.StatusOK {
		t.Fatalf("%s: %v, status %d", a, err, got.status)
	}
	if got, want := got.header.Get("Content-Type"), "application/json"; got != want {
		t.Errorf("%s: Content-Type is %q, want %q", a, got, want)
	}
	return got.figures(t)
}

func path(a simulator.API, campaign string) string {
	switch a {
	case simulator.WooridongneTV:
		return "/stats/" + campaign
	case simulator.GenieTV:
		return "/campaign/" + campaign + "/stats"
	default:
		return "/posts/" + campaign + "/insights"
	}
}

func header(a simulator.API) http.Header {
	if a == simulator.SNS {
		return withBearer(key)
	}
	return withKey(key)
}

func withKey(k string) http.Header    { return http.Header{"X-Api-Key": {k}} }
func withBearer(k string) http.Header { return http.Header{"Authorization": {"Bearer " + k}} }

func TestShapes(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	want := map[simulator.API]string{
		simulator.WooridongneTV: `{"impressions":3394,"views":790}` + "\n",
		simulator.GenieTV:       `{"adImpressions":9483,"clicks":656}` + "\n",
		simulator.SNS:           `{"instagram":{"likes":337,"comments":74},"naver":{"views":2847},"kakao":{"shares":148}}` + "\n",
	}
	for _, a := range simulator.APIs() {
		got, err := b.get(t, a, "e")
		if err != nil || got.status != http.StatusOK {
			t.Fatalf("%s: %v, status %d", a, err, got.status)
		}
		if diff := cmp.Diff(want[a], string(got.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a, diff)
		}
		if n := b.Calls(a); n != 1 {
			t.Errorf("%s: %d calls, want 1", a, n)
		}
	}
}

func TestFiguresOfTheCaller(t *testing.T) {
	t.Parallel()
	b := setupWith(t, simulator.Config{Key: key, Now: since, Figure: func(campaign, name string, at time.Time) (int64, bool) {
		return 7, campaign == "e" && name == "naver/views" && at.Equal(since())
	}})
	if got := b.mustGet(t, simulator.SNS, "e"); got["naver/views"] != 7 || got["kakao/shares"] == 7 {
		t.Errorf("figures %v, want 7 of naver only", got)
	}
	if got := b.mustGet(t, simulator.SNS, "other"); got["naver/views"] == 7 {
		t.Errorf("figures of another campaign: %v", got)
	}
}

func TestFiguresDependOnCampaignAndTimeAndOnlyGrow(t *testing.T) {
	t.Parallel()
	before := map[simulator.API]map[string]float64{}
	for _, after := range []time.Duration{-time.Hour, 0, time.Second, time.Minute, 3 * time.Hour, 10_000 * time.Hour} {
		one, other := setup(t, after), setup(t, after)
		for _, a := range simulator.APIs() {
			now := one.mustGet(t, a, "campaign-1")
			if diff := cmp.Diff(now, other.mustGet(t, a, "campaign-1")); diff != "" {
				t.Errorf("%s told by two simulators at one time (-first +second):\n%s", a, diff)
			}
			for name, f := range now {
				if f <= 0 || f < before[a][name] || after == 3*time.Hour && f <= before[a][name] {
					t.Errorf("%s after %s: %s went from %v to %v", a, after, name, before[a][name], f)
				}
			}
			before[a] = now
		}
	}
	b := setup(t, 0)
	if cmp.Equal(b.mustGet(t, simulator.WooridongneTV, "1"), b.mustGet(t, simulator.WooridongneTV, "2")) {
		t.Error("two campaigns have the same figures")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, 0)
	status := func(b *testBundle, method string, a simulator.API, path string, header http.Header) int {
		got, err := b.call(t.Context(), method, b.URL(a)+path, header, 1<<10)
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
		return got.status
	}
	for _, c := range []struct {
		api    simulator.API
		path   string
		header http.Header
		want   int
	}{
		{simulator.WooridongneTV, "/stats/e", nil, http.StatusUnauthorized},
		{simulator.WooridongneTV, "/stats/e", withKey("wrong"), http.StatusUnauthorized},
		{simulator.WooridongneTV, "/stats/e", withBearer(key), http.StatusUnauthorized},
		{simulator.GenieTV, "/campaign/e/stats", nil, http.StatusUnauthorized},
		{simulator.SNS, "/posts/e/insights", withKey(key), http.StatusUnauthorized},
		{simulator.SNS, "/posts/e/insights", http.Header{"Authorization": {"Basic " + key}}, http.StatusUnauthorized},
		{simulator.SNS, "/posts/e/insights", withBearer(""), http.StatusUnauthorized},
		{simulator.WooridongneTV, "/", withKey(key), http.StatusNotFound},
		{simulator.WooridongneTV, "/stats", withKey(key), http.StatusNotFound},
		{simulator.WooridongneTV, "/stats/e/more", withKey(key), http.StatusNotFound},
		{simulator.WooridongneTV, "/campaign/e/stats", withKey(key), http.StatusNotFound},
		{simulator.GenieTV, "/stats/e", withKey(key), http.StatusNotFound},
		{simulator.SNS, "/stats/e", withKey(key), http.StatusNotFound},
		{simulator.SNS, "/posts/e", withBearer(key), http.StatusNotFound},
	} {
		if got := status(b, http.MethodGet, c.api, c.path, c.header); got != c.want {
			t.Errorf("GET %s of %s with %v = %d, want %d", c.path, c.api, c.header, got, c.want)
		}
	}
	if got := status(b, http.MethodPost, simulator.SNS, "/posts/e/insights", withBearer(key)); got != http.StatusNotFound {
		t.Errorf("POST = %d", got)
	}
	calls, ofCampaign := map[simulator.API]int64{}, map[simulator.API]int64{}
	for _, a := range simulator.APIs() {
		calls[a], ofCampaign[a] = b.Calls(a), b.CallsFor(a, "e")
	}
	if diff := cmp.Diff(map[simulator.API]int64{simulator.WooridongneTV: 7, simulator.GenieTV: 2, simulator.SNS: 6}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[simulator.API]int64{simulator.WooridongneTV: 3, simulator.GenieTV: 1, simulator.SNS: 3}, ofCampaign); diff != "" {
		t.Errorf("calls for the campaign (-want +got):\n%s", diff)
	}
	// A fault does not hide that the key is wrong.
	b.Order(simulator.WooridongneTV, simulator.Hang)
	if got := status(b, http.MethodGet, simulator.WooridongneTV, "/stats/e", withKey("wrong")); got != http.StatusUnauthorized {
		t.Errorf("a wrong key under %q = %d", simulator.Hang, got)
	}
	closed := setupWith(t, simulator.Config{Since: since()})
	if got := status(closed, http.MethodGet, simulator.WooridongneTV, "/stats/e", withKey("")); got != http.StatusUnauthorized {
		t.Errorf("a simulator without a key accepts a call: %d", got)
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const latency = 100 * time.Millisecond
	b := setupWith(t, simulator.Config{Key: key, Since: since(), Latency: latency})
	began := time.Now()
	b.mustGet(t, simulator.SNS, "e")
	if took := time.Since(began); took < latency {
		t.Errorf("a good answer took %v, want at least %v", took, latency)
	}
}
