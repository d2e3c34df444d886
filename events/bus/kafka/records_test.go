package kafka_test

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events"
)

// TestRecordsOfEveryKind: batches of every codec, records without a key, without a value, and of
// 5 MiB, with the brokers' time, come as they were sent.
func TestRecordsOfEveryKind(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		b.set(t, "max.message.bytes", strconv.Itoa(6<<20))
		var want []events.Record
		send := func(codec kgo.CompressionCodec, records ...*kgo.Record) {
			t.Helper()
			client := b.client(t, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(6<<20), kgo.ProducerLinger(50*time.Millisecond))
			results := client.ProduceSync(t.Context(), records...)
			if err := results.FirstErr(); err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				record := events.Record{Topic: b.topic, Offset: int64(len(want)), Key: r.Key, Value: r.Value}
				for _, h := range r.Headers {
					record.Headers = append(record.Headers, events.Header{Key: h.Key, Value: h.Value})
				}
				want = append(want, record)
			}
		}
		for _, codec := range []kgo.CompressionCodec{
			kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
		} {
			send(codec, &kgo.Record{Key: []byte("evt-1"), Value: bytes.Repeat([]byte(`{"eventId":"evt-1"}`), 100)}, &kgo.Record{Value: []byte("no key")},
				&kgo.Record{Key: []byte("tombstone")}, &kgo.Record{Value: []byte("headers"), Headers: []kgo.RecordHeader{{Key: "ce_id", Value: []byte("7")}, {Key: "none"}, {Key: "ce_id", Value: []byte("8")}}})
		}
		send(kgo.NoCompression(), &kgo.Record{Value: bytes.Repeat([]byte("large"), 1<<20)})
		send(kgo.ZstdCompression(), &kgo.Record{Value: bytes.Repeat([]byte("small"), 1<<20)}, &kgo.Record{Value: []byte("last")})
		b.set(t, "message.timestamp.type", "LogAppendTime")
		began := time.Now().Truncate(time.Millisecond)
		send(kgo.Lz4Compression(), &kgo.Record{Value: []byte("late"), Timestamp: time.UnixMilli(1_000_000_000_000)})

		frames, _ := b.subscribe(t)
		got := b.receiveAll(t, frames, len(want))[0]
		// The embedded broker keeps the producers' times, and is not asked for another.
		if at := got[len(got)-1].Timestamp; b.broker == nil && (at.Before(began) || at.After(time.Now())) {
			t.Errorf("a record of a topic with the brokers' time is of %v, and was sent at %v", at, began)
		}
		for i, r := range got {
			w := want[i]
			if !bytes.Equal(w.Value, r.Value) || (w.Value == nil) != (r.Value == nil) {
				t.Errorf("record %d has a value of %d bytes that begins with %.40q, want %d and %.40q", i, len(r.Value), r.Value, len(w.Value), w.Value)
			}
			r.Timestamp, r.Value, w.Value = time.Time{}, nil, nil // cmp would look at each byte
			if diff := cmp.Diff(w, r); diff != "" {
				t.Errorf("record %d (-want +got):\n%s", i, diff)
			}
		}
		b.wantSource(t, int64(len(want)), 0, 0)
	})
}

// set sets a setting of the topic.
func (b *bundle) set(t *testing.T, name, value string) {
	t.Helper()
	set := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}
	altered, err := b.admin.AlterTopicConfigs(t.Context(), set, b.topic)
	if err == nil {
		err = altered[0].Err
	}
	if err != nil {
		t.Fatal(err)
	}
}
