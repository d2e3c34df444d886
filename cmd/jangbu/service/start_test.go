package service

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
)

// TestStartsInAnyOrder starts the process first, then what it needs, part by part: it waits for
// each, says for which, and serves once all that it cannot do without is there.
func TestStartsInAnyOrder(t *testing.T) {
	t.Parallel()
	database, redis := services.StartPostgres(t, "fsync=off"), services.StartRedis(t)
	cfg := testConfig(t.TempDir())
	cfg.DatabaseURL, cfg.RedisURL = database.Database(t, "jangbu"), "redis://"+redis.Addr
	cfg.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(cfg.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	cfg.KafkaBrokers, cfg.AdminAddr = []string{freeAddress(t)}, freeAddress(t)
	database.Stop(t)
	redis.Stop(t)

	logged := &lockedBuffer{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type result struct {
		s   *Service
		err error
	}
	started := make(chan result, 1)
	go func() {
		s, err := Start(ctx, cfg, slog.New(slog.NewJSONHandler(logged, nil)))
		started <- result{s, err}
	}()
	awaits := func(part string) {
		t.Helper()
		waitFor(t, 20*time.Second, func() string {
			status, parts := readiness(t, cfg.AdminAddr)
			if status == http.StatusServiceUnavailable && strings.HasPrefix(parts, part+": ") && !strings.Contains(parts, errAwaited.Error()) {
				return ""
			}
			return part + " is not waited for, but " + parts
		})
	}
	awaits("log")
	database.Start(t)
	awaits("broker")
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: cfg.KafkaBrokers[0], Partitions: 12, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	got := <-started
	if got.err != nil {
		t.Fatalf("%v\n%s", got.err, logged)
	}
	b := &bundle{Service: got.s, log: logged}
	defer func() { _ = got.s.Stop() }()
	if b.producer, err = kafka.NewProducer(b.Kafka()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.producer.Close() }()
	b.produce(t, record("event-created", "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"t","objective":"o"}`))
	b.settled(t, events.Totals{Head: 1}, 20*time.Second)
	if _, ok := b.dashboard(t, "evt-1"); !ok {
		t.Error("a dashboard is not served without Redis")
	}
	redis.Start(t)
	for part, times := range map[string]int{"log": 1, "broker": 1} {
		if n := strings.Count(logged.String(), `"start: waits for `+part+`"`); n != times {
			t.Errorf("it is logged %d times that %s is waited for, want once\n%s", n, part, logged)
		}
	}
}

// TestStartsBeforeItsKeys starts the read API before the host of the keys that verify tokens.
func TestStartsBeforeItsKeys(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	host := freeAddress(t)
	cfg.authConfig = authConfig{JWKSURL: "http://" + host + "/keys", JWTIssuer: "i", JWTAudience: "a"}
	cfg.AdminAddr = freeAddress(t)
	logged := &lockedBuffer{}
	started := make(chan error, 1)
	go func() {
		s, err := Start(t.Context(), cfg, slog.New(slog.NewJSONHandler(logged, nil)))
		if err == nil {
			err = s.Stop()
		}
		started <- err
	}()
	waits := func(what string) {
		t.Helper()
		waitFor(t, 20*time.Second, func() string {
			_, parts := readiness(t, cfg.AdminAddr)
			if strings.HasPrefix(parts, "token keys: ") && strings.Contains(parts, what) {
				return ""
			}
			return what + " is not told, but " + parts
		})
	}
	waits("refused")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	var ready atomic.Bool
	keys := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	})}
	go func() { _ = keys.Serve(listener) }()
	defer func() { _ = keys.Close() }()
	waits("status 502")
	ready.Store(true)
	if err := <-started; err != nil {
		t.Fatalf("%v\n%s", err, logged)
	}
}

// freeAddress returns an address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// readiness returns the status of /readyz, and the parts that are not ready with their errors.
func readiness(t *testing.T, admin string) (status int, parts string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error() // it does not listen yet
	}
	defer func() { _ = res.Body.Close() }()
	var body struct {
		Parts []struct {
			Name, Error string
			Ready       bool
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, p := range body.Parts {
		if !p.Ready {
			missing = append(missing, p.Name+": "+p.Error)
		}
	}
	return res.StatusCode, strings.Join(missing, "; ")
}
