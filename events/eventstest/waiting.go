package eventstest

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"jangbu/events"
)

func testWaitingLetters(t *testing.T, a Adapter) {
	// some returns letters of two topics and three partitions whose offsets and IDs
	// are not in the same order.
	some := func() []events.DeadLetter {
		var letters []events.DeadLetter
		for n := range 24 {
			d := letter(n, []events.Reason{events.ReasonMalformed, events.ReasonConflict}[n%2])
			d.Topic = []string{"event-created", "Event"}[n%5%2]
			d.Partition, d.Offset = int32(n%3), int64(9-n%10)
			letters = append(letters, d)
		}
		return letters
	}
	byPlace := func(letters []events.DeadLetter) []events.DeadLetter {
		return slices.SortedFunc(slices.Values(letters), func(a, b events.DeadLetter) int {
			return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset), slices.Compare(a.ID[:], b.ID[:]))
		})
	}
	places := func(letters []events.DeadLetter) (ids []events.ID) {
		for _, d := range letters {
			ids = append(ids, d.ID)
		}
		return ids
	}
	pages := func(t *testing.T, log events.Log, reason events.Reason, limit int, each func([]events.DeadLetter)) (all []events.DeadLetter) {
		t.Helper()
		q := events.DeadLetterQuery{Reason: reason, Limit: limit}
		for {
			page, err := log.DeadLetters().Waiting(t.Context(), q)
			if err != nil {
				t.Fatalf("WaitingLetters: %v", err)
			}
			if len(page) == 0 {
				return all
			}
			all = append(all, page...)
			q.After = &page[len(page)-1]
			each(page)
		}
	}

	rule(t, a, "by topic, partition, offset and ID, in pages that join", func(t *testing.T, s Store) {
		log, letters := s.Open(t), some()
		mustBury(t, log, letters...)
		for _, limit := range []int{1, 7, 100} {
			got := pages(t, s.Open(t), "", limit, func([]events.DeadLetter) {})
			if diff := gocmp.Diff(places(byPlace(letters)), places(got)); diff != "" {
				t.Errorf("pages of %d (-want +got):\n%s", limit, diff)
			}
		}
		conflicts := slices.DeleteFunc(byPlace(letters), func(d events.DeadLetter) bool { return d.Reason != events.ReasonConflict })
		got := pages(t, log, events.ReasonConflict, 5, func([]events.DeadLetter) {})
		if diff := gocmp.Diff(places(conflicts), places(got)); diff != "" {
			t.Errorf("conflicts (-want +got):\n%s", diff)
		}
		if string(got[0].Sealed) != string(letters[slices.Index(places(letters), got[0].ID)].Sealed) {
			t.Errorf("the letter comes without what is sealed")
		}
	})
	rule(t, a, "a discarded letter does not wait", func(t *testing.T, s Store) {
		log, letters := s.Open(t), some()
		mustBury(t, log, letters...)
		mustDiscard(t, log, 2, letters[3].ID, letters[8].ID)
		letters = append(slices.Clone(letters[:3]), append(slices.Clone(letters[4:8]), letters[9:]...)...)
		if diff := gocmp.Diff(places(byPlace(letters)), places(waiting(t, log))); diff != "" {
			t.Errorf("waiting (-want +got):\n%s", diff)
		}
	})
	rule(t, a, "pages join over letters that are revived meanwhile", func(t *testing.T, s Store) {
		log, letters := s.Open(t), some()
		mustBury(t, log, letters...)
		n := 0
		got := pages(t, log, "", 5, func(page []events.DeadLetter) {
			for _, d := range page { // every second letter
				if n++; n%2 == 0 {
					mustRevive(t, log, events.Revival{Letter: d.ID, Draft: registration("c", n)})
				}
			}
		})
		if diff := gocmp.Diff(places(byPlace(letters)), places(got)); diff != "" {
			t.Errorf("pages (-want +got):\n%s", diff)
		}
		if n := len(waiting(t, log)); n != len(letters)/2 {
			t.Errorf("%d letters wait, want %d", n, len(letters)/2)
		}
	})
}
