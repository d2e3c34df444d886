package events_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
)

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawFrame(t)
		prefix := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "prefix")

		encoded := events.AppendFrame(prefix, want)
		if diff := cmp.Diff(prefix, encoded[:len(prefix)]); diff != "" {
			t.Fatalf("what stood in dst has changed (-want +got):\n%s", diff)
		}
		got, err := events.DecodeFrame(encoded[len(prefix):])
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("frame (-want +got):\n%s", diff)
		}
	})
}

func TestFrameGrowsByRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		grown := events.AppendFrame(nil, events.Frame{Topic: f.Topic, Partition: f.Partition})
		for _, r := range f.Records {
			grown = events.AppendFrameRecord(grown, r)
		}
		if diff := cmp.Diff(events.AppendFrame(nil, f), grown); diff != "" {
			t.Fatalf("encoded frame (-at once +record by record):\n%s", diff)
		}
	})
}

// A Kafka timestamp may be any int64 of milliseconds, more than fit in microseconds.
func TestFrameHoldsEveryTimestamp(t *testing.T) {
	t.Parallel()
	first, last := time.UnixMicro(math.MinInt64).UTC(), time.UnixMicro(math.MaxInt64).UTC()
	for _, c := range []struct{ sent, want time.Time }{
		{time.UnixMilli(math.MinInt64), first},
		{time.UnixMilli(math.MaxInt64), last},
		{time.UnixMilli(1_795_392_000_000_000_000), last}, // nanoseconds
		{time.Unix(math.MinInt64, 0), first},
		{first, first},
		{last, last},
		{time.Time{}, time.Time{}},
		{time.UnixMilli(-1), time.UnixMilli(-1).UTC()},
	} {
		f, err := events.DecodeFrame(events.AppendFrame(nil, events.Frame{Topic: "t", Records: []events.Record{{Timestamp: c.sent}}}))
		if err != nil || len(f.Records) != 1 || !f.Records[0].Timestamp.Equal(c.want) {
			t.Errorf("%v came back as %+v, %v; want %v", c.sent, f, err, c.want)
		}
	}
}

func TestFrameKeepsNilAndEmptyApart(t *testing.T) {
	t.Parallel()
	want := events.Frame{Topic: "t", Records: []events.Record{
		{Topic: "t", Timestamp: time.UnixMicro(1).UTC(), Key: nil, Value: nil},
		{Topic: "t", Timestamp: time.UnixMicro(2).UTC(), Key: []byte{}, Value: []byte{}},
		{Topic: "t", Timestamp: time.Time{}, Headers: []events.Header{{Key: "nil"}, {Key: "", Value: []byte{}}}},
	}}
	got, err := events.DecodeFrame(events.AppendFrame(nil, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" { // cmp tells nil from empty
		t.Errorf("frame (-want +got):\n%s", diff)
	}
	if !got.Records[2].Timestamp.IsZero() {
		t.Errorf("the zero time came back as %v", got.Records[2].Timestamp)
	}
}

func TestFrameAliasesItsInput(t *testing.T) {
	t.Parallel()
	data := events.AppendFrame(nil, events.Frame{Topic: "t", Records: []events.Record{
		{Key: []byte("key"), Value: []byte("first")}, {Value: []byte("second")},
	}})
	f, err := events.DecodeFrame(data)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(f.Records[0].Value, "overwrites what follows?"...)
	if got := string(f.Records[1].Value); got != "second" {
		t.Errorf("an append to one record's value reached the next: %q", got)
	}
	clear(data)
	if got := f.Records[1].Value; !bytes.Equal(got, make([]byte, len("second"))) {
		t.Errorf("values are copied: %q does not follow the input", got)
	}
}

func TestDecodeFrameRefuses(t *testing.T) {
	t.Parallel()
	whole := events.AppendFrame(nil, events.Frame{Topic: "topic", Partition: 7, Records: []events.Record{
		{Offset: 1 << 40, Key: []byte("k"), Value: []byte("v"), Headers: []events.Header{{Key: "h", Value: []byte("x")}}},
	}})
	const headLen = 1 + 1 + 5 + 16 + 1 + 1 // a frame without records is a frame
	for n := range len(whole) {
		if n == headLen {
			continue
		}
		if _, err := events.DecodeFrame(whole[:n]); !errors.Is(err, events.ErrFrame) {
			t.Errorf("first %d of %d bytes: error is %v", n, len(whole), err)
		}
	}
	for name, data := range map[string][]byte{
		"another version":          append([]byte{3}, whole[1:]...),
		"bytes after a record":     append(slices.Clip(whole), 0),
		"partition over 2^31-1":    {1, 0, 0x80, 0x80, 0x80, 0x80, 0x08},
		"length over the input":    {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"headers over the input":   {1, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f},
		"record longer than needs": {1, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		if _, err := events.DecodeFrame(data); !errors.Is(err, events.ErrFrame) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(events.AppendFrame(nil, events.Frame{Topic: "t", Partition: 3}))
	f.Add(events.AppendFrame(nil, events.Frame{Topic: "event-created", Partition: 11, Records: []events.Record{
		{Offset: -1, Key: []byte{}, Value: []byte("{}"), Timestamp: time.UnixMicro(1700000000000001)},
		{Offset: 1 << 62, Headers: []events.Header{{Key: "ce_id", Value: []byte("1")}, {}}},
	}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		frame, err := events.DecodeFrame(data)
		if err != nil {
			if !errors.Is(err, events.ErrFrame) {
				t.Fatalf("error is not ErrFrame: %v", err)
			}
			return
		}
		again, err := events.DecodeFrame(events.AppendFrame(nil, frame))
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if diff := cmp.Diff(frame, again); diff != "" {
			t.Fatalf("frame (-first +again):\n%s", diff)
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	f := events.Frame{Topic: "participant-registered", Partition: 3}
	for i := range 1000 {
		f.Records = append(f.Records, events.Record{
			Topic: f.Topic, Partition: f.Partition, Offset: int64(i), Timestamp: time.UnixMicro(1700000000000000),
			Key: fmt.Appendf(nil, "evt-%d", i), Value: make([]byte, 250),
		})
	}
	data := events.AppendFrame(nil, f)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data = events.AppendFrame(data[:0], f)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := events.DecodeFrame(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func drawFrame(t *rapid.T) events.Frame {
	optional := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
	f := events.Frame{
		Topic:     rapid.String().Draw(t, "topic"),
		Partition: rapid.Int32Min(0).Draw(t, "partition"),
	}
	for range rapid.IntRange(0, 20).Draw(t, "records") {
		r := events.Record{
			Topic: f.Topic, Partition: f.Partition,
			Offset:    rapid.Int64().Draw(t, "offset"),
			Timestamp: time.UnixMicro(rapid.Int64Range(-1<<55, 1<<55).Draw(t, "timestamp")).UTC(),
			Key:       optional.Draw(t, "key"),
			Value:     optional.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			r.Headers = append(r.Headers, events.Header{Key: rapid.String().Draw(t, "name"), Value: optional.Draw(t, "header")})
		}
		f.Records = append(f.Records, r)
	}
	return f
}
