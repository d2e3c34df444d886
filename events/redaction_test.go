package events_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
)

func TestRemnants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e    events.Event
		want string // fields and what they hold
		left string // after a redaction that lets ids stay
		now  string // the stored form after it
	}{
		{
			&events.EventCreated{Campaign: "e", Shop: "s", Title: "가을 할인", Objective: "문의 02-345-6789"}, "", "", "",
		},
		{
			&events.EventCreated{Campaign: "e", Shop: "010-7777-1009", Title: "문의 010-7777-1009", Objective: "kim@naver.com 900101-1234567", MovedBy: "kim@shop.kr 01077771009", MovedWhy: "4111-1111-1111-1111"},
			"storeId: a phone number; title: a phone number; objective: a mail address; movedBy: a phone number; movedWhy: a card number", "storeId: a phone number",
			`{"eventId":"e","storeId":"010-7777-1009","title":"문의 ***","objective":"*** ***","movedBy":"kim@shop.kr ***","movedWhy":"***","redacted":true}`,
		},
		{
			&events.ParticipantRegistered{Campaign: "e", Participant: "p", Channel: "네이버 블로그", Gender: "여성", AgeGroup: "34세", Region: "서울특별시 강남구"}, "", "",
			`{"participantId":"p","eventId":"e","channel":"naver","gender":"female","ageGroup":"30s","region":"서울 강남구","redacted":true}`,
		},
		{
			&events.ParticipantRegistered{Campaign: "e", Participant: "p", Channel: "naver", Gender: "other", AgeGroup: "unknown", Region: "서울 강남구", NewCustomer: new(true)}, "", "", "",
		},
		{
			&events.ParticipantRegistered{Campaign: "e", Participant: "p", Channel: "추천인 010-7777-1009", Gender: "900101-1234567", AgeGroup: "청년", Region: "서울 강남구 테헤란로 152"},
			"channel: a phone number; gender: a resident number; ageGroup: free text; region: free text", "",
			`{"participantId":"p","eventId":"e","channel":"other","gender":"other","ageGroup":"other","region":"서울 강남구","redacted":true}`,
		},
		{
			&events.ParticipantRegistered{Campaign: "e", Participant: "p-010-7777-1009", Channel: "추천 kim@naver.com", Region: "서울", NewCustomer: new(false)},
			"participantId: a phone number; channel: a mail address", "", `{"erased":true,"eventId":"e","channel":"other","newCustomer":false}`,
		},
		{
			&events.ParticipantRegistered{Campaign: "e", Channel: "추천 kim@naver.com"}, // erased by an earlier release
			"channel: a mail address", "", `{"erased":true,"eventId":"e","channel":"other"}`,
		},
		{&events.DistributionCompleted{Campaign: "kim@naver.com"}, "eventId: a mail address", "eventId: a mail address", ""},
		{&events.ChannelStatsFetched{Campaign: "4111111111111111"}, "eventId: a card number", "eventId: a card number", ""},
		{
			&events.EventsWithdrawn{Campaign: "e", Positions: []events.Position{1}, Who: "kim@naver.com", Why: "kim@naver.com asked"}, "why: a mail address", "",
			`{"eventId":"e","positions":[1],"who":"kim@naver.com","why":"*** asked","redacted":true}`,
		},
	} {
		r := events.Recorded{Position: 1, Digest: events.DigestOf(c.e), Event: c.e}
		if p, ok := c.e.(*events.ParticipantRegistered); ok && p.Erased() {
			r = events.Recorded{Position: 1, Event: &events.ParticipantRegistered{Campaign: "e", Participant: "p"}}.Erase()
			r.Event = p
		}
		if got := listed(events.Remnants(r.Event)); got != c.want {
			t.Errorf("%+v holds %q, want %q", r.Event, got, c.want)
		}
		now, differs := r.Redact(nil)
		if differs != (c.now != "") || !differs && now.Event != r.Event {
			t.Errorf("%+v is redacted: %v", r.Event, differs)
		}
		if stored := string(events.AppendStored(nil, now.Event)); differs && stored != c.now {
			t.Errorf("redacted: %s\nwant      %s", stored, c.now)
		}
		if got := listed(events.Remnants(now.Event)); got != c.left {
			t.Errorf("%+v holds %q, want %q", now.Event, got, c.left)
		}
		for _, name := range []events.Namer{nil, otherName} {
			now, differs := r.Redact(name)
			if again, twice := now.Redact(name); twice || again != now {
				t.Errorf("redacted twice: %+v", again)
			}
			if now.Overwritten() != differs || now.Digest.Conflicts(r.Digest) || differs && !now.Intact() {
				t.Errorf("redacted: %+v, %v", now, now.Overwritten())
			}
			if left := listed(events.Remnants(now.Event)); name != nil && left != "" {
				t.Errorf("redacted with its ids: %+v holds %q", now.Event, left)
			}
		}
	}
}

// otherName names ids that identify a person.
func otherName(string) string { return "erased-x" }

// TestRedactTexts holds that a text beside the events keeps all but what identifies a person,
// that an id that is quoted in it gets its name, and that who did something may have a mail address.
func TestRedactTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{ // as a reason, and as who
		"":                                            {"", ""},
		"분석 의뢰 OPS-1":                                 {"분석 의뢰 OPS-1", "분석 의뢰 OPS-1"},
		"kim@naver.com 010-7777-1009":                 {"*** ***", "kim@naver.com ***"},
		`campaign "010-7777-1009"`:                    {`campaign "erased-x"`, `campaign "erased-x"`},
		`"02-345-6789" to shop "shop-1"`:              {`"erased-x" to shop "shop-1"`, `"erased-x" to shop "shop-1"`},
		`a "quote" that 010-7777-1009 "`:              {`a "quote" that *** "`, `a "quote" that *** "`},
		`"가게\n010-7777-1009"`:                         {`"erased-x"`, `"erased-x"`},
		"root@shop-1/operation 7/1795947296000000000": {"root@shop-1/operation 7/1795947296000000000", "root@shop-1/operation 7/1795947296000000000"},
	} {
		if got := events.RedactText(text, otherName); got != want[0] {
			t.Errorf("%q as a reason: %q, want %q", text, got, want[0])
		}
		if got := events.RedactWho(text, otherName); got != want[1] {
			t.Errorf("%q as who: %q, want %q", text, got, want[1])
		}
	}
	letter := events.DeadLetter{Detail: "channel: 010-7777-1009", Discarded: &events.Discarded{By: "kim 01077771009", Why: "kim@naver.com"}}
	now, differs := letter.Redact(otherName)
	if want := (events.Discarded{By: "kim ***", Why: "***"}); !differs || now.Detail != "channel: ***" || *now.Discarded != want || letter.Discarded.Why != "kim@naver.com" {
		t.Errorf("the letter is %+v, %+v, %v", now, now.Discarded, differs)
	}
	if again, differs := now.Redact(otherName); differs || again.Detail != now.Detail || again.Discarded != now.Discarded {
		t.Errorf("the letter is redacted twice: %+v", again)
	}
}

func listed(all []events.Remnant) string {
	var parts []string
	for _, r := range all {
		parts = append(parts, r.Field+": "+r.Is)
	}
	return strings.Join(parts, "; ")
}

// TestRedactedRoundTrip holds that a redacted event is read back, that its digest covers all that
// is left, that the record is still a duplicate, and that it can be erased.
func TestRedactedRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(events.Types()).Draw(t, "type")
		e := drawEvent(t, typ)
		const number = "010-7777-1009"
		switch e := e.(type) {
		case *events.EventCreated:
			e.Title += " " + number
		case *events.ParticipantRegistered:
			e.Region = "서울 " + number
		case *events.DistributionCompleted:
			e.Campaign = number
		case *events.ChannelStatsFetched:
			e.Campaign = number
		case *events.EventsWithdrawn: // comes by no topic
		}
		r := events.Recorded{Position: 7, Digest: events.DigestOf(e), Event: e}
		now, ok := r.Redact(otherName)
		if !ok || !now.Overwritten() || !now.Intact() || r.Overwritten() {
			t.Fatalf("redacted: %v, %+v", ok, now)
		}
		stored := events.AppendStored(nil, now.Event)
		if strings.Contains(string(stored), "7777-1009") {
			t.Fatalf("holds the number: %s", stored)
		}
		read := events.Recorded{Position: 7, Digest: now.Digest}
		if err := read.Recall(nil, events.CurrentForm, typ, []byte(now.Event.Subject()), stored); err != nil {
			t.Fatalf("%v\n%s", err, stored)
		}
		if diff := cmp.Diff(now, read); diff != "" {
			t.Fatalf("%s (-written +read):\n%s", stored, diff)
		}
		if upgraded, changed := events.Upgrade(read); changed || upgraded.Digest != now.Digest {
			t.Fatalf("upgraded: %+v", upgraded)
		}
		if erased := read.Erase(); typ == events.TypeParticipantRegistered && (!erased.Intact() || erased.Digest.Conflicts(r.Digest)) {
			t.Fatalf("erased: %+v", erased)
		}
		damaged := []byte(strings.Replace(string(stored), `"eventId":"`, `"eventId":"x`, 1))
		if err := read.Recall(nil, events.CurrentForm, typ, []byte("x"+now.Event.Subject()), damaged); err == nil {
			t.Fatalf("%s is intact", damaged)
		}
	})
}
