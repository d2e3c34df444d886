package service

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
	"jangbu/events/privacy"
	"jangbu/readmodel"
)

// TestChangesAreVisibleAtOnce: a registration of a campaign that nothing has happened to for a
// while is shown on its stream as soon as it is through, whether one process does it all or each
// part its own: no interval that is waited out is on its way. The least of some times says so
// on a machine of any load.
func TestChangesAreVisibleAtOnce(t *testing.T) {
	t.Parallel()
	const within = 200 * time.Millisecond // less than the 250 ms between two views
	for name, open := range map[string]func(testing.TB) *bundle{"one process": together, "a process for each part": apart} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			took := open(t).visible(t, 6)
			t.Logf("after %v", took)
			if took[0] > within {
				t.Errorf("visible after %v, want at most %v", took[0], within)
			}
		})
	}
}

// BenchmarkVisible reports how long after it was produced a registration of a quiet campaign is
// on its stream.
func BenchmarkVisible(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *bundle{"one": together, "apart": apart} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				took := open(b).visible(b, 40)
				for unit, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99} {
					b.ReportMetric(milliseconds(took[int(float64(len(took)-1)*share)]), unit)
				}
			}
		})
	}
}

// together starts a service of all parts, embedded.
func together(t testing.TB) *bundle {
	t.Helper()
	cfg := testConfig(t.TempDir())
	b := &bundle{Service: begin(t, cfg)}
	b.producer = producerTo(t, b.Kafka())
	return b
}

// apart starts a service for each part that a registration passes, on PostgreSQL and Redis, and
// returns the one that is asked.
func apart(t testing.TB) *bundle {
	t.Helper()
	database, redis := services.Database(t), services.StartRedis(t)
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: Partitions, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	key := filepath.Join(t.TempDir(), "master.key")
	if _, err := privacy.CreateMasterKey(key); err != nil {
		t.Fatal(err)
	}
	b := &bundle{producer: producerTo(t, kafka.Config{Brokers: []string{broker.Addr()}})}
	for _, role := range []string{roleIngest, roleProject, roleAPI} {
		cfg := testConfig(t.TempDir())
		cfg.DatabaseURL, cfg.RedisURL, cfg.MasterKeyFile = database, "redis://"+redis.Addr, key
		cfg.Role, cfg.KafkaBrokers = []string{role}, []string{broker.Addr()}
		b.Service = begin(t, cfg)
	}
	return b
}

// begin starts a service that ends with the test.
func begin(t testing.TB, cfg Config) *Service {
	t.Helper()
	s, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop %v: %v", cfg.Role, err)
		}
	})
	return s
}

func producerTo(t testing.TB, cfg kafka.Config) *kafka.Producer {
	t.Helper()
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	return producer
}

// visible produces n registrations of a watched campaign, each a while after the last one was
// shown, and returns how long after it was sent each was on the stream, sorted.
func (b *bundle) visible(t testing.TB, n int) []time.Duration {
	t.Helper()
	register := func(i int) (sent time.Time) {
		t.Helper()
		sent = time.Now()
		value := fmt.Sprintf(`{"eventId":"evt-1","participantId":"p-%d","phoneNumber":"010-1234-5678"}`, i)
		if err := b.producer.Produce(t.Context(), []events.Record{record(b.cfg.TopicParticipantRegistered, "evt-1", value)}); err != nil {
			t.Fatal(err)
		}
		return sent
	}
	register(0)
	shown := b.views(t, "evt-1")
	next := func() time.Time {
		t.Helper()
		select {
		case at := <-shown:
			return at
		case <-time.After(time.Minute):
			t.Fatal("nothing is shown")
			return time.Time{}
		}
	}
	next()
	rest := time.NewTicker(400 * time.Millisecond)
	defer rest.Stop()
	took := make([]time.Duration, n)
	for i := range took {
		<-rest.C
		sent := register(i + 1)
		took[i] = next().Sub(sent)
		rest.Reset(400 * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

// views opens the stream of a campaign, once there is the campaign, and returns when each view
// came.
func (b *bundle) views(t testing.TB, campaign string) <-chan time.Time {
	t.Helper()
	waitFor(t, time.Minute, func() string {
		if _, err := b.rows.Campaign(t.Context(), events.Campaign(campaign), readmodel.Everything()); err != nil {
			return err.Error()
		}
		return ""
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+"/api/events/"+campaign+"/analytics/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("stream: %v, %v", res, err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	shown := make(chan time.Time, 1000)
	go func() {
		for e, err := range sse.Read(res.Body, nil) {
			if err != nil {
				return
			}
			if e.Type == "dashboard" || e.Type == "patch" {
				shown <- time.Now()
			}
		}
	}()
	return shown
}
