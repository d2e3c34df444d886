package service

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"jangbu/events"
)

// TestMetrics judges /metrics as promtool does, and looks for what operators are
// promised.
func TestMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t, testConfig(t.TempDir()))
	b.produce(t, record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`), record("event-created", "evt-2", `{`))
	b.settled(t, events.Totals{Head: 1, DeadLettered: 1}, 10*time.Second)
	b.dashboard(t, "evt-1")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.adminURL+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var text strings.Builder
	problems, err := promlint.New(io.TeeReader(res.Body, &text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, want := range []string{
		`jangbu_http_requests_total{route="getAnalytics",status="200"} 1`, "jangbu_http_request_seconds_bucket",
		`jangbu_cache_reads_total{from="rows"}`, "jangbu_cache_refreshes_total", "jangbu_cache_refused_total", `jangbu_cache_breaker_state{state="closed"} 1`,
		`jangbu_ingested_events_total{outcome="appended",type="EventCreated"} 1`, "jangbu_log_append_seconds_bucket", "jangbu_log_append_events_bucket",
		"jangbu_log_head 1", `jangbu_projection_position{projection="event_stats"} 1`, `jangbu_projection_lag_events{projection="event_stats"} 0`,
		`jangbu_projection_lag_seconds{projection="event_stats"} 0`, `jangbu_ingested_dead_letters_total{reason="malformed"} 1`,
		`jangbu_source_gaps_total{topic="event-created"} 0`, `jangbu_source_gap_records_total{topic="event-created"} 0`,
		`jangbu_log_dead_letters 1`, `jangbu_log_dead_letters_discarded 0`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s", want)
		}
	}
}
