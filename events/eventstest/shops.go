package eventstest

import (
	"testing"

	"jangbu/events"
)

func testShops(t *testing.T, a Adapter) {
	const (
		appended  = events.Appended
		duplicate = events.Duplicate
		conflict  = events.Conflict
		other     = events.OtherShop
	)
	move := func(t *testing.T, d events.Draft, to events.Shop) events.Draft {
		t.Helper()
		moved, err := events.NewMove(*d.Event.(*events.EventCreated), to, "an operator", "sold", noon())
		if err != nil {
			t.Fatal(err)
		}
		return moved
	}
	shopIs := func(t *testing.T, log events.Log, c events.Campaign, want events.Shop) {
		t.Helper()
		described, err := events.Describe(t.Context(), log, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, last, ok := described.Last(); !ok || last.Shop != want {
			t.Errorf("%s is of %+v, want %s", c, last, want)
		}
	}

	rule(t, a, "a campaign is its first shop's, whose corrections are taken", func(t *testing.T, s Store) {
		log := s.Open(t)
		one, two, foreign := description("c", "a", 1), description("c", "a", 2), description("c", "b", 3)
		wantOutcomes(t, mustAppend(t, log, registration("c", 1), one, foreign, two, foreign, registration("c", 2)), appended, appended, other, appended, other, appended)
		wantOutcomes(t, mustAppend(t, s.Open(t), foreign), other)
		wantOutcomes(t, mustAppend(t, log, two, foreign, description("d", "b", 1)), duplicate, other, appended)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, registration("c", 1), one, two, registration("c", 2), description("d", "b", 1))
		wantTotals(t, log, events.Totals{Head: 5, Received: 6, Duplicates: 1})
		shopIs(t, log, "c", "a")
	})
	rule(t, a, "what is refused beside known events is not counted", func(t *testing.T, s Store) {
		log, d := s.Open(t), registrations("c", 1, 3)
		mustAppend(t, log, d[0], description("c", "a", 1), d[1])
		foreign := description("c", "b", 1)
		wantOutcomes(t, mustAppend(t, log, d[1], foreign, changed(d[0]), d[2], foreign, d[2]), duplicate, other, conflict, appended, other, duplicate)
		wantRecorded(t, mustRead(t, log, 0, 10), 1, d[0], description("c", "a", 1), d[1], d[2])
		wantTotals(t, log, events.Totals{Head: 4, Received: 6, Duplicates: 2})
		mustAppend(t, log, registration("c", 4))
		wantLinks(t, log)
	})
	rule(t, a, "a campaign that was moved is the other shop's", func(t *testing.T, s Store) {
		log := s.Open(t)
		first := description("c", "a", 1)
		mustAppend(t, log, first)
		wantOutcomes(t, mustAppend(t, log, description("c", "b", 2), move(t, first, "b"), description("c", "a", 3)), other, appended, other)
		wantOutcomes(t, mustAppend(t, log, description("c", "b", 2)), appended)
		wantOutcomes(t, mustAppend(t, log, first), duplicate) // delivered again
		shopIs(t, log, "c", "b")
		wantOutcomes(t, mustAppend(t, log, move(t, description("c", "b", 2), "a"), description("c", "a", 3)), appended, appended)
		shopIs(t, log, "c", "a")
	})
	rule(t, a, "a move that was withdrawn does not count", func(t *testing.T, s Store) {
		log := s.Open(t)
		first := description("c", "a", 1)
		mustAppend(t, log, first, move(t, first, "b"))
		withdraw := func(p events.Position) { t.Helper(); mustAppend(t, log, withdrawal("c", p)) }
		withdraw(2)
		shopIs(t, log, "c", "a")
		wantOutcomes(t, mustAppend(t, log, description("c", "b", 2), description("c", "a", 3)), other, appended)
		withdraw(3) // the move counts again, and the correction stands after it
		shopIs(t, log, "c", "a")
		withdraw(4)
		shopIs(t, log, "c", "b")
		wantOutcomes(t, mustAppend(t, log, description("c", "b", 2)), appended)
	})
	rule(t, a, "a withdrawal is of its campaign's events alone", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, description("c", "a", 1), description("d", "b", 1), withdrawal("c", 2), withdrawal("d", 1))
		wantOutcomes(t, mustAppend(t, log, description("c", "b", 2), description("d", "a", 2)), other, other)
		shopIs(t, log, "c", "a")
		shopIs(t, log, "d", "b")
	})
	rule(t, a, "a letter of another shop passes once the campaign is moved", func(t *testing.T, s Store) {
		log := s.Open(t)
		first, foreign := description("c", "a", 1), description("c", "b", 2)
		mustAppend(t, log, first)
		mustBury(t, log, letter(1, events.ReasonMalformed))
		revive := events.Revival{Letter: letter(1, "").ID, Draft: foreign}
		wantOutcomes(t, mustRevive(t, log, revive), other)
		left := waiting(t, log)
		if len(left) != 1 || left[0].Reason != events.ReasonOtherShop || left[0].Detail == letter(1, "").Detail {
			t.Errorf("waiting are %+v, want one of another shop", left)
		}
		mustAppend(t, log, move(t, first, "b"))
		wantOutcomes(t, mustRevive(t, log, revive), appended)
		wantTotals(t, log, events.Totals{Head: 3, Received: 3})
	})
}
