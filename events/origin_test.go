package events_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"jangbu/events"
)

// TestOrigins traces any selection of the events that a transaction appended, among others.
func TestOrigins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := events.Position(rapid.Int64Range(0, 1<<40).Draw(t, "before"))
		n := events.Position(rapid.IntRange(1, 60).Draw(t, "events"))
		offset := rapid.Int64().Draw(t, "offset")
		var from events.Origins
		var want, read []events.Recorded
		for p := max(before-2, 1); p <= before+n+2; p++ {
			r := events.Recorded{Position: p}
			if p > before && p <= before+n {
				offset += rapid.SampledFrom([]int64{1, 1, 1, 1, 2, -5, 1 << 33}).Draw(t, "step")
				if topic := rapid.SampledFrom([]string{"", "a", "a", "a", "participant-registered"}).Draw(t, "topic"); topic != "" {
					r.Origin = events.Origin{Topic: topic, Partition: rapid.Int32Range(0, 1).Draw(t, "partition"), Offset: offset}
				}
				from.Add(r.Origin)
			}
			if rapid.Bool().Draw(t, "is read") {
				want, read = append(want, r), append(read, events.Recorded{Position: p})
			}
		}
		stored := from.Stored()
		if stored == nil { // no origin is known
			return
		}
		if err := events.Trace(read, before+n, stored); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, read, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("traced (-want +got):\n%s", diff)
		}
		cut := rapid.IntRange(0, len(stored)-1).Draw(t, "cut")
		if err := events.Trace(read, before+n, stored[:cut]); err != nil && !errors.Is(err, events.ErrCorrupt) {
			t.Errorf("of %d bytes: %v", cut, err)
		}
	})
}

// TestOriginsAreRuns: what thousands of events in frames cost a transaction.
func TestOriginsAreRuns(t *testing.T) {
	t.Parallel()
	var from events.Origins
	for i := range 12_000 {
		from.Add(events.Origin{Topic: "participant-registered", Partition: int32(i / 1000), Offset: 5_000_000 + int64(i)})
	}
	if n := len(from.Stored()); n > 150 {
		t.Errorf("the origins of 12,000 events of 12 frames take %d bytes", n)
	}
}

func FuzzTrace(f *testing.F) {
	var from events.Origins
	from.Add(events.Origin{Topic: "a", Partition: 3, Offset: 17})
	from.Add(events.Origin{})
	f.Add(from.Stored())
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, stored []byte) {
		read := []events.Recorded{{Position: 1}, {Position: 7}}
		if err := events.Trace(read, 9, stored); err != nil && !errors.Is(err, events.ErrCorrupt) {
			t.Errorf("%v", err)
		}
	})
}
