package eventstest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"jangbu/events"
)

func mustRecord(t testing.TB, log events.Log, a events.Access) {
	t.Helper()
	if err := a.Check(); err != nil {
		t.Fatalf("Check: %v", err)
	}
	if err := log.Accesses().Add(t.Context(), a); err != nil {
		t.Fatalf("Add: %v", err)
	}
}

func testAccesses(t *testing.T, a Adapter) {
	export := events.Access{Command: "events export", Subject: "positions 1 to 3", Who: "김@여기", Why: "분석 의뢰 OPS-1"}
	rotation := events.Access{Command: "privacy rotate", Subject: "the master key", Who: "me@here"}
	rule(t, a, "what was recorded is listed, the newest first, by every handle, page by page", func(t *testing.T, s Store) {
		log, other := s.Open(t), s.Open(t)
		if none, err := log.Accesses().List(t.Context(), 0, 10); err != nil || len(none) > 0 {
			t.Errorf("an empty log has %+v, %v", none, err)
		}
		before := mustTotals(t, log)
		begun := time.Now()
		mustRecord(t, log, export)
		mustRecord(t, other, rotation)
		mustRecord(t, log, export)
		all, err := s.Open(t).Accesses().List(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]events.Access{export, rotation, export}, all, cmpopts.IgnoreFields(events.Access{}, "ID", "At")); diff != "" {
			t.Fatalf("accesses (-want +got):\n%s", diff)
		}
		for i, one := range all {
			if one.At.Sub(begun).Abs() > time.Hour || i > 0 && (one.ID >= all[i-1].ID || one.At.After(all[i-1].At)) {
				t.Errorf("access %d of %+v is not in order", i, all)
			}
		}
		var paged []events.Access
		for at := int64(0); ; at = paged[len(paged)-1].ID {
			page, err := other.Accesses().List(t.Context(), at, 2)
			if err != nil {
				t.Fatal(err)
			}
			if paged = append(paged, page...); len(page) < 2 {
				break
			}
		}
		if diff := cmp.Diff(all, paged); diff != "" {
			t.Errorf("page by page (-want +got):\n%s", diff)
		}
		wantTotals(t, log, before) // a record is no event
	})
	rule(t, a, "a record can be reworded, and keeps its place", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustRecord(t, log, export)
		mustRecord(t, log, rotation)
		want, err := log.Accesses().List(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		want[1].Subject, want[1].Who, want[1].Why = "campaign ***", "***", "asked by ***"
		if err := log.Accesses().Reword(t.Context(), want[1]); err != nil {
			t.Fatalf("Reword: %v", err)
		}
		got, err := s.Open(t).Accesses().List(t.Context(), 0, 10)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("accesses (-want +got): %v\n%s", err, diff)
		}
	})
	rule(t, a, "a record may be as long as Check allows", func(t *testing.T, s Store) {
		log := s.Open(t)
		long := events.Access{
			Command: "events export", Subject: "campaign " + strings.Repeat("보", events.MaxIDBytes),
			Who: strings.Repeat("누", events.MaxWho), Why: strings.Repeat("왜", events.MaxWhy),
		}
		mustRecord(t, log, long)
		all, err := log.Accesses().List(t.Context(), 0, 1)
		if err != nil || len(all) != 1 || all[0].Why != long.Why || all[0].Subject != long.Subject {
			t.Errorf("%+v, %v", all, err)
		}
	})
}
