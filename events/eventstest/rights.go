package eventstest

import (
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
	dismissed := events.WithdrawnRight{Subject: "kim", Who: "me@here", Why: "left the shop"}
	sold := events.WithdrawnRight{Subject: "lee@example.com", Shop: "가게 1", Who: "김@여기", Why: "가게를 넘김"}
	rule(t, a, "what was withdrawn is listed by every handle, from a time on, in order", func(t *testing.T, s Store) {
		log, other := s.Open(t), s.Open(t)
		if none, err := log.Rights().Withdrawn(t.Context(), time.Time{}); err != nil || len(none) > 0 {
			t.Errorf("an empty log has %+v, %v", none, err)
		}
		before := mustTotals(t, log)
		begun := time.Now()
		all := []events.WithdrawnRight{mustWithdraw(t, log, dismissed), mustWithdraw(t, other, sold), mustWithdraw(t, log, dismissed)}
		if diff := cmp.Diff([]events.WithdrawnRight{dismissed, sold, dismissed}, all, cmpopts.IgnoreFields(events.WithdrawnRight{}, "At")); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		for i, w := range all {
			if w.At.Sub(begun).Abs() > time.Hour || w.At.Location() != time.UTC || i > 0 && w.At.Before(all[i-1].At) {
				t.Errorf("record %d of %+v is not in order", i, all)
			}
		}
		listed, err := s.Open(t).Rights().Withdrawn(t.Context(), time.Time{})
		if diff := cmp.Diff(all, listed); err != nil || diff != "" {
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
			Subject: strings.Repeat("s", events.MaxIDBytes), Shop: events.Shop(strings.Repeat("x", events.MaxIDBytes)),
			Who: strings.Repeat("누", events.MaxWho), Why: strings.Repeat("왜", events.MaxWhy),
		}
		long = mustWithdraw(t, log, long)
		if all, err := log.Rights().Withdrawn(t.Context(), time.Time{}); err != nil || cmp.Diff([]events.WithdrawnRight{long}, all) != "" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}
