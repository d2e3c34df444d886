package eventstest

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// from returns the draft as if it came from a record.
func from(d events.Draft, topic string, partition int32, offset int64) events.Draft {
	d.Origin = events.Origin{Topic: topic, Partition: partition, Offset: offset}
	return d
}

// wantOrigins compares what the log traces of all its events, read at once, one by one, and
// with every other one left out.
func wantOrigins(t *testing.T, log events.Log, want ...events.Origin) {
	t.Helper()
	trace := func(name string, read []events.Recorded) {
		t.Helper()
		if err := log.Sources().Trace(t.Context(), read); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range read {
			if diff := cmp.Diff(want[r.Position-1], r.Origin); diff != "" {
				t.Errorf("%s: origin of position %d (-want +got):\n%s", name, r.Position, diff)
			}
		}
	}
	if read := mustRead(t, log, 0, len(want)+1); len(read) != len(want) {
		t.Fatalf("the log holds %d events, want %d", len(read), len(want))
	}
	trace("all", mustRead(t, log, 0, len(want)))
	var some []events.Recorded
	for i, r := range mustRead(t, log, 0, len(want)) {
		trace("one", []events.Recorded{r})
		if i%2 == 1 {
			some = append(some, r)
		}
	}
	trace("every other one", some)
	trace("none", nil)
}

// testOrigins tests that the log keeps the record that an event first came from, which is no
// part of the event.
func testOrigins(t *testing.T, a Adapter) {
	drafts := func() []events.Draft {
		return []events.Draft{
			from(registration("c", 1), "participant-registered", 0, 0),
			from(registration("d", 1), "participant-registered", 0, 1),
			from(registration("d", 2), "participant-registered", math.MaxInt32, math.MaxInt64),
			registration("c", 2), // by a command
			registration("c", 3),
			from(description("c", "s", 1), "가", 0, 7),
			from(registration("c", 4), "participant-registered", 0, 3),
		}
	}
	origins := func(drafts []events.Draft) []events.Origin {
		var all []events.Origin
		for _, d := range drafts {
			all = append(all, d.Origin)
		}
		return all
	}
	rule(t, a, "an event is traced to its record", func(t *testing.T, s Store) {
		log, d := s.Open(t), drafts()
		mustAppend(t, log, d[:2]...)
		mustAppend(t, s.Open(t), d[2:5]...)
		mustAppend(t, log, registration("e", 1))
		mustAppend(t, log, d[5:]...)
		want := append(origins(d[:5]), append([]events.Origin{{}}, origins(d[5:])...)...)
		wantOrigins(t, log, want...)
		stream, err := s.Open(t).ReadStream(t.Context(), events.Stream{Campaign: "c", Limit: 10})
		if err == nil {
			err = log.Sources().Trace(t.Context(), stream)
		}
		if err != nil || len(stream) != 5 {
			t.Fatal(len(stream), err)
		}
		for _, r := range stream {
			if r.Origin != want[r.Position-1] {
				t.Errorf("in its stream, position %d comes from %+v, want %+v", r.Position, r.Origin, want[r.Position-1])
			}
		}
	})
	rule(t, a, "a duplicate keeps the first record", func(t *testing.T, s Store) {
		log, d := s.Open(t), drafts()
		mustAppend(t, log, d...)
		wantOutcomes(t, mustAppend(t, log,
			from(d[0], "participant-registered", 0, 9), from(d[3], "again", 3, 9), from(registration("c", 5), "again", 3, 10),
			from(registration("c", 5), "again", 3, 11), registration("d", 1), from(registration("c", 6), "again", 3, 12)),
			events.Duplicate, events.Duplicate, events.Appended, events.Duplicate, events.Duplicate, events.Appended)
		wantOrigins(t, log, append(origins(d), events.Origin{Topic: "again", Partition: 3, Offset: 10}, events.Origin{Topic: "again", Partition: 3, Offset: 12})...)
	})
	rule(t, a, "a letter that is revived comes from its record", func(t *testing.T, s Store) {
		log, l := s.Open(t), letter(1, events.ReasonMalformed)
		mustBury(t, log, l)
		d := from(registration("c", 1), l.Topic, l.Partition, l.Offset)
		wantOutcomes(t, mustRevive(t, log, events.Revival{Letter: l.ID, Draft: d}), events.Appended)
		wantOrigins(t, log, d.Origin)
	})
	rule(t, a, "a log is restored with its records", func(t *testing.T, s Store) {
		log, d := s.Open(t), drafts()
		all := restored(1, noon(), d...)
		for i := range all {
			all[i].Origin = d[i].Origin
		}
		mustRestore(t, log, all[:2])
		mustRestore(t, s.Open(t), all)
		wantOrigins(t, log, origins(d)...)
		mustRestore(t, log, restored(1, noon(), d...)) // the same events, whose records are not known
		wantOrigins(t, log, origins(d)...)
	})
	rule(t, a, "an event that is erased keeps its record, and the chain knows of none", func(t *testing.T, s Store) {
		log, d := s.Open(t), drafts()
		mustAppend(t, log, d...)
		if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: "c", Positions: []events.Position{1}, Who: "who", Why: "why"}); err != nil {
			t.Fatal(err)
		}
		wantOrigins(t, log, origins(d)...)
		link := events.Link{}
		for _, d := range d {
			link = link.Next(d.Digest)
		}
		if got, ok, err := log.Chain().Link(t.Context(), events.Position(len(d))); err != nil || !ok || got != link {
			t.Errorf("the link is %v, %v, %v, want %v", got, ok, err, link)
		}
	})
	rule(t, a, "damage to records is found, and no event is lost for it", func(t *testing.T, s Store) {
		log, d := s.Open(t), drafts()
		mustAppend(t, log, d[:3]...)
		mustAppend(t, log, d[3:]...)
		if err := s.Exec(t.Context(), `UPDATE links SET origins = link WHERE position = 3`); err != nil {
			t.Fatal(err)
		}
		read := mustRead(t, log, 0, 10)
		wantError(t, "Trace", log.Sources().Trace(t.Context(), read), events.ErrCorrupt)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d...)
		// Without records, as a program leaves them that keeps none.
		if err := s.Exec(t.Context(), `UPDATE links SET origins = NULL WHERE position = 3`); err != nil {
			t.Fatal(err)
		}
		wantOrigins(t, log, append(make([]events.Origin, 3), origins(d[3:])...)...)
	})
}
