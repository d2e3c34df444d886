package eventstest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

// besideOf returns what is beside the events of a log.
func besideOf(t testing.TB, log events.Log) (b events.Beside) {
	t.Helper()
	var err error
	if b.Letters, err = log.DeadLetters().List(t.Context(), events.DeadLetterQuery{Limit: 100}); err != nil {
		t.Fatal(err)
	}
	if b.Sources, err = log.Sources().List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.Accesses, err = log.Accesses().List(t.Context(), 0, 100); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(b.Accesses)
	if b.Rights, err = log.Rights().Withdrawn(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// testBeside tests that what is beside the events comes back as it was.
func testBeside(t *testing.T, a Adapter) {
	rule(t, a, "what is restored is as it was, once", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustBury(t, log, letter(1, events.ReasonMalformed), letter(2, events.ReasonKey))
		mustBury(t, log, letter(3, events.ReasonMalformed))
		if n, err := log.DeadLetters().Discard(t.Context(), []events.ID{letter(2, "").ID}, events.Discarded{By: "김@여기", Why: "OPS-1"}); err != nil || n != 1 {
			t.Fatalf("Discard: %d, %v", n, err)
		}
		source := events.Source{Topic: "event-created", TopicID: events.TopicID{1, 2}, Partition: 7}
		if err := log.DeadLetters().Bury(t.Context(), nil, events.Reading{Source: source, Next: 12}); err != nil {
			t.Fatal(err)
		}
		source.Partition = 8
		if err := log.Sources().Skip(t.Context(), source, 1<<40, 25); err != nil {
			t.Fatal(err)
		}
		for _, access := range []events.Access{{Command: "backup", Subject: "one", Who: "me@here", Why: "every night"}, {Command: "backup", Subject: "one", Who: "me@here"}} {
			mustRecord(t, log, access)
		}
		key := events.NewSubjectKey([32]byte{1})
		for _, subject := range []string{"kim", "lee@example.com"} {
			w := events.WithdrawnRight{Who: "me@here", Why: "left the shop", Shop: "가게 1"}
			var err error
			if w.Subject, err = key.Subject(subject); err != nil {
				t.Fatal(err)
			}
			mustWithdraw(t, log, w)
		}

		want, other := besideOf(t, log), a.New(t)
		for range 2 {
			restored := other.Open(t)
			if err := restored.RestoreBeside(t.Context(), want); err != nil {
				t.Fatalf("RestoreBeside: %v", err)
			}
			got := besideOf(t, restored)
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(events.Subject{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(events.Access{}, "ID")); diff != "" {
				t.Errorf("restored (-want +got):\n%s", diff)
			}
			wantTotals(t, restored, mustTotals(t, log))
		}
		// What is recorded later follows.
		restored := other.Open(t)
		mustRecord(t, restored, events.Access{Command: "restore", Subject: "one", Who: "me@here"})
		if got := besideOf(t, restored).Accesses; len(got) != 3 || got[2].Command != "restore" {
			t.Errorf("accesses: %+v", got)
		}
	})
	rule(t, a, "a log without its head takes nothing back", func(t *testing.T, s Store) {
		log := s.Open(t)
		if err := s.Exec(t.Context(), "DELETE FROM log_head"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "RestoreBeside", log.RestoreBeside(t.Context(), events.Beside{}), events.ErrCorrupt)
	})
}
