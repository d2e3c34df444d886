package eventstest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

func mustWithdraw(t testing.TB, log events.Log, w events.WithdrawnRight) events.WithdrawnRight {
	t.Helper()
	if err := w.Check(); err != nil {
		t.Fatalf("Check: %v", err)
	}
	done, err := log.Rights().Withdraw(t.Context(), w)
	if err != nil {
		t.Fatalf("Withdraw: %v", err)
	}
	return done
}

func testRights(t *testing.T, a Adapter) {
	key := events.NewSubjectKey([32]byte{1})
	subject := func(name string) events.Subject {
		s, err := key.Subject(name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	bySubject := cmpopts.EquateComparable(events.Subject{})
	dismissed := events.WithdrawnRight{Subject: subject("kim"), Who: "me@here", Why: "left the shop"}
	sold := events.WithdrawnRight{Subject: subject("lee@example.com"), Shop: "가게 1", Who: "김@여기", Why: "가게를 넘김"}
	rule(t, a, "what was withdrawn is listed by every handle, from a time on, in order", func(t *testing.T, s Store) {
		log, other := s.Open(t), s.Open(t)
		if none, err := log.Rights().Withdrawn(t.Context(), time.Time{}); err != nil || len(none) > 0 {
			t.Errorf("an empty log has %+v, %v", none, err)
		}
		before := mustTotals(t, log)
		begun := time.Now()
		all := []events.WithdrawnRight{mustWithdraw(t, log, dismissed), mustWithdraw(t, other, sold), mustWithdraw(t, log, dismissed)}
		if diff := cmp.Diff([]events.WithdrawnRight{dismissed, sold, dismissed}, all, bySubject, cmpopts.IgnoreFields(events.WithdrawnRight{}, "At")); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		for i, w := range all {
			if w.At.Sub(begun).Abs() > time.Hour || w.At.Location() != time.UTC || i > 0 && w.At.Before(all[i-1].At) {
				t.Errorf("record %d of %+v is not in order", i, all)
			}
		}
		listed, err := s.Open(t).Rights().Withdrawn(t.Context(), time.Time{})
		if diff := cmp.Diff(all, listed, bySubject); err != nil || diff != "" {
			t.Errorf("listed: %v (-want +got):\n%s", err, diff)
		}
		for i, w := range all {
			later, err := other.Rights().Withdrawn(t.Context(), w.At)
			if err != nil || len(later) < len(all)-i || len(later) > 0 && later[len(later)-1] != all[2] {
				t.Errorf("since record %d: %+v, %v", i, later, err)
			}
		}
		if later, err := log.Rights().Withdrawn(t.Context(), all[2].At.Add(time.Microsecond)); err != nil || len(later) > 0 {
			t.Errorf("after the last one: %+v, %v", later, err)
		}
		wantTotals(t, log, before) // a record is no event
	})
	rule(t, a, "a record may be as long as Check allows", func(t *testing.T, s Store) {
		log := s.Open(t)
		long := events.WithdrawnRight{
			Subject: subject(strings.Repeat("s", events.MaxIDBytes)), Shop: events.Shop(strings.Repeat("x", events.MaxIDBytes)),
			Who: strings.Repeat("누", events.MaxWho), Why: strings.Repeat("왜", events.MaxWhy),
		}
		long = mustWithdraw(t, log, long)
		if all, err := log.Rights().Withdrawn(t.Context(), time.Time{}); err != nil || cmp.Diff([]events.WithdrawnRight{long}, all, bySubject) != "" {
			t.Errorf("%+v, %v", all, err)
		}
	})
	rule(t, a, "a subject that identifies a person is not recorded in plain", func(t *testing.T, s Store) {
		log := s.Open(t)
		plain, err := events.KeptSubject("lee@example.com", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := sold
		w.Subject = plain
		if _, err := log.Rights().Withdraw(t.Context(), w); !errors.Is(err, events.ErrNoSubjectKey) {
			t.Errorf("Withdraw: %v", err)
		}
		if all, err := log.Rights().Withdrawn(t.Context(), time.Time{}); err != nil || len(all) > 0 {
			t.Errorf("%+v, %v", all, err)
		}
	})
	rule(t, a, "what an earlier release recorded in plain is in force, and is hashed once there is a key", func(t *testing.T, s Store) {
		log := s.Open(t)
		hashed := mustWithdraw(t, log, sold)
		if n, err := log.Rights().Conceal(t.Context(), key); n != 0 || err != nil {
			t.Errorf("nothing to conceal: %d, %v", n, err)
		}
		mustWithdraw(t, log, dismissed)
		if err := s.Exec(t.Context(), `UPDATE withdrawn_rights SET subject = '010-1234-5678' WHERE subject = 'kim'`); err != nil {
			t.Fatal(err)
		}
		all, err := log.Rights().Withdrawn(t.Context(), time.Time{})
		if err != nil || len(all) != 2 || all[1].Subject.Name() != "010-1234-5678" || !all[1].InPlain() || all[0].InPlain() {
			t.Fatalf("%+v, %v", all, err)
		}
		if n, err := log.Rights().Conceal(t.Context(), key); n != 1 || err != nil {
			t.Errorf("Conceal: %d, %v", n, err)
		}
		want := []events.WithdrawnRight{hashed, all[1]}
		want[1].Subject = key.Hashed("010-1234-5678")
		all, err = s.Open(t).Rights().Withdrawn(t.Context(), time.Time{})
		if diff := cmp.Diff(want, all, bySubject); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if n, err := log.Rights().Conceal(t.Context(), key); n != 0 || err != nil {
			t.Errorf("concealed again: %d, %v", n, err)
		}
	})
	rule(t, a, "a shop that has another name has it in what was withdrawn", func(t *testing.T, s Store) {
		log := s.Open(t)
		sold, dismissed := mustWithdraw(t, log, sold), mustWithdraw(t, log, dismissed)
		if err := log.Rights().RenameShop(t.Context(), sold.Shop, "erased-x"); err != nil {
			t.Fatal(err)
		}
		sold.Shop = "erased-x"
		all, err := s.Open(t).Rights().Withdrawn(t.Context(), time.Time{})
		if diff := cmp.Diff([]events.WithdrawnRight{sold, dismissed}, all, bySubject); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
