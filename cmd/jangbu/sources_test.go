package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/service"
	"jangbu/events"
	"jangbu/events/bus/embedded"
	"jangbu/events/bus/kafka"
	"jangbu/events/eventstest/services"
)

// TestSources: what has been read, what has not and what was missed is in the command, in
// the metrics and in /readyz.
func TestSources(t *testing.T) {
	t.Parallel()
	t.Run("embedded broker, SQLite", func(t *testing.T) {
		t.Parallel()
		broker, err := embedded.Start(t.Context(), embedded.Config{Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		testSources(t, broker.Addr(), t.TempDir())
	})
	t.Run("Apache Kafka, PostgreSQL", func(t *testing.T) {
		t.Parallel()
		broker := services.Kafka(t)
		testSources(t, broker, t.TempDir(), postgresEnvironment(t)...)
	})
}

func testSources(t *testing.T, broker, dir string, environment ...string) {
	topics := make(map[string]string)
	stores := []string{"--data-dir", dir}
	for _, name := range []string{"event-created", "participant-registered", "distribution-completed", "channel-stats-fetched"} {
		topics[name] = services.Topic(t, broker, name)
		environment = append(environment, "JANGBU_TOPIC_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+topics[name])
	}
	environment = append(environment, "JANGBU_KAFKA_BROKERS="+broker, "JANGBU_KAFKA_GROUP="+topics["event-created"])
	for _, v := range environment {
		if url, ok := strings.CutPrefix(v, "JANGBU_DATABASE_URL="); ok {
			stores = append(stores, "--database-url", url)
		}
	}
	distributed, other := topics["distribution-completed"], topics["event-created"]
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{broker}}, 1, distributed); err != nil {
		t.Fatal(err)
	}
	produce := func(n int) []events.Record {
		records := make([]events.Record, n)
		for i := range records {
			records[i] = events.Record{
				Topic: distributed, Key: []byte("evt-1"),
				Value: fmt.Appendf(nil, `{"eventId":"evt-1","distributedChannels":["naver"],"completedAt":"2026-01-02T03:04:05.%06dZ"}`, time.Now().Nanosecond()/1000),
			}
		}
		return records
	}
	type source struct {
		Topic      string
		Next       int64
		End, Lag   *int64
		Gaps, Lost int64
	}
	type shown struct {
		Sources    []source
		Gaps, Lost int64
	}
	// sources returns what is shown; that of the topic with one partition comes first.
	sources := func(flags ...string) (s shown) {
		t.Helper()
		out, complaint, code := command(t, append(append([]string{"sources", "--json"}, stores...), flags...)...)
		if code != cli.ExitDone {
			t.Fatalf("exit %d: %s", code, complaint)
		}
		if err := checkJSON("sources", []byte(out)); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(s.Sources, func(s source) bool { return s.Topic == distributed })
		s.Sources[0], s.Sources[i] = s.Sources[i], s.Sources[0]
		return s
	}

	p := startProgram(t, dir, environment)
	p.produce(t, produce(10)...)
	p.produce(t, events.Record{Topic: other, Key: []byte("evt-2"), Value: []byte(`{"eventId":"evt-2","storeId":"s","title":"t","objective":"o"}`)})
	waitFor(t, 20*time.Second, func() string {
		if received := p.metrics(t)["jangbu_log_received_total"]; received < 11 {
			return fmt.Sprintf("%d of 11 records were received", received)
		}
		if known := len(sources("--kafka-brokers", broker).Sources); known != 1+3*service.Partitions {
			return fmt.Sprintf("%d sources are known", known) // each begins by itself
		}
		return ""
	})
	p.stop(t)
	s := sources("--kafka-brokers", broker)
	if s.Gaps != 0 {
		t.Errorf("gaps: %+v", s)
	}
	for _, source := range s.Sources {
		if source.Lag == nil || *source.Lag != 0 || source.Next != *source.End {
			t.Errorf("after all was read: %+v", source)
		}
	}

	p.produce(t, produce(30)...) // to the broker, while no service runs
	if got := sources("--kafka-brokers", broker).Sources[0]; got.Topic != distributed || got.Next != 10 || *got.End != 40 || *got.Lag != 30 {
		t.Errorf("after more was produced: %+v", got)
	}
	if got := sources("--kafka-brokers", "127.0.0.1:1").Sources[0]; got.Next != 10 || got.End != nil || got.Lag != nil {
		t.Errorf("without a broker: %+v", got)
	}
	if out, complaint, _ := command(t, append([]string{"sources", "--kafka-brokers", "127.0.0.1:1"}, stores...)...); !strings.Contains(complaint, "not known") || !strings.Contains(out, " - ") {
		t.Errorf("without a broker it prints %q and complains %q", out, complaint)
	}

	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var before kadm.Offsets
	before.AddOffset(distributed, 0, 35, -1)
	if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	p = runProgram(t, dir, environment...)
	gaps, lost := fmt.Sprintf("jangbu_source_gaps_total{topic=%q}", distributed), fmt.Sprintf("jangbu_source_gap_records_total{topic=%q}", distributed)
	waitFor(t, 20*time.Second, func() string {
		if m := p.metrics(t); m[gaps] != 1 || m[lost] != 25 || m[strings.ReplaceAll(lost, distributed, other)] != 0 {
			return fmt.Sprintf("%d gaps with %d records", m[gaps], m[lost])
		}
		return ""
	})
	status, body := p.ask(t, strings.Replace(p.admin, "/metrics", "/readyz", 1))
	const note = `{"name":"sources","ready":true,"note":"gaps: 1; at most 25 records were not read; see jangbu sources"}`
	if status != http.StatusOK || !strings.Contains(string(body), note) {
		t.Errorf("readyz: status %d: %s", status, body)
	}
	waitFor(t, 20*time.Second, func() string {
		s := sources("--kafka-brokers", broker)
		if got := s.Sources[0]; got.Next != 40 || *got.Lag != 0 || got.Gaps != 1 || s.Lost != 25 {
			return fmt.Sprintf("sources are %+v", s)
		}
		return ""
	})
	out, _, _ := command(t, append([]string{"sources", "--kafka-brokers", broker}, stores...)...)
	if !strings.Contains(out, "gaps: 1; at most 25 records were not read") {
		t.Errorf("it prints:\n%s", out)
	}
}
