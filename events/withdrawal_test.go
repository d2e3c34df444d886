package events_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
)

// drawStream draws a campaign's events: facts, and withdrawals of any position.
func drawStream(t *rapid.T) []events.Recorded {
	var stream []events.Recorded
	for p := events.Position(1); p <= events.Position(rapid.IntRange(0, 20).Draw(t, "events")); p++ {
		r := events.Recorded{Position: p, Event: &events.ParticipantRegistered{Campaign: "c"}}
		if rapid.Bool().Draw(t, "withdrawal") {
			r.Event = &events.EventsWithdrawn{
				Campaign: "c", Positions: rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(1, 22), func(n int) events.Position {
					return events.Position(n)
				}), 1, 5, rapid.ID).Draw(t, "positions"),
			}
		}
		stream = append(stream, r)
	}
	return stream
}

// An event is in effect unless a later withdrawal that is itself in effect names it.
func TestWithdrawalsTakeEffectFromTheNewest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		stream := drawStream(t)
		at := events.Position(rapid.IntRange(0, 22).Draw(t, "as of"))
		var inEffect func(p events.Position) bool
		inEffect = func(p events.Position) bool {
			for _, r := range stream {
				w, ok := r.Event.(*events.EventsWithdrawn)
				if ok && r.Position > p && r.Position <= at && slices.Contains(w.Positions, p) && inEffect(r.Position) {
					return false
				}
			}
			return true
		}
		var want []events.Position
		for _, r := range stream {
			if r.Event.Type() != events.TypeEventsWithdrawn && inEffect(r.Position) {
				want = append(want, r.Position)
			}
		}
		var got []events.Position
		withdrawn := events.WithdrawnAt(stream, at)
		for _, r := range withdrawn.InEffect(stream) {
			got = append(got, r.Position)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("in effect at %d (-want +got):\n%s", at, diff)
		}
		for p, by := range withdrawn {
			if by <= p || by > at || !inEffect(by) {
				t.Fatalf("%d is withdrawn by %d, as of %d", p, by, at)
			}
		}
	})
}

func TestWithdrawalRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := events.EventsWithdrawn{
			Campaign: events.Campaign(drawText(1, false).Draw(t, "eventId")), Who: drawText(1, true).Draw(t, "who"), Why: drawText(1, true).Draw(t, "why"),
		}
		for _, n := range rapid.SliceOfNDistinct(rapid.Int64Range(1, events.MaxFigure), 1, 9, rapid.ID).Draw(t, "positions") {
			w.Positions = append(w.Positions, events.Position(n))
		}
		slices.Sort(w.Positions)
		stored := events.AppendStored(nil, &w)
		got, err := events.DecodeStored(events.CurrentForm, events.TypeEventsWithdrawn, stored)
		if err != nil {
			t.Fatalf("%v\n%s", err, stored)
		}
		if diff := cmp.Diff(events.Event(&w), got); diff != "" {
			t.Fatalf("%s (-written +read):\n%s", stored, diff)
		}
		for _, other := range events.Types() {
			if e, err := events.DecodeStored(events.CurrentForm, other, stored); err == nil {
				t.Fatalf("read as %s: %v\n%s", other, e, stored)
			}
		}
	})
	many := strings.Repeat("1,", events.MaxWithdrawn)
	for _, payload := range []string{
		`"positions":[],"who":"a","why":"b"}`, `"positions":[0],"who":"a","why":"b"}`, `"positions":[2,1],"who":"a","why":"b"}`,
		`"positions":[1,1],"who":"a","why":"b"}`, `"positions":[01],"who":"a","why":"b"}`, `"positions":[1,],"who":"a","why":"b"}`,
		`"positions":[1],"why":"b","who":"a"}`, `"positions":[1],"who":"a"}`, `"positions":[1],"who":"a","why":"b","more":1}`,
		`"positions":["1"],"who":"a","why":"b"}`, `"positions":[1`, `"positions":[` + many + `1],"who":"a","why":"b"}`,
	} {
		for form := range events.CurrentForm + 1 {
			if e, err := events.DecodeStored(form, events.TypeEventsWithdrawn, []byte(`{"eventId":"c",`+payload)); err == nil {
				t.Errorf("%s is read as %+v", payload, e)
			}
		}
	}
}

// A withdrawal is a command of an operator: no topic carries one.
func TestWithdrawalsComeByNoTopic(t *testing.T) {
	t.Parallel()
	value := []byte(`{"eventId":"c","positions":[1],"who":"a","why":"b"}`)
	bare := events.Record{Timestamp: stamp, Value: value}
	typed := events.Record{Timestamp: stamp, Value: value, Headers: headers("ce_specversion", "1.0", "ce_id", "1", "ce_type", "EventsWithdrawn", "ce_source", "s")}
	for _, typ := range append(events.Types(), events.TypeEventsWithdrawn) {
		if _, err := events.Decode(typ, typed, stamp); !errors.Is(err, events.ErrUnknownType) {
			t.Errorf("a topic of %s, CloudEvent of a withdrawal: %v", typ, err)
		}
		d, err := events.Decode(typ, bare, stamp)
		if err == nil {
			t.Errorf("a topic of %s: a withdrawal is read as %+v", typ, d)
		}
	}
	if events.Contract(events.TypeEventsWithdrawn) != nil {
		t.Error("a withdrawal has a contract of the wire")
	}
}

func TestNewWithdrawal(t *testing.T) {
	t.Parallel()
	w := events.EventsWithdrawn{Campaign: "c", Positions: []events.Position{9, 3, 9}, Who: "주인", Why: "상금 오타, 2026-11-23 10:00:00 주문 4021"}
	d, err := events.NewWithdrawal(w, stamp)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Event.(*events.EventsWithdrawn).Positions; !slices.Equal(got, []events.Position{3, 9}) {
		t.Errorf("positions %v", got)
	}
	if d.Digest != events.DigestOf(d.Event) || !d.OccurredAt.Equal(stamp) {
		t.Errorf("draft %+v", d)
	}
	if again, _ := events.NewWithdrawal(w, stamp); again.ID != d.ID {
		t.Error("the same withdrawal has two identities")
	}
	if later, _ := events.NewWithdrawal(w, stamp.Add(1000)); later.ID == d.ID {
		t.Error("a later withdrawal of the same has the identity of the first")
	}
	for name, change := range map[string]func(*events.EventsWithdrawn){
		"no position":           func(w *events.EventsWithdrawn) { w.Positions = nil },
		"position 0":            func(w *events.EventsWithdrawn) { w.Positions = []events.Position{0, 1} },
		"too many":              func(w *events.EventsWithdrawn) { w.Positions = consecutive(1, events.MaxWithdrawn+1) },
		"why: nothing":          func(w *events.EventsWithdrawn) { w.Why = " " },
		"why: too long":         func(w *events.EventsWithdrawn) { w.Why = strings.Repeat("가", 501) },
		"why: two lines":        func(w *events.EventsWithdrawn) { w.Why = "a\nb" },
		"why: bidi":             func(w *events.EventsWithdrawn) { w.Why = "a\u202eb" },
		"why: no UTF-8":         func(w *events.EventsWithdrawn) { w.Why = "a\xff" },
		"who: nothing":          func(w *events.EventsWithdrawn) { w.Who = "" },
		"who: too long":         func(w *events.EventsWithdrawn) { w.Who = strings.Repeat("가", 201) },
		"why: a phone number":   func(w *events.EventsWithdrawn) { w.Why = "번호 010-1234-5678 손님" },
		"why: full-width":       func(w *events.EventsWithdrawn) { w.Why = "０１０ １２３４ ５６７８" },
		"why: of other country": func(w *events.EventsWithdrawn) { w.Why = "+82 10 1234.5678" },
		"who: a phone number":   func(w *events.EventsWithdrawn) { w.Who = "01012345678" },
		"why: a mail address":   func(w *events.EventsWithdrawn) { w.Why = "asked by kim1234@naver.com" },
	} {
		bad := w
		change(&bad)
		d, err := events.NewWithdrawal(bad, stamp)
		if err == nil {
			t.Errorf("%s: %+v", name, d.Event)
		} else if strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
	}
}

func consecutive(from, through int) (ps []events.Position) {
	for p := from; p <= through; p++ {
		ps = append(ps, events.Position(p))
	}
	return ps
}
