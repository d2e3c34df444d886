package kafka_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events/bus/kafka"
)

func TestGapOfRetentionIsReported(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	b.produce(t, "read", 10)
	frames, closeIt := b.subscribe(t)
	receiveAll(t, frames, 10)
	eventually(t, "offsets committed", func() bool { return b.committed(t)[0] == 10 })
	closeIt()
	b.produce(t, "unread", 20)
	var before kadm.Offsets
	before.AddOffset(topic, 0, 25, -1)
	if _, err := b.admin.DeleteRecords(t.Context(), before); err != nil {
		t.Fatal(err)
	}

	frames, _ = b.subscribe(t)
	got := receiveAll(t, frames, 5)
	if first := got[0][0].Offset; first != 25 {
		t.Errorf("goes on at %d", first)
	}
	want := kafka.Gap{Topic: topic, Partition: 0, Expected: 10, Found: 25}
	if g := b.gap(t); g != want || !g.Lost() {
		t.Errorf("gap is %+v, want %+v", g, want)
	}
}

func TestRecreatedTopicIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	b.produce(t, "old", 10)
	frames, _ := b.subscribe(t)
	receiveAll(t, frames, 10)
	eventually(t, "offsets committed", func() bool { return b.committed(t)[0] == 10 })

	if _, err := b.admin.DeleteTopics(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(t.Context(), b.cfg, 1, topic); err != nil {
		t.Fatal(err)
	}
	b.produce(t, "new", 3)
	got := receiveAll(t, frames, 3)
	if first := string(got[0][0].Value); first != "new-0" {
		t.Errorf("the first record is %s", first)
	}
	want := kafka.Gap{Topic: topic, Partition: 0, Expected: 10, Found: 0}
	if g := b.gap(t); g != want || g.Lost() {
		t.Errorf("gap is %+v, want %+v", g, want)
	}
}

func TestOffsetsBeyondTheEndAreReported(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	b.produce(t, "r", 5)
	var beyond kadm.Offsets
	beyond.AddOffset(topic, 0, 100, -1)
	if err := b.admin.CommitAllOffsets(t.Context(), b.cfg.Group, beyond); err != nil {
		t.Fatal(err)
	}
	frames, _ := b.subscribe(t)
	receiveAll(t, frames, 5)
	want := kafka.Gap{Topic: topic, Partition: 0, Expected: 100, Found: 0}
	if g := b.gap(t); g != want || g.Lost() {
		t.Errorf("gap is %+v, want %+v", g, want)
	}
}

// The end of a transaction takes an offset that no record has.
func TestTransactionsAreNoGap(t *testing.T) {
	t.Parallel()
	b := setup(t, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.broker.Addr()), kgo.DefaultProduceTopic(topic), kgo.TransactionalID("tx"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 3 {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	frames, closeIt := b.subscribe(t)
	var offsets []int64
	for _, r := range receiveAll(t, frames, 3)[0] {
		offsets = append(offsets, r.Offset)
	}
	closeIt()
	if diff := cmp.Diff([]int64{0, 2, 4}, offsets); diff != "" {
		t.Fatalf("offsets (-want +got):\n%s", diff)
	}
	if len(b.gaps) > 0 {
		t.Errorf("reported: %+v", <-b.gaps)
	}
}
