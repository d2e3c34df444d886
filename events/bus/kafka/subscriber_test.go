package kafka_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"jangbu/events"
	"jangbu/events/bus/kafka"
)

func TestFramesHoldManyRecordsInOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, 3, func(t *testing.T, b *bundle) {
		const before, during = 20_000, 10_000
		b.produce(t, "before", before)
		frames, _ := b.subscribe(t)
		produced := make(chan error, 1)
		go func() { produced <- b.producer.Produce(t.Context(), b.recordsNamed("during", during)) }()

		next := make(map[int32]int64)
		count, records := 0, 0
		for records < before+during {
			msg, f := receive(t, frames)
			if len(f.Records) == 0 || len(f.Records) > kafka.MaxFrameRecords {
				t.Fatalf("a frame of %d records", len(f.Records))
			}
			for _, r := range f.Records {
				if r.Offset != next[f.Partition] || r.Topic != b.topic || r.Partition != f.Partition {
					t.Fatalf("partition %d: offset %d came after %d", f.Partition, r.Offset, next[f.Partition]-1)
				}
				next[f.Partition]++
			}
			msg.Ack()
			count++
			records += len(f.Records)
		}
		if err := <-produced; err != nil {
			t.Fatal(err)
		}
		if mean := records / count; mean < 100 {
			t.Errorf("%d records came in %d frames, %d in each", records, count, mean)
		}
	})
}

func TestPartitionsShareTheFramesByHowFarTheyAreBehind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		behind []int64
		want   []int
	}{
		{[]int64{1_000_000}, []int{12_000}},
		{[]int64{0}, []int{12_000}},
		{[]int64{70_000, 70_000, 70_000, 70_000, 70_000, 70_000, 70_000, 70_000}, []int{6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000}},
		{[]int64{260_000, 65_000, 65_000, 65_000, 65_000}, []int{12_000, 6000, 6000, 6000, 6000}},
		{[]int64{90_000, 10_000, 0, -5}, []int{12_000, 4799, 1000, 1000}},
	} {
		if got := kafka.Shares(c.behind...); !cmp.Equal(got, c.want) {
			t.Errorf("%v behind: %v records, want %v", c.behind, got, c.want)
		}
	}
}

func TestFrameOfOneRecordDoesNotWait(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		frames, _ := b.subscribe(t)
		b.produce(t, "first", 1)
		b.receiveAll(t, frames, 1) // the group is joined
		for i := range 5 {
			start := time.Now()
			b.produce(t, fmt.Sprint("single-", i), 1)
			msg, f := receive(t, frames)
			msg.Ack()
			if took := time.Since(start); len(f.Records) != 1 || took > time.Second {
				t.Errorf("a single record came in a frame of %d after %v", len(f.Records), took)
			}
		}
	})
}

// What comes while a handler is busy is one frame, not many small ones.
func TestFrameGrowsWhileHandlerIsBusy(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		frames, _ := b.subscribe(t)
		b.produce(t, "first", 1)
		busy, _ := receive(t, frames)
		for i := range 20 {
			b.produce(t, fmt.Sprint("meanwhile-", i), 1)
		}
		busy.Ack()
		total := 0
		for n := 0; total < 20; n++ {
			msg, f := receive(t, frames)
			msg.Ack()
			if total += len(f.Records); n > 5 {
				t.Fatalf("%d records in %d frames", total, n)
			}
		}
	})
}

func TestAckMarksTheWholeFrame(t *testing.T) {
	t.Parallel()
	onBoth(t, 2, func(t *testing.T, b *bundle) {
		b.produce(t, "read", 1500)
		frames, closeIt := b.subscribe(t)
		b.receiveAll(t, frames, 1500)
		eventually(t, "offsets committed while running", func() bool {
			c := b.committed(t)
			return c[0]+c[1] == 1500
		})
		closeIt()

		b.produce(t, "new", 10)
		frames, _ = b.subscribe(t)
		for _, records := range b.receiveAll(t, frames, 10) {
			for _, r := range records {
				if !bytes.HasPrefix(r.Value, []byte("new-")) {
					t.Errorf("%s came again", r.Value)
				}
			}
		}
	})
}

// The pauses grow, so that a database that is away is not asked ten times a second.
func TestNackBringsTheSameFrameAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		b.produce(t, "again", 10)
		frames, _ := b.subscribe(t)
		msg, want := receive(t, frames)
		var paused time.Duration
		for range 3 {
			start := time.Now()
			msg.Nack()
			var got events.Frame
			msg, got = receive(t, frames)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("frame after a nack (-want +got):\n%s", diff)
			}
			paused = time.Since(start)
		}
		if paused < 250*time.Millisecond {
			t.Errorf("the third pause was %v", paused)
		}
		if c := b.committed(t); c[0] > 0 {
			t.Errorf("offset %d is committed of a frame that was never acknowledged", c[0])
		}
	})
}

func TestWhatWasNotAcknowledgedComesAgain(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		b.produce(t, "lost", 10)
		frames, closeIt := b.subscribe(t)
		msg, _ := receive(t, frames)
		closeIt()
		msg.Ack() // too late: counts for nothing

		frames, _ = b.subscribe(t)
		for i, r := range b.receiveAll(t, frames, 10)[0] {
			if r.Offset != int64(i) {
				t.Errorf("record %d after the restart has offset %d", i, r.Offset)
			}
		}
	})
}

func TestRebalanceDoesNotWaitForHandlers(t *testing.T) {
	t.Parallel()
	const partitions, records = 4, 400
	onBoth(t, partitions, func(t *testing.T, b *bundle) {
		b.produce(t, "r", records)

		first, _ := b.subscribe(t)
		blocked := make(map[int32]*message.Message) // handlers of the first member, at work
		handled := make(map[string]bool)
		for len(blocked) < partitions {
			msg, f := receive(t, first)
			blocked[f.Partition] = msg
			note(handled, f)
		}

		start := time.Now()
		second, _ := b.subscribe(t)
		mine := make(map[int32]bool)
		for len(mine) < partitions/2 {
			msg, f := receive(t, second)
			msg.Ack()
			mine[f.Partition] = true
			note(handled, f)
		}
		// Heartbeats find out after a second at most; the rest is slack. Were the
		// handlers waited for, it would take the rebalance timeout of 6 s.
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("the rebalance took %v", took)
		}
		for _, msg := range blocked {
			if msg.Context().Err() != nil {
				t.Error("a handler's context has ended by the rebalance")
			}
			msg.Ack() // late, and so for nothing
		}
		for end := time.After(patience); len(handled) < records || !allCommitted(t, b, records); {
			select {
			case msg := <-first:
				msg.Ack()
				noteMessage(t, handled, msg)
			case msg := <-second:
				msg.Ack()
				noteMessage(t, handled, msg)
			case <-time.After(50 * time.Millisecond): // look again
			case <-end:
				t.Fatalf("%d of %d records came; committed: %v", len(handled), records, b.committed(t))
			}
		}
	})
}

func allCommitted(t *testing.T, b *bundle, records int64) bool {
	t.Helper()
	var sum int64
	for _, o := range b.committed(t) {
		sum += o
	}
	return sum == records
}

func note(handled map[string]bool, f events.Frame) {
	for _, r := range f.Records {
		handled[string(r.Value)] = true
	}
}

func noteMessage(t *testing.T, handled map[string]bool, msg *message.Message) {
	t.Helper()
	f, err := events.DecodeFrame(msg.Payload)
	if err != nil {
		t.Fatal(err)
	}
	note(handled, f)
}

func TestCloseWhileHandlersAreAtWork(t *testing.T) {
	t.Parallel()
	onBoth(t, 4, func(t *testing.T, b *bundle) {
		b.produce(t, "r", 400)
		for range 5 { // whether a send hits a closed channel is a matter of luck
			frames, closeIt := b.subscribe(t)
			_, _ = receive(t, frames)       // never answered
			nacked, _ := receive(t, frames) // sleeps before it comes again
			nacked.Nack()
			closeIt()
			for range frames { // ends
			}
		}
	})
}

func TestFramesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		client := b.client(t, kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
		b.set(t, "max.message.bytes", strconv.Itoa(4<<20))
		want := []int{10, 7 << 19, 10} // the second is over the bound by itself
		for range 30 {
			want = append(want, 300<<10)
		}
		for _, size := range want {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Value: make([]byte, size)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		frames, _ := b.subscribe(t)
		var got []int
		most := 0
		for len(got) < len(want) {
			msg, f := receive(t, frames)
			total := 0
			for _, r := range f.Records {
				got = append(got, len(r.Value))
				total += len(r.Value)
			}
			if total > kafka.MaxFrameBytes && len(f.Records) > 1 {
				t.Errorf("a frame of %d records has %d bytes", len(f.Records), total)
			}
			most = max(most, len(f.Records))
			b.committed(t) // takes its time, in which the next frame grows
			msg.Ack()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lengths (-want +got):\n%s", diff)
		}
		if most < 3 {
			t.Errorf("no frame has more than %d records: the bound was not tried", most)
		}
	})
}
