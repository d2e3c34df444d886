package service

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"jangbu/events"
	"jangbu/events/bus/kafka"
)

// spans is an OTLP receiver.
type spans struct {
	mu    sync.Mutex
	spans []*tracepb.Span
}

// serve returns the receiver's address.
func (s *spans) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/traces" {
		http.NotFound(w, r)
		return
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	b, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(b, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			s.spans = append(s.spans, scope.Spans...)
		}
	}
}

func (s *spans) find(match func(*tracepb.Span) bool) *tracepb.Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.spans, match); i >= 0 {
		return s.spans[i]
	}
	return nil
}

// TestTraces follows one record from its producer's trace to its rows, and one
// request to the route that answered it.
func TestTraces(t *testing.T) {
	t.Parallel()
	received := &spans{}
	server := httptest.NewServer(received)
	t.Cleanup(server.Close)
	cfg := testConfig(t.TempDir())
	cfg.OTLPEndpoint = server.URL
	s, err := Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{Service: s, log: &lockedBuffer{}}
	if b.producer, err = kafka.NewProducer(s.Kafka()); err != nil {
		t.Fatal(err)
	}
	const producers = "0af7651916cd43dd8448eb211c80319c"
	traced := record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`)
	traced.Headers = []events.Header{{Key: "traceparent", Value: []byte("00-" + producers + "-b7ad6b7169203331-01")}}
	b.produce(t, traced)
	b.settled(t, events.Totals{Head: 1}, 10*time.Second)
	b.dashboard(t, "evt-1")
	if err := b.producer.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil { // sends what is left
		t.Error(err)
	}

	links := func(span *tracepb.Span) (traces []string) {
		for _, l := range span.Links {
			traces = append(traces, hex.EncodeToString(l.TraceId))
		}
		return traces
	}
	ingest := received.find(func(s *tracepb.Span) bool { return s.Name == "ingest event-created" })
	if ingest == nil || !slices.Contains(links(ingest), producers) {
		t.Fatalf("no ingestion is linked to the producer's trace: %v", ingest)
	}
	appended := received.find(func(s *tracepb.Span) bool { return s.Name == "append" && string(s.TraceId) == string(ingest.TraceId) })
	if appended == nil || string(appended.ParentSpanId) != string(ingest.SpanId) {
		t.Fatalf("no append within the ingestion: %v", appended)
	}
	if rows := received.find(func(s *tracepb.Span) bool {
		return s.Name == "commit rows" && slices.Contains(links(s), hex.EncodeToString(appended.TraceId))
	}); rows == nil {
		t.Error("no commit of rows is linked to the append")
	}
	if request := received.find(func(s *tracepb.Span) bool {
		return s.Kind == tracepb.Span_SPAN_KIND_SERVER && strings.Contains(s.Name, "/api/events/{id}/analytics")
	}); request == nil {
		t.Error("no request was traced")
	}
	if command := received.find(func(s *tracepb.Span) bool { return s.Kind == tracepb.Span_SPAN_KIND_CLIENT }); command == nil {
		t.Error("no call of Redis was traced")
	}
	if received.find(func(s *tracepb.Span) bool { return strings.Contains(s.String(), "010-") }) != nil {
		t.Error("a phone number is in a trace")
	}
}
