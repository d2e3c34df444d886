package eventstest

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"jangbu/events"
)

func mustErase(t testing.TB, log events.Log, c events.Campaign, positions ...events.Position) events.Erasure {
	t.Helper()
	done, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: c, Positions: positions, Who: "me@here", Why: "참여자의 요청"})
	if err != nil {
		t.Fatalf("Erase: %v", err)
	}
	return done
}

func wantErasures(t testing.TB, log events.Log, c events.Campaign, want ...events.Erasure) {
	t.Helper()
	got, err := log.Erasures().List(t.Context(), c)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	for _, e := range want {
		if e.At.IsZero() {
			t.Errorf("erasure %+v has no time", e)
		}
	}
	if diff := diffErasures(want, got); diff != "" {
		t.Errorf("erasures (-want +got):\n%s", diff)
	}
}

func diffErasures(want, got []events.Erasure) string {
	for i := range want {
		want[i].Positions = append([]events.Position{}, want[i].Positions...)
	}
	if len(want) == 0 && len(got) == 0 {
		return ""
	}
	return gocmp.Diff(want, got)
}

func testErasures(t *testing.T, a Adapter) {
	rule(t, a, "a person's events keep their place, identity, channel and link, and nothing of the person", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, append(samples(), registrations("c", 1, 3)...)...)
		before := mustRead(t, log, 0, 100)
		head := mustTotals(t, log)
		link, _, err := log.Chain().Link(t.Context(), head.Head)
		if err != nil {
			t.Fatal(err)
		}
		done := mustErase(t, log, "registered-full", 3)
		want := append([]events.Recorded{}, before...)
		want[2] = want[2].Erase()
		got := mustRead(t, s.Open(t), 0, 100)
		if diff := diffRecorded(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		switch e := got[2].Event.(*events.ParticipantRegistered); {
		case e.Participant != "", e.Pseudonym != (events.Pseudonym{}), e.Gender+e.AgeGroup+e.Region != "", !e.RegisteredAt.IsZero():
			t.Errorf("the erased event holds %+v", e)
		case e.Channel != "wooridongnetv", e.NewCustomer == nil || !*e.NewCustomer:
			t.Errorf("the erased event lost what totals are made of: %+v", e)
		case !got[2].Erased(), !got[2].Intact(), got[2].Digest.Conflicts(before[2].Digest):
			t.Errorf("the erased event is not intact: %+v", got[2])
		}
		for i := range got {
			if !got[i].Intact() {
				t.Errorf("position %d is not intact", got[i].Position)
			}
		}
		wantTotals(t, log, head)
		if after, _, err := log.Chain().Link(t.Context(), head.Head); err != nil || after != link {
			t.Errorf("the link at the head is %v, %v, was %v", after, err, link)
		}
		stream, err := log.ReadStream(t.Context(), events.Stream{Campaign: "registered-full", Limit: 10})
		if err != nil || diffRecorded(want[2:3], stream) != "" {
			t.Errorf("the stream has %+v, %v", stream, err)
		}
		wantErasures(t, s.Open(t), "", done)
		wantErasures(t, log, "registered-full", done)
		wantErasures(t, log, "c")
	})
	rule(t, a, "the person's record, delivered again, is a duplicate", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 2)...)
		mustErase(t, log, "c", 1)
		wantOutcomes(t, mustAppend(t, log, registrations("c", 1, 3)...), events.Duplicate, events.Duplicate, events.Appended)
		other := registration("c", 1)
		other.Digest[0]++
		wantOutcomes(t, mustAppend(t, log, other), events.Conflict)
		if read := mustRead(t, log, 0, 1); !read[0].Erased() {
			t.Errorf("the event is %+v, want it erased", read[0].Event)
		}
		wantTotals(t, log, events.Totals{Head: 3, Received: 5, Duplicates: 2})
	})
	rule(t, a, "what is erased already is left out, and records nothing", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 4)...)
		first := mustErase(t, log, "c", 1, 2)
		second := mustErase(t, log, "c", 2, 3)
		if want := []events.Position{3}; !gocmp.Equal(want, second.Positions) {
			t.Errorf("recorded positions %v, want %v", second.Positions, want)
		}
		if again := mustErase(t, log, "c", 1, 2, 3); !again.At.IsZero() || len(again.Positions) > 0 {
			t.Errorf("erased again: %+v", again)
		}
		wantErasures(t, log, "c", first, second)
	})
	rule(t, a, "a campaign whose key is destroyed is recorded once", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, registrations("c", 1, 1)...)
		person := mustErase(t, log, "c", 1)
		key, again := mustErase(t, log, "c"), mustErase(t, s.Open(t), "c")
		if key.At.IsZero() || !again.At.IsZero() {
			t.Errorf("recorded %+v, then %+v", key, again)
		}
		wantErasures(t, log, "c", person, key)
	})
	rule(t, a, "nothing but a registration of the campaign is erased", func(t *testing.T, s Store) {
		log := s.Open(t)
		mustAppend(t, log, append(samples(), registrations("c", 1, 2)...)...)
		before := mustRead(t, log, 0, 100)
		last := before[len(before)-1].Position
		for _, positions := range [][]events.Position{{1}, {3}, {last - 1, last + 1}, {0}} {
			if _, err := log.Erasures().Erase(t.Context(), events.Erasure{Campaign: "c", Positions: positions}); !errors.Is(err, events.ErrNotErasable) {
				t.Errorf("Erase of %v: %v, want ErrNotErasable", positions, err)
			}
		}
		if diff := diffRecorded(before, mustRead(t, log, 0, 100)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		wantErasures(t, log, "")
	})
	rule(t, a, "what an earlier release stored of the public is redacted in place, recorded, and once", func(t *testing.T, s Store) {
		log := s.Open(t)
		d := registrations("c", 1, 4)
		for i, channel := range []string{"naver", "추천인 010-7777-1009", "kim@naver.com"} {
			e := *d[i].Event.(*events.ParticipantRegistered)
			e.Channel = channel
			d[i].Event, d[i].Digest = &e, events.DigestOf(&e)
		}
		mustAppend(t, log, d...)
		before := mustRead(t, log, 0, 10)
		head := mustTotals(t, log)
		redact := func(positions ...events.Position) (events.Erasure, error) {
			return log.Erasures().Redact(t.Context(), events.Erasure{Campaign: "c", Positions: positions, Who: "me@here", Why: "scan"}, nil)
		}
		done, err := redact(1, 2, 3, 4)
		if err != nil || !gocmp.Equal(done.Positions, []events.Position{2, 3}) || done.At.IsZero() {
			t.Fatalf("Redact: %+v, %v", done, err)
		}
		want := append([]events.Recorded{}, before...)
		for _, i := range []int{1, 2} {
			want[i], _ = want[i].Redact(nil)
		}
		got := mustRead(t, s.Open(t), 0, 10)
		if diff := diffRecorded(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if e := got[1].Event.(*events.ParticipantRegistered); e.Channel != "other" || !e.Redacted || e.Participant == "" {
			t.Errorf("redacted: %+v", e)
		}
		wantTotals(t, log, head)
		for _, positions := range [][]events.Position{{1, 2, 3, 4}, {}} {
			if again, err := redact(positions...); err != nil || !again.At.IsZero() {
				t.Errorf("redacted again: %+v, %v", again, err)
			}
		}
		for _, positions := range [][]events.Position{{2, 5}, {0}} {
			if _, err := redact(positions...); !errors.Is(err, events.ErrNotErasable) {
				t.Errorf("Redact of %v: %v, want ErrNotErasable", positions, err)
			}
		}
		wantOutcomes(t, mustAppend(t, log, d...), events.Duplicate, events.Duplicate, events.Duplicate, events.Duplicate)
		copied := a.New(t).Open(t)
		if err := copied.Restore(t.Context(), got, 0); err != nil {
			t.Fatal(err)
		}
		if diff := diffRecorded(got, mustRead(t, copied, 0, 10)); diff != "" {
			t.Errorf("restored (-want +got):\n%s", diff)
		}
		erased := mustErase(t, log, "c", 2)
		wantErasures(t, log, "c", done, erased)
	})
	rule(t, a, "a campaign whose id identifies a person gets its other name everywhere, with place, identity and link", func(t *testing.T, s Store) {
		const phone = "010-7777-1009"
		name := func(id string) string { return "erased-" + string('a'+rune(len(id))) }
		named := events.Campaign(name(phone))
		log := s.Open(t)
		all := append(samples(), registrations(phone, 1, 3)...)
		all = append(all, withdrawal(phone, events.Position(len(samples())+2)))
		for i, d := range all {
			if e, ok := d.Event.(*events.EventCreated); ok {
				now := *e
				now.Shop = phone
				all[i].Event, all[i].Digest = &now, events.DigestOf(&now)
			}
		}
		mustAppend(t, log, all...)
		person, key := mustErase(t, log, phone, events.Position(len(samples())+1)), mustErase(t, log, phone)
		before, head := mustRead(t, log, 0, 100), mustTotals(t, log)
		link, _, err := log.Chain().Link(t.Context(), head.Head)
		if err != nil {
			t.Fatal(err)
		}
		positions, want := make(map[events.Campaign][]events.Position), append([]events.Recorded{}, before...)
		for i := range want {
			now, differs := want[i].Redact(name)
			if want[i] = now; differs {
				positions[before[i].Event.Subject()] = append(positions[before[i].Event.Subject()], want[i].Position)
			}
		}
		if len(positions[phone]) != 4 || len(positions) < 2 {
			t.Fatalf("positions %v are to be overwritten: this test has the wrong events", positions)
		}
		wanted := []events.Erasure{person, key}
		for c, at := range positions {
			e := events.Erasure{Campaign: c, Positions: at, Who: "me@here", Why: "scan"}
			// As after an interrupt: a part of the campaign has its name already.
			part := e
			part.Positions = at[:1]
			for _, e := range []events.Erasure{part, e} {
				done, err := log.Erasures().Redact(t.Context(), e, name)
				if err != nil {
					t.Fatalf("Redact of %q: %v", c, err)
				}
				if len(done.Positions) > 0 {
					wanted = append(wanted, done)
				}
				if done.Campaign == phone {
					t.Errorf("recorded %+v", done)
				}
			}
			if again, err := log.Erasures().Redact(t.Context(), e, name); err != nil || !again.At.IsZero() {
				t.Errorf("redacted again: %+v, %v", again, err)
			}
		}
		if diff := diffRecorded(want, mustRead(t, s.Open(t), 0, 100)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		for c, n := range map[events.Campaign]int{phone: 0, named: 4} {
			if stream, err := log.ReadStream(t.Context(), events.Stream{Campaign: c, Limit: 10}); err != nil || len(stream) != n {
				t.Errorf("the stream of %q has %d events, %v; want %d", c, len(stream), err, n)
			}
		}
		if rare, err := log.ReadStream(t.Context(), events.Stream{Campaign: named, Types: events.RareTypes(), Limit: 10}); err != nil || len(rare) != 1 {
			t.Errorf("the campaign's withdrawals are %+v, %v", rare, err)
		}
		wantTotals(t, log, head)
		if after, _, err := log.Chain().Link(t.Context(), head.Head); err != nil || after != link {
			t.Errorf("the link at the head is %v, %v, was %v", after, err, link)
		}
		for i := range wanted[:2] {
			now, differs := wanted[i].Redact(name)
			if !differs || now.Campaign != named {
				t.Fatalf("the record of an erasure becomes %+v", now)
			}
			if err := log.Erasures().Reword(t.Context(), wanted[i], now); err != nil {
				t.Fatalf("Reword: %v", err)
			}
			wanted[i] = now
		}
		// A copy of before has a record of the same time under the id that was.
		again := person
		if err := log.Erasures().Restore(t.Context(), []events.Erasure{again}); err != nil {
			t.Fatal(err)
		}
		if err := log.Erasures().Reword(t.Context(), again, wanted[0]); err != nil {
			t.Fatalf("Reword of one that is there: %v", err)
		}
		slices.SortFunc(wanted, func(a, b events.Erasure) int {
			return cmp.Or(a.At.Compare(b.At), strings.Compare(string(a.Campaign), string(b.Campaign)))
		})
		if err := log.Erasures().Compact(t.Context()); err != nil {
			t.Errorf("Compact: %v", err)
		}
		wantErasures(t, s.Open(t), "", wanted...)
		mustAppend(t, log, registration(named, 9))
	})
	rule(t, a, "events and records are restored as they are", func(t *testing.T, s Store) {
		log, copied := s.Open(t), a.New(t).Open(t)
		mustAppend(t, log, registrations("c", 1, 3)...)
		done, key := mustErase(t, log, "c", 2), mustErase(t, log, "c")
		for range 2 {
			if err := copied.Erasures().Restore(t.Context(), []events.Erasure{done, key}); err != nil {
				t.Fatal(err)
			}
			if err := copied.Restore(t.Context(), mustRead(t, log, 0, 10), 0); err != nil {
				t.Fatal(err)
			}
		}
		wantErasures(t, copied, "", done, key)
		if diff := diffRecorded(mustRead(t, log, 0, 10), mustRead(t, copied, 0, 10)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
	rule(t, a, "what was erased is overwritten while others read and append", func(t *testing.T, s Store) {
		log, other := s.Open(t), s.Open(t)
		mustAppend(t, log, registrations("c", 1, 100)...)
		mustErase(t, log, "c", 50, 100)
		mustRead(t, other, 0, 100)
		mustAppend(t, other, registration("c", 101))
		if err := log.Erasures().Scrub(t.Context(), []events.Position{50, 100}); err != nil {
			t.Errorf("Scrub: %v", err)
		}
	})
}
