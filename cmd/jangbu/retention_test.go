package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/cmd/jangbu/cli"
	"jangbu/cmd/jangbu/stores"
	"jangbu/events/synthetic"
)

// TestKafkaRetention: the embedded broker deletes what the log holds, and a service that is killed
// ever again loses nothing by it: every record is an event, a duplicate or a dead letter once, and
// no gap is found (I1, I5).
func TestKafkaRetention(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g, err := synthetic.New(synthetic.Config{Seed: 20261130, Campaigns: 5, Start: time.Now(), Topics: stores.DefaultTopics().Topics(), MalformedShare: 0.02})
	if err != nil {
		t.Fatal(err)
	}
	records, produced := g.Campaigns(), int64(0)
	for round := range 3 {
		p := startKillable(t, dir, []string{"JANGBU_KAFKA_RETENTION=1s"})
		for range 300 {
			records = append(records, g.Next())
		}
		p.produce(t, records...)
		produced += int64(len(records))
		records = nil
		var first int64
		waitFor(t, time.Minute, func() string {
			if first = firstOffsets(t, p.broker); first < produced-48 { // each partition keeps its last record
				return fmt.Sprintf("%d of %d records are deleted", first, produced)
			}
			return ""
		})
		m := p.metrics(t)
		if received, added := m["jangbu_log_received_total"]-m["jangbu_log_duplicates_total"], m["jangbu_log_head"]+m["jangbu_log_dead_letters"]; added != produced || received != produced {
			t.Errorf("round %d: %d of %d records are events or dead letters, received without duplicates are %d", round+1, added, produced, received)
		}
		p.kill(t)
	}
	out, complaint, code := command(t, "sources", "--data-dir", dir, "--json")
	var sources struct{ Sources []struct{ Gaps int64 } }
	if err := json.Unmarshal([]byte(out), &sources); err != nil {
		t.Fatal(err)
	}
	for _, s := range sources.Sources {
		if s.Gaps > 0 || code != cli.ExitDone {
			t.Errorf("exit code %d, a gap: %s%s", code, out, complaint)
		}
	}
}

// firstOffsets returns how many records were deleted: the sum of the first offsets of all partitions.
func firstOffsets(t *testing.T, broker string) (sum int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	first, err := kadm.NewClient(client).ListStartOffsets(t.Context(), stores.DefaultTopics().TopicNames()...)
	if err != nil {
		t.Fatal(err)
	}
	first.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	return sum
}
