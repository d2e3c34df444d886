package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jangbu/cmd/jangbu/service"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/channels/simulator"
)

// TestPollerIsHandedOver runs two processes on one PostgreSQL: each campaign is
// asked for once per interval by both together, as the simulated channels count
// it, and when the one that polls is killed, the other goes on.
func TestPollerIsHandedOver(t *testing.T) {
	t.Parallel()
	const interval, campaigns = 3 * time.Second, 20
	sim, err := simulator.Start(t.Context(), simulator.Config{Key: "k", Since: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0", Partitions: service.Partitions, Topics: stores.DefaultTopics().TopicNames()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	dir := t.TempDir()
	for name, content := range map[string]string{"channel.key": "k\n", "roots.pem": string(sim.RootsPEM())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environment := append(postgresEnvironment(t),
		"JANGBU_KAFKA_BROKERS="+broker.Addr(),
		"JANGBU_POLL_INTERVAL="+interval.String(), "JANGBU_POLL_INTERVAL_MAX="+interval.String(),
		"JANGBU_CHANNEL_WOORIDONGNETV_URL="+sim.URL(simulator.WooridongneTV), "JANGBU_CHANNEL_WOORIDONGNETV_KEY_FILE="+filepath.Join(dir, "channel.key"),
		"JANGBU_CHANNEL_GENIETV_URL="+sim.URL(simulator.GenieTV), "JANGBU_CHANNEL_GENIETV_KEY=k",
		"JANGBU_CHANNEL_SNS_URL="+sim.URL(simulator.SNS), "JANGBU_CHANNEL_SNS_KEY=k",
		"SSL_CERT_FILE="+filepath.Join(dir, "roots.pem"), "SSL_CERT_DIR="+dir,
	)
	producer, err := kafka.NewProducer(kafka.Config{Brokers: []string{broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	var records []events.Record
	for i := range campaigns {
		id := fmt.Sprintf("evt-%d", i)
		records = append(records, record("distribution-completed", id, fmt.Sprintf(
			`{"eventId":%q,"distributedChannels":["wooridongnetv","genietv","instagram","naver","kakao"],"completedAt":%q}`, id, time.Now().Format(time.RFC3339))))
	}
	if err := producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}

	programs := []*program{startProgram(t, t.TempDir(), environment), startProgram(t, t.TempDir(), environment)}
	seen := watchCalls(sim, campaigns)
	const intervals = 4
	seen.until(t, intervals*campaigns*3, time.Minute)
	seen.apart(t, interval)

	holder := slices.IndexFunc(programs, func(p *program) bool { return p.metric(t, "jangbu_polling_leading") == 1 })
	if holder < 0 {
		t.Fatal("no process says that it polls")
	}
	other := programs[1-holder]
	if other.metric(t, "jangbu_polling_leading") != 0 {
		t.Fatal("both say that they poll")
	}
	programs[holder].kill(t)
	killed := time.Now()
	after := watchCalls(sim, campaigns)
	after.until(t, campaigns*3, 15*time.Second)
	t.Logf("the other process had asked for everything %v after the kill", time.Since(killed).Round(time.Millisecond))
	after.until(t, 3*campaigns*3, time.Minute)
	after.apart(t, interval)
	if other.metric(t, "jangbu_polling_leading") != 1 {
		t.Error("the other process does not say that it polls")
	}
}

// callWatch notes when it saw the calls for each campaign of each API.
type callWatch struct {
	sim    *simulator.Simulator
	at     map[string][]seenCall
	calls  map[string]int64
	looked time.Time // when the last look began
}

// seenCall is a call that was made after one look and before the next.
type seenCall struct{ after, before time.Time }

func watchCalls(sim *simulator.Simulator, campaigns int) *callWatch {
	w := &callWatch{sim: sim, at: make(map[string][]seenCall), calls: make(map[string]int64), looked: time.Now()}
	for i := range campaigns {
		for _, api := range simulator.APIs() {
			id := fmt.Sprintf("evt-%d", i)
			w.calls[string(api)+" "+id] = sim.CallsFor(api, id)
		}
	}
	return w
}

// until watches until a number of calls have been made, the same for each key.
func (w *callWatch) until(t *testing.T, calls int, limit time.Duration) {
	t.Helper()
	each := calls / len(w.calls)
	waitFor(t, limit, func() string {
		missing, looked := "", time.Now()
		for key, before := range w.calls {
			var api simulator.API
			var id string
			if _, err := fmt.Sscan(key, &api, &id); err != nil {
				t.Fatal(err)
			}
			now := w.sim.CallsFor(api, id)
			for range now - before {
				w.at[key] = append(w.at[key], seenCall{after: w.looked, before: time.Now()})
			}
			w.calls[key] = now
			if len(w.at[key]) < each {
				missing = fmt.Sprintf("%s: %d calls of %d", key, len(w.at[key]), each)
			}
		}
		w.looked = looked
		return missing
	})
}

// apart checks that no two calls for the same came closer than the interval, but
// for what the watching was late and a second that a call may be on its way.
func (w *callWatch) apart(t *testing.T, interval time.Duration) {
	t.Helper()
	for key, at := range w.at {
		for i := 1; i < len(at); i++ {
			if gap := at[i].before.Sub(at[i-1].after); gap < interval-time.Second {
				t.Errorf("%s: two calls %v apart", key, gap)
			}
		}
	}
}
