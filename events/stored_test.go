package events_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
)

// endOfTime is a record's timestamp after which no event can be by a day.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// decodeStrictly decodes a stored form as a record. It gives a registration a phone
// number and the pseudonym p.
func decodeStrictly(typ events.Type, stored []byte, p events.Pseudonym) (events.Event, error) {
	value := string(stored)
	if typ == events.TypeParticipantRegistered {
		value = `{"phoneNumber":"1",` + strings.TrimPrefix(value, "{")
	}
	d, err := events.Decode(typ, events.Record{Timestamp: endOfTime, Value: []byte(value)}, endOfTime)
	d.SetPseudonym(p)
	return d.Event, err
}

// withNames returns the event with the names that its texts are stored as now.
func withNames(e events.Event) events.Event {
	p, ok := e.(*events.ParticipantRegistered)
	if !ok {
		return e
	}
	now := *p
	for text, named := range map[*string]func(string) string{
		&now.Channel: func(s string) string { return string(events.ChannelNamed(s)) },
		&now.Gender:  events.GenderNamed, &now.AgeGroup: events.AgeGroupNamed, &now.Region: events.DistrictNamed,
	} {
		if *text != "" {
			*text = named(*text)
		}
	}
	return &now
}

func pseudonymOf(e events.Event) events.Pseudonym {
	if p, ok := e.(*events.ParticipantRegistered); ok {
		return p.Pseudonym
	}
	return events.Pseudonym{}
}

// TestErasedRoundTrip holds that an erased registration is read back, that only one has no
// participant, and that its digest covers all that is left.
func TestErasedRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t, events.TypeParticipantRegistered)
		r := events.Recorded{Position: 7, Digest: events.DigestOf(e), Event: e}
		erased := r.Erase()
		stored := events.AppendStored(nil, erased.Event)
		read, err := events.DecodeStored(events.CurrentForm, events.TypeParticipantRegistered, stored)
		if err != nil {
			t.Fatalf("%v\n%s", err, stored)
		}
		if diff := cmp.Diff(erased.Event, read); diff != "" {
			t.Fatalf("%s (-written +read):\n%s", stored, diff)
		}
		if !erased.Erased() || !erased.Intact() || r.Erased() || r.Digest.Conflicts(erased.Digest) {
			t.Fatalf("%+v, erased %+v", r, erased)
		}
		if again := erased.Erase(); again.Digest != erased.Digest || !cmp.Equal(again.Event, erased.Event) {
			t.Fatalf("erased again: %+v", again)
		}
		if upgraded, changed := events.Upgrade(erased); changed || upgraded.Digest != erased.Digest {
			t.Fatalf("upgraded: %+v", upgraded)
		}
		left := *read.(*events.ParticipantRegistered)
		left.Channel += "x"
		erased.Event = &left
		if erased.Intact() {
			t.Fatalf("%+v is intact", erased)
		}
	})
	for _, payload := range []string{
		`{"participantId":"","eventId":"c"}`,
		`{"erased":true,"participantId":"p","eventId":"c"}`,
		`{"erased":false,"participantId":"p","eventId":"c"}`,
		`{"erased":true,"eventId":"c","gender":"female"}`,
	} {
		if e, err := events.DecodeStored(events.CurrentForm, events.TypeParticipantRegistered, []byte(payload)); err == nil {
			t.Errorf("%s is read as %+v", payload, e)
		}
	}
}

// The fast and the strict decoder are both inverses of AppendStored.
func TestStoredRoundTrip(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				e := drawEvent(t, typ)
				stored := events.AppendStored([]byte("before"), e)
				if !strings.HasPrefix(string(stored), "before{") {
					t.Fatalf("not appended: %s", stored)
				}
				stored = stored[len("before"):]
				fast, err := events.DecodeStored(events.CurrentForm, typ, stored)
				if err != nil {
					t.Fatalf("%v\n%s", err, stored)
				}
				if diff := cmp.Diff(e, fast); diff != "" {
					t.Fatalf("%s (-written +read):\n%s", stored, diff)
				}
				strict, err := decodeStrictly(typ, stored, pseudonymOf(e))
				if err != nil {
					t.Fatalf("strict: %v\n%s", err, stored)
				}
				if diff := cmp.Diff(strict, withNames(fast)); diff != "" {
					t.Fatalf("%s (-strict +fast):\n%s", stored, diff)
				}
				for _, other := range events.Types() {
					if wrong, err := events.DecodeStored(events.CurrentForm, other, stored); err == nil && other != typ {
						t.Fatalf("read as %s: %v\n%s", other, wrong, stored)
					}
				}
			})
		})
	}
}

// Form 1 also kept members that no contract lists, behind those that it does. They are
// dropped; form 2 has none.
func TestDecodeStoredDropsWhatForm1Kept(t *testing.T) {
	t.Parallel()
	read := func(t interface{ Fatalf(string, ...any) }, typ events.Type, payload string, want events.Event) {
		got, err := events.DecodeStored(1, typ, []byte(payload))
		if err != nil {
			t.Fatalf("%v\n%s", err, payload)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", payload, diff)
		}
		if e, err := events.DecodeStored(2, typ, []byte(payload)); err == nil {
			t.Fatalf("form 2 is read as %+v\n%s", e, payload)
		}
	}
	for _, typ := range events.Types() {
		if typ == events.TypeParticipantRegistered {
			continue // never kept any
		}
		rapid.Check(t, func(t *rapid.T) {
			e := drawEvent(t, typ)
			if c, ok := e.(*events.EventCreated); ok {
				c.Goal = nil // later than form 1
			}
			members := drawMembers("_", 3).Filter(func(s string) bool { return s != "" }).Draw(t, "members")
			whole := strings.TrimSuffix(string(events.AppendStored(nil, e)), "}")
			read(t, typ, whole+","+strings.TrimSuffix(members, ",")+"}", e)
		})
	}
	const moved = `{"eventId":"e","storeId":"s","title":"t","objective":"o","goal":{"metric":"participants","target":1},"movedBy":"kim","movedWhy":"sold"}`
	want := events.EventCreated{Campaign: "e", Shop: "s", Title: "t", Objective: "o"}
	if got, err := events.DecodeStored(1, events.TypeEventCreated, []byte(moved)); err != nil || !cmp.Equal(got, events.Event(&want)) {
		t.Errorf("what a producer called goal and movedBy: %+v, %v", got, err)
	}
	want.Goal = &events.Goal{Metric: events.GoalParticipants, Target: 1}
	want.MovedBy, want.MovedWhy = "kim", "sold"
	if got, err := events.DecodeStored(2, events.TypeEventCreated, []byte(moved)); err != nil || !cmp.Equal(got, events.Event(&want)) {
		t.Errorf("a move: %+v, %v", got, err)
	}
	read(t, events.TypeDistributionCompleted,
		`{"eventId":"evt-1","distributedChannels":[{"channel":"kakao","a":1.0,"b":{"c":[]}},{"channel":"naver","cost":0,"z":"}]"}],"completedAt":"2026-11-23T01:00:03Z","y":[],"z":"é"}`,
		&events.DistributionCompleted{Campaign: "evt-1", CompletedAt: stamp, Channels: []events.Distribution{
			{Channel: events.Kakao}, {Channel: events.Naver, Cost: new(events.Won(0))},
		}})
	for _, payload := range []string{`,"x":1}`, `,"phoneNumber":"1"}`} {
		if e, err := events.DecodeStored(1, events.TypeParticipantRegistered, []byte(`{"participantId":"p","eventId":"e"`+payload)); err == nil {
			t.Errorf("a registration with %s is read as %+v", payload, e)
		}
	}
	for _, payload := range []string{`,}`, `,1}`, `,"a"}`, `,"a":}`, `,"a":1`, `,"a":1,"a":2}`, `,"a":1}}`, `,"a":1}}]`, `,"a":01}`, ",\"a\":\"\xff\"}"} {
		if e, err := events.DecodeStored(1, events.TypeEventCreated, []byte(`{"eventId":"e","storeId":"s","title":"t","objective":"o"`+payload)); err == nil {
			t.Errorf("%s is read as %+v", payload, e)
		}
	}
}

// The event does not alias the bytes that it was decoded from.
func TestDecodeStoredCopies(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		want := decode(t, typ, fullJSON(typ)).Event
		payload := events.AppendStored(nil, want)
		got, err := events.DecodeStored(events.CurrentForm, typ, payload)
		if err != nil {
			t.Fatal(err)
		}
		clear(payload)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typ, diff)
		}
	}
}

func TestDecodeStoredRefuses(t *testing.T) {
	t.Parallel()
	const (
		created     = `{"eventId":"e","storeId":"s","title":"t","objective":"o"`
		registered  = `{"participantId":"p","eventId":"e"`
		distributed = `{"eventId":"e","distributedChannels":[`
		fetched     = `{"eventId":"e","channel":"kakao","fetchedAt":"2026-11-23T01:00:00Z"`
	)
	refuses := map[events.Type][]string{
		0: {created + "}"},
		5: {created + "}"},
		events.TypeEventCreated: {
			"", "{", "{}", "null", "[]", " " + created + "}", created, created + ",}", created + "} ", created + "}}", created + "},",
			`{"storeId":"s","eventId":"e","title":"t","objective":"o"}`,
			`{"eventId":"e","storeId":"s","title":"t"}`, `{"eventId":"e" ,"storeId":"s","title":"t","objective":"o"}`,
			`{"eventId":null,"storeId":"s","title":"t","objective":"o"}`, `{"eventId":1,"storeId":"s","title":"t","objective":"o"}`,
			// Texts that are quoted otherwise, or that are none.
			`{"eventId":"\u0065","storeId":"s","title":"t","objective":"o"}`, `{"eventId":"\/","storeId":"s","title":"t","objective":"o"}`,
			`{"eventId":"\u000a","storeId":"s","title":"t","objective":"o"}`, `{"eventId":"\ud800","storeId":"s","title":"t","objective":"o"}`,
			"{\"eventId\":\"\n\",\"storeId\":\"s\",\"title\":\"t\",\"objective\":\"o\"}", "{\"eventId\":\"\xff\",\"storeId\":\"s\",\"title\":\"t\",\"objective\":\"o\"}",
			`{"eventId":"\x","storeId":"s","title":"t","objective":"o"}`, `{"eventId":"\`, `{"eventId":"\"`, `{"eventId":"e`,
			// Times.
			created + `,"createdAt":null}`, created + `,"createdAt":""}`, created + `,"createdAt":"0001-01-01T00:00:00Z"}`,
			created + `,"createdAt":"2026-11-23T01:00:00+00:00"}`, created + `,"createdAt":"2026-11-23T01:00:00.0Z"}`, created + `,"createdAt":"2026-11-23T01:00:00.10Z"}`,
			created + `,"createdAt":"2026-11-23T01:00:00.1234567Z"}`, created + `,"createdAt":"2026-11-23T01:00:00.Z"}`, created + `,"createdAt":"2026-11-23T01:00:00,1Z"}`,
			created + `,"createdAt":"2026-02-29T01:00:00Z"}`, created + `,"createdAt":"2026-11-31T01:00:00Z"}`, created + `,"createdAt":"2026-13-01T01:00:00Z"}`,
			created + `,"createdAt":"2026-00-01T01:00:00Z"}`, created + `,"createdAt":"2026-01-00T01:00:00Z"}`, created + `,"createdAt":"2026-11-23T24:00:00Z"}`,
			created + `,"createdAt":"2026-11-23T01:60:00Z"}`, created + `,"createdAt":"2026-11-23T01:00:60Z"}`, created + `,"createdAt":"2026-11-2xT01:00:00Z"}`,
			created + `,"createdAt":"2026-11-23T01:00:00\u005a"}`, created + `,"createdAt":"2026-11-23T01:00:0:Z"}`, created + `,"createdAt":"2026-11-23t01:00:00Z"}`,
			created + `,"createdAt":"2026-11-23T01:00:00Z`, created + `,"createdAt":"2026-11-23T01:00:00.12x4Z"}`,
			// Amounts.
			created + `,"prizeCost":}`, created + `,"prizeCost":-1}`, created + `,"prizeCost":01}`, created + `,"prizeCost":1.0}`, created + `,"prizeCost":1e3}`,
			created + `,"prizeCost":"1"}`, created + `,"prizeCost":null}`, created + `,"prizeCost":9007199254740993}`, created + `,"prizeCost":18446744073709551617}`,
			// Known members out of place, and unknown ones, which this form has not.
			created + `,"endsAt":"2026-11-23T01:00:00Z","startsAt":"2026-11-23T01:00:00Z"}`, created + `,"platformCost":1,"prizeCost":1}`,
			created + `,"a":1,"prizeCost":1}`, created + `,"title":"u"}`, created + `,"a":1,"title":null}`, created + `,"\u0074itle":1}`,
			created + `,"a":1}`, created + `,"a":{"b":[]}}`, created + `,"a"}`, created + `,1}`, created + `,"a":1`,
		},
		events.TypeParticipantRegistered: {
			`{"eventId":"e","participantId":"p"}`, registered + `,"x":1}`, registered + `,"phoneNumber":"1"}`,
			registered + `,"channel":""}`, registered + `,"region":""}`, registered + `,"gender":"f","channel":"c"}`, registered + `,"newCustomer":null}`,
			registered + `,"newCustomer":True}`, registered + `,"newCustomer":truefalse}`, registered + `,"newCustomer":"true"}`,
			registered + `,"pseudonym":""}`, registered + `,"pseudonym":"` + strings.Repeat("A", 43) + `"}`, registered + `,"pseudonym":"` + strings.Repeat("B", 42) + `"}`,
			registered + `,"pseudonym":"` + strings.Repeat("B", 43) + `"}`, registered + `,"pseudonym":"` + strings.Repeat("B", 44) + `"}`,
			registered + `,"pseudonym":"` + strings.Repeat("+", 42) + `A"}`, registered + `,"pseudonym":"` + strings.Repeat("\n", 4) + strings.Repeat("B", 38) + `A"}`,
			registered + `,"pseudonym":"` + strings.Repeat("\n", 42) + `A"}`, registered + `,"pseudonym":"` + strings.Repeat("B", 42) + `=`,
		},
		events.TypeDistributionCompleted: {
			`{"eventId":"e"}`, distributed + `]}`, distributed + `"kakao"],"completedAt":"2026-11-23T01:00:00Z"}`, distributed + `{}],"completedAt":"2026-11-23T01:00:00Z"}`,
			distributed + `,{"channel":"kakao"}],"completedAt":"2026-11-23T01:00:00Z"}`, distributed + `{"channel":"kakao"},],"completedAt":"2026-11-23T01:00:00Z"}`,
			distributed + `{"channel":"kakao"}{"channel":"naver"}],"completedAt":"2026-11-23T01:00:00Z"}`, distributed + `{"channel":"kakao"}`, distributed + `{"channel":"kakao",`,
			distributed + `{"cost":1,"channel":"kakao"}],"completedAt":"2026-11-23T01:00:00Z"}`, distributed + `{"channel":"kakao","a":1,"cost":1}],"completedAt":"2026-11-23T01:00:00Z"}`,
			distributed + `{"channel":"kakao","a":1}],"completedAt":"2026-11-23T01:00:00Z"}`, distributed + `],"completedAt":"2026-11-23T01:00:00Z","a":1}`,
		},
		events.TypeChannelStatsFetched: {
			`{"eventId":"e","channel":"kakao"}`, fetched + `,"views":1,"impressions":2}`, fetched + `,"views":null}`, fetched + `,"views":-1}`, fetched + `,"eventId":1}`,
		},
	}
	for typ, payloads := range refuses {
		for _, payload := range payloads {
			if e, err := events.DecodeStored(events.CurrentForm, typ, []byte(payload)); err == nil {
				t.Errorf("%s: %s\nread as %+v", typ, payload, e)
			}
		}
	}
}

// A stored form with one damaged byte is refused or is that of another event.
func TestDecodeStoredDamaged(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		whole := events.AppendStored(nil, decode(t, typ, fullJSON(typ)).Event)
		for i := range whole {
			for _, c := range []byte("\x00 \",0:A[\\]{}\x80") {
				damaged := append([]byte(nil), whole...)
				damaged[i] = c
				checkStored(t, typ, damaged)
			}
			checkStored(t, typ, append(append([]byte(nil), whole[:i]...), whole[i+1:]...))
			if e, err := events.DecodeStored(events.CurrentForm, typ, whole[:i]); err == nil {
				t.Errorf("cut off after %d bytes: read as %+v", i, e)
			}
		}
	}
}

// checkStored compares the fast decoder with the writer and the strict decoder.
func checkStored(t *testing.T, typ events.Type, payload []byte) {
	t.Helper()
	e, err := events.DecodeStored(events.CurrentForm, typ, payload)
	if err != nil {
		return
	}
	if again := events.AppendStored(nil, e); string(again) != string(payload) {
		t.Errorf("%s\nis written again as\n%s", payload, again)
	}
	strict, err := decodeStrictly(typ, payload, pseudonymOf(e))
	if err != nil {
		return // it also refuses what only its own checks can find: a time before 2000
	}
	if diff := cmp.Diff(strict, withNames(e)); diff != "" {
		t.Errorf("%s (-strict +fast):\n%s", payload, diff)
	}
}

func FuzzDecodeStored(f *testing.F) {
	for _, typ := range events.Types() {
		f.Add(byte(typ), events.AppendStored(nil, fullEvent(f, typ)))
		f.Add(byte(typ), []byte(fullJSON(typ)))
	}
	f.Add(byte(1), []byte(`{"eventId":"\n\"\\","storeId":"é","title":"","objective":"","createdAt":"2000-01-01T00:00:00.00001Z"}`))
	f.Add(byte(1), []byte(`{"eventId":"e","storeId":"s","title":"t","objective":"o","endsAt":"2026-11-23T01:00:00Z","startsAt":"2026-11-23T01:00:00Z"}`))
	f.Add(byte(1), []byte(`{"eventId":"e","storeId":"s","title":"t","objective":"o","goal":{"metric":"participants","target":1}}`))
	f.Add(byte(3), []byte(`{"eventId":"e","distributedChannels":[{"channel":"kakao","cost":0},{"channel":"naver"}],"completedAt":"2026-11-23T01:00:00Z"}`))
	f.Fuzz(func(t *testing.T, typ byte, payload []byte) {
		checkStored(t, events.Type(typ), payload)
	})
}

func FuzzDecode(f *testing.F) {
	for _, typ := range events.Types() {
		f.Add(byte(typ), "", "", "", []byte(fullJSON(typ)))
		f.Add(byte(typ), "application/cloudevents+json", "", "", structured(typ, `"id":"1","type":"a.`+typ.String()+`"`).Value)
		f.Add(byte(typ), "application/json", "0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d", typ.String(), []byte(fullJSON(typ)))
	}
	f.Add(byte(2), "", "01012345678", "", []byte(fullJSON(events.TypeParticipantRegistered)))
	f.Add(byte(2), "", "", "", []byte(`{"participantId":"01012345678","eventId":12345678,"phoneNumber":"01012345678","12345678":{"12345678":1}}`))
	f.Add(byte(3), "", "", "", []byte(`{"eventId":"e","distributedChannels":["12345678",{"channel":"naver","cost":12345678.5,"x":{"b":1,"a":-0}}],"completedAt":"12345678"}`))
	f.Add(byte(1), "", "", "", []byte(`{"eventId":"e","eventId":"12345678"}`))
	f.Add(byte(1), "", "", "", []byte(`{"eventId":"e","storeId":"s","title":"t","objective":"o","goal":{"metric":"newCustomers","target":12345678}}`))
	f.Add(byte(1), "", "", "", []byte(`{"eventId":"e","storeId":"s","title":"t","objective":"o","goal":{"metric":"12345678","target":12345678901}}`))
	digits := regexp.MustCompile(`[0-9]{8,}`)
	limits := strings.NewReplacer(strconv.FormatInt(events.MaxFigure, 10), "", strconv.FormatInt(events.MaxGoal, 10), "") // a want's own
	f.Fuzz(func(t *testing.T, typ byte, contentType, ceID, ceType string, value []byte) {
		rec := events.Record{Timestamp: stamp, Value: value}
		for name, v := range map[string]string{"content-type": contentType, "ce_id": ceID, "ce_type": ceType} {
			if v != "" {
				rec.Headers = append(rec.Headers, headers(name, v)...)
			}
		}
		d, err := events.Decode(events.Type(typ), rec, rec.Timestamp)
		if err != nil {
			if shown := digits.FindString(limits.Replace(err.Error())); shown != "" {
				t.Errorf("the error shows what was sent (I10): %v", err)
			}
			return
		}
		stored := events.AppendStored(nil, d.Event)
		got, err := events.DecodeStored(events.CurrentForm, d.Event.Type(), stored)
		if err != nil {
			t.Fatalf("%v\n%s", err, stored)
		}
		if diff := cmp.Diff(d.Event, got); diff != "" {
			t.Errorf("%s (-decoded +stored):\n%s", stored, diff)
		}
		checkStored(t, d.Event.Type(), stored)
	})
}
