package eventstest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

// testSources tests how far sources have been read, which is written with what was read (I1).
func testSources(t *testing.T, a Adapter) {
	one, two := events.TopicID{1}, events.TopicID{2}
	at := func(topic string, id events.TopicID, partition int32, next int64, from, to int) events.Reading {
		return events.Reading{Source: events.Source{Topic: topic, TopicID: id, Partition: partition}, Next: next, From: from, To: to}
	}
	state := func(r events.Reading, gaps, lost int64) events.SourceState {
		return events.SourceState{Source: r.Source, Next: r.Next, Gaps: gaps, Lost: lost}
	}
	want := func(t *testing.T, log events.Log, want ...events.SourceState) {
		t.Helper()
		got, err := log.Sources().List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range got {
			if since := time.Since(s.ReadAt); since < -time.Minute || since > time.Hour || s.GapAt.IsZero() != (s.Gaps == 0) {
				t.Errorf("%s/%d was read at %v, its last gap at %v", s.Topic, s.Partition, s.ReadAt, s.GapAt)
			}
			got[i].ReadAt, got[i].GapAt = time.Time{}, time.Time{}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("sources (-want +got):\n%s", diff)
		}
	}
	mustRead := func(t *testing.T, log events.Log, drafts []events.Draft, read ...events.Reading) {
		t.Helper()
		if _, err := log.Append(t.Context(), drafts, read...); err != nil {
			t.Fatal(err)
		}
	}
	rule(t, a, "an append writes the offsets of what it wrote", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 6)
		want(t, log)
		mustRead(t, log, d[:4], at("b", one, 3, 17, 0, 2), at("가", one, 0, 5, 2, 4))
		want(t, log, state(at("b", one, 3, 17, 0, 0), 0, 0), state(at("가", one, 0, 5, 0, 0), 0, 0))
		mustRead(t, log, d, at("b", one, 3, 19, 0, 6), at("b", one, 2, 1, 0, 0)) // duplicates count as read
		want(t, s.Open(t), state(at("b", one, 2, 1, 0, 0), 0, 0), state(at("b", one, 3, 19, 0, 0), 0, 0), state(at("가", one, 0, 5, 0, 0), 0, 0))
	})
	rule(t, a, "an append without events writes offsets alone", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustRead(t, log, nil, at("a", one, 0, 3, 0, 0))
		mustAppend(t, log, registrations("c", 1, 2)...)
		mustRead(t, log, nil, at("a", one, 0, 4, 0, 0))
		want(t, log, state(at("a", one, 0, 4, 0, 0), 0, 0))
		wantTotals(t, log, events.Totals{Head: 2, Received: 2})
		head, err := log.Read(t.Context(), 1, 1)
		if totals := mustTotals(t, log); err != nil || !totals.RecordedAt.Equal(head[0].RecordedAt) {
			t.Errorf("the head was recorded at %v, its event is %+v, %v", totals.RecordedAt, head, err)
		}
	})
	rule(t, a, "no offset passes a conflict before it is buried", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 4)
		mustAppend(t, log, d[0])
		mustRead(t, log, []events.Draft{d[1], changed(d[0]), d[2], d[3]}, at("a", one, 0, 2, 0, 2), at("b", one, 0, 8, 2, 3), at("a", one, 0, 3, 3, 4))
		want(t, log, state(at("b", one, 0, 8, 0, 0), 0, 0))
		if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(1, events.ReasonConflict)}, at("a", one, 0, 2, 0, 0)); err != nil {
			t.Fatal(err)
		}
		want(t, log, state(at("a", one, 0, 2, 0, 0), 0, 0), state(at("b", one, 0, 8, 0, 0), 0, 0))
	})
	rule(t, a, "a late writer takes no source back", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 2)
		mustRead(t, log, d, at("a", one, 0, 900, 0, 2))
		mustRead(t, log, d, at("a", one, 0, 100, 0, 2))
		want(t, log, state(at("a", one, 0, 900, 0, 0), 0, 0))
	})
	rule(t, a, "another topic of the same name begins anew", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 2)
		mustRead(t, log, d, at("a", one, 0, 900, 0, 2))
		mustRead(t, log, d, at("a", two, 0, 1, 0, 2))
		want(t, log, state(at("a", two, 0, 1, 0, 0), 0, 0))
	})
	rule(t, a, "gaps are counted", func(t *testing.T, s Store) {
		log := s.Open(t)
		skip := func(r events.Reading, lost int64) {
			if err := log.Sources().Skip(t.Context(), r.Source, r.Next, lost); err != nil {
				t.Fatal(err)
			}
		}
		skip(at("a", one, 0, 100, 0, 0), 60)
		want(t, log, state(at("a", one, 0, 100, 0, 0), 1, 60))
		skip(at("a", two, 0, 4, 0, 0), 0) // also where it goes back
		want(t, log, state(at("a", two, 0, 4, 0, 0), 2, 60))
		mustRead(t, log, registrations("c", 1, 1), at("a", two, 0, 5, 0, 1))
		want(t, log, state(at("a", two, 0, 5, 0, 0), 2, 60))
		if err := log.Sources().Skip(t.Context(), events.Source{Topic: "a"}, -1, 0); err == nil {
			t.Error("an offset of -1 is written")
		}
	})
	rule(t, a, "a log that went back refuses what follows records that it has not read", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 6)
		from := func(first int64, r events.Reading) events.Reading { r.First = first; return r }
		refused := func(what string, r events.Reading) {
			t.Helper()
			if _, err := log.Append(t.Context(), d[4:], r); !errors.Is(err, events.ErrBehind) {
				t.Errorf("%s: an append returns %v", what, err)
			}
			if err := log.DeadLetters().Bury(t.Context(), []events.DeadLetter{letter(1, events.ReasonMalformed)}, r); !errors.Is(err, events.ErrBehind) {
				t.Errorf("%s: a burial returns %v", what, err)
			}
		}
		refused("a source that the log does not know", from(5, at("a", one, 0, 7, 0, 2)))
		mustRead(t, log, d[:2], from(0, at("a", one, 0, 2, 0, 2)))
		mustRead(t, log, d[2:4], from(2, at("a", one, 0, 3, 0, 1)), from(3, at("a", one, 0, 4, 1, 2)))
		refused("a gap", from(5, at("a", one, 0, 7, 0, 2)))
		refused("another topic of the name", from(4, at("a", two, 0, 6, 0, 2)))
		refused("another partition", from(1, at("a", one, 1, 6, 0, 2)))
		wantTotals(t, log, events.Totals{Head: 4, Received: 4})
		want(t, log, state(at("a", one, 0, 4, 0, 0), 0, 0))
		mustRead(t, log, d, from(1, at("a", one, 0, 6, 0, 6))) // read again from before
		want(t, log, state(at("a", one, 0, 6, 0, 0), 0, 0))
	})
	rule(t, a, "an append that fails writes no offset", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 1)...)
		if err := s.Exec(t.Context(), `DELETE FROM log_head`); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), registrations("c", 2, 2), at("a", one, 0, 7, 0, 1)); err == nil {
			t.Fatal("Append without a head row succeeded")
		}
		want(t, log)
	})
}
