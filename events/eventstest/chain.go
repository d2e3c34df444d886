package eventstest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// chain returns the marks after each of the events of the log.
func chain(t *testing.T, log events.Log) []events.Mark {
	t.Helper()
	marks := []events.Mark{{}}
	for _, r := range mustRead(t, log, 0, 1000) {
		marks = append(marks, marks[len(marks)-1].Next(r.Digest))
	}
	return marks
}

// wantLinks compares the links of the log with its digests.
func wantLinks(t *testing.T, log events.Log) {
	t.Helper()
	want := chain(t, log)
	for _, m := range want {
		got, ok, err := log.Chain().Link(t.Context(), m.Position)
		if err != nil || !ok || got != m.Link {
			t.Errorf("link of position %d is %v, %v, %v; the digests lead to %v", m.Position, got, ok, err, m.Link)
		}
	}
	if l, ok, err := log.Chain().Link(t.Context(), events.Position(len(want))); err != nil || ok {
		t.Errorf("link beyond the head is %v, %v, %v", l, ok, err)
	}
	stored, err := log.Chain().Marks(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range stored {
		if m != want[m.Position] {
			t.Errorf("stored %v, want %v", m, want[m.Position])
		}
	}
	if n := len(stored); len(want) > 1 && (n == 0 || stored[n-1].Position != want[len(want)-1].Position) {
		t.Errorf("the stored links %v do not end at the head, %d", stored, len(want)-1)
	}
}

// testChain tests the hash chain (I13).
func testChain(t *testing.T, a Adapter) {
	rule(t, a, "an empty log has the zero link", func(t *testing.T, s Store) {
		wantLinks(t, s.Open(t))
	})
	rule(t, a, "each append that adds events adds one link", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 12)
		mustAppend(t, log, d[:5]...)
		mustAppend(t, s.Open(t), d[3:7]...) // two of them known
		mustAppend(t, log, d[:7]...)        // all known
		mustAppend(t, log, changed(d[0]))
		mustAppend(t, log, d[7:]...)
		marks, err := log.Chain().Marks(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var at []events.Position
		for _, m := range marks {
			at = append(at, m.Position)
		}
		if diff := cmp.Diff([]events.Position{5, 7, 12}, at); diff != "" {
			t.Errorf("positions of links (-want +got):\n%s", diff)
		}
		wantLinks(t, log)
		if page, err := log.Chain().Marks(t.Context(), 5, 1); err != nil || !cmp.Equal(page, marks[1:2]) {
			t.Errorf("Marks(5, 1) = %v, %v", page, err)
		}
	})
	rule(t, a, "a revival and a restore continue the chain", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		mustBury(t, log, letter(1, events.ReasonMalformed))
		mustRevive(t, log, events.Revival{Letter: letter(1, events.ReasonMalformed).ID, Draft: registration("c", 9)})
		wantLinks(t, log)

		copied := a.New(t).Open(t)
		read := mustRead(t, log, 0, 10)
		for _, part := range [][]events.Recorded{read[:1], read[1:]} {
			if err := copied.Restore(t.Context(), part, 0); err != nil {
				t.Fatal(err)
			}
		}
		wantLinks(t, copied)
		one, _, _ := log.Chain().Link(t.Context(), 4)
		two, _, _ := copied.Chain().Link(t.Context(), 4)
		if one != two {
			t.Errorf("a copy has the link %v, its original %v", two, one)
		}
	})
	rule(t, a, "another event makes another link", func(t *testing.T, s Store) {
		log, other := s.Open(t), a.New(t).Open(t)
		d := registrations("c", 1, 3)
		mustAppend(t, log, d...)
		mustAppend(t, other, d[1], d[0], d[2])
		one, _, _ := log.Chain().Link(t.Context(), 3)
		if two, _, _ := other.Chain().Link(t.Context(), 3); one == two {
			t.Error("two orders of the same events have one link")
		}
	})
	rule(t, a, "a pseudonym does not change the chain", func(t *testing.T, s Store) {
		log, other := s.Open(t), a.New(t).Open(t)
		d := registration("c", 1)
		mustAppend(t, log, d)
		d.Digest = d.Digest.WithPseudonym(events.Pseudonym{})
		mustAppend(t, other, d)
		one, _, _ := log.Chain().Link(t.Context(), 1)
		if two, _, _ := other.Chain().Link(t.Context(), 1); one != two {
			t.Error("an event without its pseudonym has another link")
		}
	})
	rule(t, a, "an append after a missing link is refused", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		if err := s.Exec(t.Context(), `DELETE FROM links`); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), registrations("c", 4, 5)); !errors.Is(err, events.ErrCorrupt) {
			t.Errorf("Append after a lost link: %v", err)
		}
	})
}
