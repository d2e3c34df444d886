package service

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/projections"
	"jangbu/readmodel"
)

// newsWithin is how soon a stream says that it is behind, and that it no longer is.
const newsWithin = 5 * time.Second

// beats are the beats of a stream.
type beats struct {
	came chan string // the reason of the delay; empty: none
}

// listen opens the stream of a campaign.
func (b *bundle) listen(t *testing.T, campaign string) *beats {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+"/api/events/"+campaign+"/analytics/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("stream: %v, %v", res, err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	s := &beats{make(chan string, 1000)}
	go func() {
		defer close(s.came)
		for e, err := range sse.Read(res.Body, nil) {
			if err != nil {
				return
			}
			var beat struct {
				Delayed *struct {
					Seconds int    `json:"seconds"`
					Reason  string `json:"reason"`
				} `json:"delayed"`
			}
			switch {
			case e.Type != "beat":
			case json.Unmarshal([]byte(e.Data), &beat) != nil:
				s.came <- "malformed: " + e.Data
			case beat.Delayed == nil:
				s.came <- ""
			default:
				s.came <- beat.Delayed.Reason
			}
		}
	}()
	return s
}

// says waits until the stream tells a reason; the empty one: none.
func (s *beats) says(t *testing.T, reason string) {
	t.Helper()
	start, last := time.Now(), "nothing"
	for deadline := time.After(newsWithin); ; {
		select {
		case got, ok := <-s.came:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if last = got; got == reason {
				t.Logf("%q after %v", reason, time.Since(start).Round(time.Millisecond))
				return
			}
		case <-deadline:
			t.Fatalf("after %v the stream says %q, want %q", newsWithin, last, reason)
		}
	}
}

// TestStreamsSayThatTheyAreBehind: of a process that only serves, a stream says within 5 s that
// what it shows is behind, why, and that it is over (I15).
func TestStreamsSayThatTheyAreBehind(t *testing.T) {
	t.Parallel()
	database := services.Database(t)
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	proxy := services.StartProxy(t, "postgres", at.Host)
	at.Host = proxy.Listen
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: Partitions, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	run := func(database, role string) (s *Service, stop func()) {
		t.Helper()
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL, cfg.MasterKeyFile, cfg.Role, cfg.KafkaBrokers = database, key, []string{role}, []string{broker.Addr()}
		s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		stop = sync.OnceFunc(func() {
			if err := s.Stop(); err != nil {
				t.Errorf("stop %s: %v", role, err)
			}
		})
		t.Cleanup(stop)
		return s, stop
	}
	run(database, roleIngest)
	leader, stopLeader := run(database, roleProject)
	api, _ := run(at.String(), roleAPI)
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	b := &bundle{Service: api, producer: producer}
	registered := 0
	happen := func() {
		t.Helper()
		registered++
		b.produce(t, record(api.cfg.TopicParticipantRegistered, "evt-1", fmt.Sprintf(`{"eventId":"evt-1","participantId":"p-%d","phoneNumber":"010-1234-5678"}`, registered)))
	}
	happen()
	waitFor(t, time.Minute, func() string {
		if _, ok := b.dashboard(t, "evt-1"); !ok {
			return "no dashboard"
		}
		return ""
	})
	s := b.listen(t, "evt-1")
	s.says(t, "")

	if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(`{"name":"frozen","type":"timeout","attributes":{"timeout":0}}`)); err != nil {
		t.Fatal(err)
	}
	s.says(t, "rows")
	if err := proxy.Toxics.RemoveToxic(t.Context(), "frozen"); err != nil {
		t.Fatal(err)
	}
	s.says(t, "")

	proxy.Stop()
	s.says(t, "rows")
	res, err := http.Get("http://" + api.httpAddr + "/api/events/evt-never-read/analytics")
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || res.Body.Close() != nil {
		t.Errorf("while the database is away: status %d, %v", res.StatusCode, res.Header)
	}
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	s.says(t, "")

	order := func(kind readmodel.OperationKind) {
		t.Helper()
		op := readmodel.Operation{Kind: kind, Who: "test"}
		for _, p := range projections.All() {
			op.Projections = append(op.Projections, p.Name())
		}
		op, err := leader.rows.Ask(t.Context(), op)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, time.Minute, func() string {
			if op, err := leader.rows.Operation(t.Context(), op.ID); err != nil || op.State != readmodel.Done {
				return fmt.Sprint(op.State, err)
			}
			return ""
		})
	}
	order(readmodel.Pause)
	happen()
	s.says(t, "paused")
	// One that opens its page now learns it as well.
	b.listen(t, "evt-1").says(t, "paused")
	order(readmodel.Resume)
	s.says(t, "")

	stopLeader()
	happen()
	s.says(t, "rows")
	run(database, roleProject)
	s.says(t, "")
}
