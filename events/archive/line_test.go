package archive_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
	"jangbu/events/archive"
)

// TestLineRoundTrip parses the line of any event.
func TestLineRoundTrip(t *testing.T) {
	t.Parallel()
	all := drafts(t, 3, 50)
	rapid.Check(t, func(t *rapid.T) {
		instant := func(name string) time.Time {
			return time.UnixMicro(rapid.OneOf(rapid.Int64Range(-1<<50, 1<<56), rapid.Int64Range(1<<56, math.MaxInt64)).Draw(t, name)).UTC()
		}
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\"\\,:{}\n\u2028<가"))))
		r := events.Recorded{
			Position:   events.Position(rapid.Int64Range(1, 1<<62).Draw(t, "position")),
			ID:         events.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			Digest:     events.Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest")),
			OccurredAt: instant("occurredAt"),
			RecordedAt: instant("recordedAt"),
			Event:      rapid.SampledFrom(all).Draw(t, "event").Event,
		}
		if rapid.Bool().Draw(t, "has an origin") {
			r.Origin = events.Origin{
				Topic:     rapid.SampledFrom([]string{"a", "participant-registered", `","partition":1`, `"`}).Draw(t, "topic"),
				Partition: rapid.Int32().Draw(t, "partition"), Offset: rapid.Int64().Draw(t, "offset"),
			}
		}
		if rapid.Bool().Draw(t, "hostile") {
			r.Event = &events.EventCreated{
				Campaign: events.Campaign(rapid.SampledFrom([]string{`","event":{"`, `,"event":`, `"}`, "가 나", text.Draw(t, "campaign")}).Draw(t, "which campaign")),
				Shop:     events.Shop(text.Draw(t, "store")),
				Title:    text.Draw(t, "title"),
				Goal:     &events.Goal{Metric: events.GoalParticipants, Target: rapid.Int64Range(1, events.MaxGoal).Draw(t, "target")},
			}
		}
		line := archive.AppendLine(nil, r)
		if bytes.ContainsRune(line, '\n') {
			t.Fatalf("the line has an end in it: %s", line)
		}
		got, err := archive.ParseLine(line)
		if err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", line, diff)
		}
	})
}

// FuzzParseLine: a line that is accepted is exactly that of its event.
func FuzzParseLine(f *testing.F) {
	for i, d := range drafts(f, 1, 3) {
		f.Add(archive.AppendLine(nil, events.Recorded{
			Position: events.Position(i + 1), ID: d.ID, Digest: d.Digest, OccurredAt: d.OccurredAt, RecordedAt: d.OccurredAt, Origin: d.Origin, Event: d.Event,
		}))
	}
	f.Add([]byte(`{"position":1}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := archive.ParseLine(line)
		if err != nil {
			if !errors.Is(err, archive.ErrDamaged) {
				t.Errorf("the error is not ErrDamaged: %v", err)
			}
			return
		}
		if again := archive.AppendLine(nil, r); !bytes.Equal(again, line) {
			t.Errorf("read %q, written %q", line, again)
		}
	})
}
