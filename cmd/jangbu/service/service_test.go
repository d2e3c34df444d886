package service

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"jangbu/cmd/jangbu/cli"
	"jangbu/events"
	"jangbu/events/bus/kafka"
)

// bundle is a running service with a Kafka client of its own.
type bundle struct {
	*Service
	producer *kafka.Producer
	log      *lockedBuffer
}

// testConfig is a service on free ports with its files in dir.
func testConfig(dir string) Config {
	cfg := Embedded(dir)
	cfg.LogConfig = cli.LogConfig{LogLevel: "debug", LogFormat: "json"}
	return cfg
}

// setup starts a service that ends with the test.
func setup(t *testing.T, cfg Config) *bundle {
	t.Helper()
	b := &bundle{log: &lockedBuffer{}}
	logger := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	if b.Service, err = Start(ctx, cfg, logger); err != nil {
		cancel()
		t.Fatalf("start service: %v\n%s", err, b.log)
	}
	if b.producer, err = kafka.NewProducer(b.Kafka()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- b.Wait(ctx) }()
	t.Cleanup(func() {
		_ = b.producer.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("service ended: %v\n%s", err, b.log)
		}
	})
	return b
}

// produce sends records and waits until the broker has them.
func (b *bundle) produce(t *testing.T, records ...events.Record) {
	t.Helper()
	if err := b.producer.Produce(t.Context(), records); err != nil {
		t.Fatalf("produce: %v", err)
	}
}

// get asks the API.
func (b *bundle) get(t *testing.T, path string) (status int, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("get %s: %v", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("get %s: %v", path, err)
	}
	return res.StatusCode, body
}

// dashboard asks for a campaign's dashboard; ok is false while there is none.
func (b *bundle) dashboard(t *testing.T, campaign string) (d servedDashboard, ok bool) {
	t.Helper()
	status, body := b.get(t, "/api/events/"+url.PathEscape(campaign)+"/analytics")
	if status == http.StatusNotFound {
		return d, false
	}
	if status != http.StatusOK {
		t.Fatalf("dashboard of %s: status %d: %s", campaign, status, body)
	}
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatalf("dashboard of %s: %v: %s", campaign, err, body)
	}
	return d, true
}

// settled waits until the log holds at least what is wanted and every projection
// has folded all of it. Wanted are effects, and not records received: a frame
// whose partition is handed over in the middle of it comes again, so records may
// be received more often than they were sent (I1).
func (b *bundle) settled(t *testing.T, want events.Totals, limit time.Duration) events.Totals {
	t.Helper()
	var totals events.Totals
	waitFor(t, limit, func() string {
		var err error
		if totals, err = b.Service.log.Totals(t.Context()); err != nil {
			t.Fatal(err)
		}
		if totals.Head < want.Head || totals.Duplicates < want.Duplicates || totals.DeadLettered < want.DeadLettered {
			return fmt.Sprintf("the log has %+v of %+v", totals, want)
		}
		for _, at := range b.runner.Status().Checkpoints {
			if at.Position < totals.Head {
				return fmt.Sprintf("%s stands at %d of %d", at.Projection, at.Position, totals.Head)
			}
		}
		return ""
	})
	return totals
}

// lockedBuffer collects a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(l.b.String())
}
