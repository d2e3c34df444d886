package kafka_test

import (
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"jangbu/events"
)

// two produces records of one partition and returns two frames of it that are with handlers at once.
func two(t *testing.T, b *bundle, frames <-chan *message.Message) (first, second *message.Message) {
	t.Helper()
	b.produce(t, "first", 1)
	first, f := receive(t, frames)
	b.produce(t, "second", 10)
	none(t, frames, "the first was acknowledged, or its handler asked for the next")
	events.DeliverFollowing(first.Context())
	events.DeliverFollowing(first.Context()) // again is nothing
	second, s := receive(t, frames)
	if f.Next() != s.First || s.Partition != f.Partition {
		t.Fatalf("after a frame up to offset %d comes one from %d", f.Next(), s.First)
	}
	return first, second
}

// none fails the test where a frame comes before what should come first.
func none(t *testing.T, frames <-chan *message.Message, before string) {
	t.Helper()
	select {
	case msg := <-frames:
		t.Fatalf("frame %s came before %s", msg.UUID, before)
	case <-time.After(300 * time.Millisecond):
	}
}

func TestTwoFramesAtMostAreWithHandlers(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		frames, _ := b.subscribe(t)
		first, second := two(t, b, frames)
		b.produce(t, "third", 1)
		events.DeliverFollowing(second.Context())
		none(t, frames, "the first of two was acknowledged")
		first.Ack()
		second.Ack()
		for {
			msg, f := receive(t, frames)
			msg.Ack()
			if string(f.Records[len(f.Records)-1].Value) == "third-0" {
				return
			}
		}
	})
}

// The group's offsets are never ahead of what was acknowledged, though Watermill was told to go on.
func TestAFrameThatIsOvertakenIsNotMarked(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		frames, closeIt := b.subscribe(t)
		two(t, b, frames)
		closeIt() // commits what is marked
		if c := b.committed(t); c[0] > 0 {
			t.Errorf("offset %d is committed, and nothing was acknowledged", c[0])
		}
		frames, _ = b.subscribe(t)
		if got := b.receiveAll(t, frames, 11)[0]; got[0].Offset != 0 {
			t.Errorf("offset %d comes first after the restart", got[0].Offset)
		}
	})
}

// The following frame cannot be written before the one that failed.
func TestFramesThatFailComeAgainInOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, 1, func(t *testing.T, b *bundle) {
		frames, _ := b.subscribe(t)
		first, second := two(t, b, frames)
		second.Nack()
		none(t, frames, "the one before it was acknowledged")
		first.Nack()
		for range 2 {
			msg, _ := receive(t, frames)
			if msg.UUID != first.UUID {
				t.Fatalf("frame %s came again before %s", msg.UUID, first.UUID)
			}
			msg.Nack()
		}
		msg, _ := receive(t, frames)
		msg.Ack()
		if msg, _ = receive(t, frames); msg.UUID != second.UUID {
			t.Fatalf("frame %s came after the first, want %s", msg.UUID, second.UUID)
		}
		msg.Ack()
	})
}
