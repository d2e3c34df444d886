package events_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"jangbu/events"
)

// IDs and digests are stored with every event and compared with those of repeated
// records: if one of these values changed, every event of every existing log would
// be counted twice (I1) or be a conflict (I4). The values of this test never change;
// where they must, [events.Upgrade] makes the new ones of the old.
func TestStoredIdentitiesNeverChange(t *testing.T) {
	t.Parallel()
	withUnknown := with(t, events.TypeDistributionCompleted, "distributedChannels", `["kakao",{"channel":"naver","cost":0,"b":2,"a":1.0}]`, "z", `"é"`, "y", "[]")
	for _, c := range []struct {
		typ                 events.Type
		value               string
		header              []events.Header
		id, digest, payload string
	}{
		{
			events.TypeEventCreated, fullJSON(events.TypeEventCreated), nil,
			"8f36f361-b77e-8c8e-a114-6b67074eca78", "79fa478f44e7db31a794aa51d9dfa71100000000000000000000000000000000",
			`{"eventId":"evt-1","storeId":"store-1","title":"가을 맞이 할인","objective":"신규 고객 유치","createdAt":"2026-11-23T01:00:00Z","startsAt":"2026-11-30T15:00:00Z","endsAt":"2026-12-31T14:59:59.999999Z","prizeCost":500000,"platformCost":120000,"expectedSalesIncrease":3000000,"baselineSales":24000000,"newCustomerLtv":45000}`,
		},
		{
			events.TypeParticipantRegistered, fullJSON(events.TypeParticipantRegistered), nil,
			"4a6a9976-9235-8899-b86d-3704345d6f81", "3bc559bf62115caf71c25b0211a82f6b9e0ed431783f1dd7b4516a5b0bef06bc",
			`{"participantId":"p-1","eventId":"evt-1","pseudonym":"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACA","registeredAt":"2026-11-23T01:00:02.123456Z","channel":"instagram","newCustomer":true,"gender":"female","ageGroup":"20s","region":"서울"}`,
		},
		{
			events.TypeDistributionCompleted, fullJSON(events.TypeDistributionCompleted), nil,
			"0cb5f630-4373-8fae-be21-0e8e5d102d6b", "121bf95fb5380789cb74055c093a48e300000000000000000000000000000000",
			`{"eventId":"evt-1","distributedChannels":[{"channel":"wooridongnetv"},{"channel":"genietv","cost":30000}],"completedAt":"2026-11-23T01:00:01Z"}`,
		},
		{
			events.TypeChannelStatsFetched, fullJSON(events.TypeChannelStatsFetched), nil,
			"b5bbe5b4-b713-829b-844e-66b54a702f0e", "3af8a62516ef1385358e39364b1c970500000000000000000000000000000000",
			`{"eventId":"evt-1","channel":"wooridongnetv","fetchedAt":"2026-11-23T01:00:03Z","impressions":5000,"views":1200,"clicks":0,"likes":300,"comments":50,"shares":100}`,
		},
		{
			events.TypeEventCreated, with(t, events.TypeEventCreated, "goal", `{"target":1e3,"metric":"participants","why":"z"}`), nil,
			"8b7592e5-0299-87d6-b1bc-81845ad69329", "1282ff1a055677fb95b98f559c2ab21600000000000000000000000000000000",
			`{"eventId":"evt-1","storeId":"store-1","title":"가을 맞이 할인","objective":"신규 고객 유치","createdAt":"2026-11-23T01:00:00Z","startsAt":"2026-11-30T15:00:00Z","endsAt":"2026-12-31T14:59:59.999999Z","prizeCost":500000,"platformCost":120000,"expectedSalesIncrease":3000000,"baselineSales":24000000,"newCustomerLtv":45000,"goal":{"metric":"participants","target":1000}}`,
		},
		{
			events.TypeDistributionCompleted, withUnknown, nil,
			"0cb5f630-4373-8fae-be21-0e8e5d102d6b", "70ded79cd712fc8d1c443472b40b25ca00000000000000000000000000000000",
			`{"eventId":"evt-1","distributedChannels":[{"channel":"kakao"},{"channel":"naver","cost":0}],"completedAt":"2026-11-23T01:00:01Z"}`,
		},
		{
			events.TypeParticipantRegistered, `{"participantId":"p-1","eventId":"evt-1","phoneNumber":"1"}`, headers("ce_id", "reg-1", "ce_source", "/shop"),
			"4a6a9976-9235-8899-b86d-3704345d6f81", "5d2e4a5fcfd1bffe2a93a176a7b589919e0ed431783f1dd7b4516a5b0bef06bc",
			`{"participantId":"p-1","eventId":"evt-1","pseudonym":"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACA"}`,
		},
	} {
		rec := record(c.value)
		rec.Headers = c.header
		d, err := events.Decode(c.typ, rec, rec.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		d.SetPseudonym(events.Pseudonym{1, 2, 3, 31: 32})
		if got := d.ID.String(); got != c.id {
			t.Errorf("%s: ID\n\t%s, want\n\t%s", c.typ, got, c.id)
		}
		if got := hex.EncodeToString(d.Digest[:]); got != c.digest {
			t.Errorf("%s: digest\n\t%s, want\n\t%s", c.typ, got, c.digest)
		}
		if got := string(events.AppendStored(nil, d.Event)); got != c.payload {
			t.Errorf("%s: payload\n\t%s, want\n\t%s", c.typ, got, c.payload)
		}
	}
}

// The natural key of each type, and nothing else, makes the ID (I4); that of an
// EventCreated is all that it says.
func TestNaturalID(t *testing.T) {
	t.Parallel()
	key := map[events.Type]string{
		events.TypeEventCreated:          "eventId storeId title prizeCost goal",
		events.TypeParticipantRegistered: "eventId participantId",
		events.TypeDistributionCompleted: "eventId completedAt",
		events.TypeChannelStatsFetched:   "eventId channel fetchedAt",
	}
	changed := []struct{ field, raw string }{
		{"eventId", `"evt-2"`},
		{"participantId", `"p-2"`},
		{"completedAt", `"2026-11-23T10:00:01.000001+09:00"`},
		{"fetchedAt", `"2026-11-23T10:00:02+09:00"`},
		{"channel", `"kakao"`},
		{"storeId", `"store-2"`},
		{"title", `"겨울"`},
		{"goal", `{"metric":"newCustomers","target":5}`},
		{"prizeCost", "1"},
		{"registeredAt", `"2026-11-23T10:00:03+09:00"`},
		{"newCustomer", "false"},
		{"region", `"부산"`},
		{"distributedChannels", "[]"},
		{"views", "7"},
		{"clicks", "null"},
	}
	seen := map[events.ID]events.Type{}
	for _, typ := range events.Types() {
		first := decode(t, typ, fullJSON(typ))
		if other, ok := seen[first.ID]; ok {
			t.Errorf("%s and %s have one ID", typ, other)
		}
		seen[first.ID] = typ
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(fullJSON(typ)), &members); err != nil {
			t.Fatal(err)
		}
		for _, c := range changed {
			if members[c.field] == nil {
				continue
			}
			d := decode(t, typ, with(t, typ, c.field, c.raw))
			inKey := strings.Contains(" "+key[typ]+" ", " "+c.field+" ")
			if (d.ID != first.ID) != inKey {
				t.Errorf("%s: %s counts for the ID: %v, want %v", typ, c.field, !inKey, inKey)
			}
			if !d.Digest.Conflicts(first.Digest) {
				t.Errorf("%s: %s does not count as content", typ, c.field)
			}
		}
	}
	// One instant has one ID, in whatever zone it is written.
	a := decode(t, events.TypeDistributionCompleted, fullJSON(events.TypeDistributionCompleted))
	b := decode(t, events.TypeDistributionCompleted, with(t, events.TypeDistributionCompleted, "completedAt", `"2026-11-23T01:00:01.0000000Z"`))
	if a.ID != b.ID || a.Digest != b.Digest {
		t.Error("the zone in which a time is written makes another event")
	}
	// No two natural keys make the same bytes.
	c := decode(t, events.TypeParticipantRegistered, `{"participantId":"bc","eventId":"a","phoneNumber":"1"}`)
	d := decode(t, events.TypeParticipantRegistered, `{"participantId":"c","eventId":"ab","phoneNumber":"1"}`)
	if c.ID == d.ID {
		t.Error("campaign and participant run together")
	}
}

// One participantId is one registration, whatever the transport calls it (I4): three
// CloudEvents ids, none, and the two modes.
func TestRegistrationIDIsOfItsCampaignAndParticipant(t *testing.T) {
	t.Parallel()
	const typ = events.TypeParticipantRegistered
	bare := decode(t, typ, fullJSON(typ))
	records := []events.Record{structured(typ, `"id":"reg-3","source":"/shop","type":"ParticipantRegistered"`)}
	for _, id := range []string{"reg-1", "reg-2", "0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d"} {
		rec := record(fullJSON(typ))
		rec.Headers = headers("ce_id", id, "ce_source", "/shop")
		records = append(records, rec)
	}
	for _, rec := range records {
		if d, err := events.Decode(typ, rec, rec.Timestamp); err != nil || d.ID != bare.ID || d.Digest != bare.Digest {
			t.Errorf("%s\nhas the ID %v, want %v, or another digest; %v", rec.Value, d.ID, bare.ID, err)
		}
	}
}

// A campaign may be described anew, and as it was before (I4): each description is an
// event, each redelivery a duplicate.
func TestCorrectionsAreEvents(t *testing.T) {
	t.Parallel()
	const typ = events.TypeEventCreated
	first, other := fullJSON(typ), with(t, typ, "prizeCost", "600000")
	at := func(value string, minute int) events.Decoded {
		rec := record(value)
		rec.Timestamp = stamp.Add(time.Duration(minute) * time.Minute)
		d, err := events.Decode(typ, rec, rec.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	said := []events.Decoded{at(first, 0), at(other, 1), at(first, 2), at(other, 0)}
	again := []events.Decoded{at(first, 0), at(other, 1), at(first, 2), at(other, 0)}
	seen := map[events.ID]int{}
	for i, d := range said {
		if earlier, ok := seen[d.ID]; ok {
			t.Errorf("description %d has the ID of %d", i, earlier)
		}
		seen[d.ID] = i
		if d.ID != again[i].ID || d.Digest != again[i].Digest {
			t.Errorf("description %d, delivered again, is another event", i)
		}
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		d := decode(t, typ, fullJSON(typ))
		d.SetPseudonym(events.Pseudonym{1})
		now := events.Recorded{Position: 7, ID: d.ID, Digest: d.Digest, OccurredAt: d.OccurredAt, RecordedAt: stamp, Event: d.Event}
		if got, changed := events.Upgrade(now); changed || got != now {
			t.Errorf("%s of this version: %+v, %v", typ, got, changed)
		}
		before := now
		before.Digest = events.Digest{1} // it covered members that are unknown
		if typ == events.TypeParticipantRegistered {
			before.ID = events.ID{1} // of its CloudEvent
		}
		if got, changed := events.Upgrade(before); !changed || got != now {
			t.Errorf("%s of an earlier version: %+v, %v; want %+v", typ, got, changed, now)
		}
	}
	other := decode(t, events.TypeDistributionCompleted, fullJSON(events.TypeDistributionCompleted))
	own := events.Recorded{ID: events.ID{1}, Digest: other.Digest, Event: other.Event}
	if got, changed := events.Upgrade(own); changed || got.ID != own.ID {
		t.Errorf("the producer's own ID became %v", got.ID)
	}
}

func TestParseID(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := events.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		if got, err := events.ParseID(id.String()); err != nil || got != id {
			t.Fatalf("ParseID(%s) = %v, %v", id, got, err)
		}
	})
	for _, s := range []string{
		"", "1", "0193578e4f6b7c1a9b0e5d3c2a1f0e9d", "{0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d}", "urn:uuid:0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d",
		"0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9z", "0193578e_4f6b_7c1a_9b0e_5d3c2a1f0e9d", strings.Repeat("-", 36),
	} {
		if id, err := events.ParseID(s); err == nil || id != (events.ID{}) {
			t.Errorf("ParseID(%q) = %v, %v; want an error", s, id, err)
		}
	}
}

func TestDigestConflicts(t *testing.T) {
	t.Parallel()
	none := decode(t, events.TypeParticipantRegistered, fullJSON(events.TypeParticipantRegistered)).Digest
	other := decode(t, events.TypeParticipantRegistered, with(t, events.TypeParticipantRegistered, "region", `"부산"`)).Digest
	one, two := none.WithPseudonym(events.Pseudonym{1}), none.WithPseudonym(events.Pseudonym{2})
	for _, c := range []struct {
		name string
		a, b events.Digest
		want bool
	}{
		{"itself", one, one, false},
		{"itself, without pseudonym", none, none, false},
		{"another pseudonym, of a key that was lost between", one, two, false},
		{"a pseudonym and none: the key was destroyed between", one, none, false},
		{"other content", none, other, true},
		{"other content, one pseudonym", one, other.WithPseudonym(events.Pseudonym{1}), true},
		{"other content, pseudonym and none", one, other, true},
	} {
		if got := c.a.Conflicts(c.b); got != c.want {
			t.Errorf("%s: Conflicts = %v, want %v", c.name, got, c.want)
		}
		if got := c.b.Conflicts(c.a); got != c.want {
			t.Errorf("%s: turned round, Conflicts = %v, want %v", c.name, got, c.want)
		}
	}
	if got := one.WithPseudonym(events.Pseudonym{}); got != none {
		t.Errorf("without its pseudonym the digest is %x, want %x", got, none)
	}
	if got := two.WithPseudonym(events.Pseudonym{1}); got != one {
		t.Errorf("with another pseudonym the digest is %x, want %x", got, one)
	}
}

// ID and digest do not depend on the phone number; the digest depends on its pseudonym (I10).
func TestSetPseudonym(t *testing.T) {
	t.Parallel()
	const typ = events.TypeParticipantRegistered
	a, b := decode(t, typ, fullJSON(typ)), decode(t, typ, with(t, typ, "phoneNumber", `"010-0000-0000"`))
	if a.ID != b.ID || a.Digest != b.Digest {
		t.Error("the phone number is hashed into ID or digest")
	}
	p := events.Pseudonym{1, 31: 2}
	a.SetPseudonym(p)
	if a.Event.(*events.ParticipantRegistered).Pseudonym != p || a.Digest != b.Digest.WithPseudonym(p) || a.Digest == b.Digest {
		t.Error("the pseudonym is not in event and digest")
	}
	c := decode(t, events.TypeEventCreated, fullJSON(events.TypeEventCreated))
	before := c.Digest
	c.SetPseudonym(p)
	if c.Digest != before {
		t.Error("an event without participant got a pseudonym")
	}
}

func TestPseudonymString(t *testing.T) {
	t.Parallel()
	if got, want := (events.Pseudonym{0xfb, 0xff, 31: 1}).String(), "-_8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for i, typ := range events.Types() {
		if got, ok := events.TypeNamed(typ.String()); !ok || got != typ || int(typ) != i+1 {
			t.Errorf("TypeNamed(%q) = %v, %v", typ, got, ok)
		}
		if e := fullEvent(t, typ); e.Type() != typ || e.Subject() != "evt-1" {
			t.Errorf("%s says that it is %s of %s", typ, e.Type(), e.Subject())
		}
	}
	if got, ok := events.TypeNamed("UnknownType"); ok {
		t.Errorf("TypeNamed of no type = %v", got)
	}
	for _, c := range events.Channels() {
		if !c.Known() {
			t.Errorf("%s is not known", c)
		}
	}
	if events.Channel("").Known() || events.Channel("Naver").Known() {
		t.Error("a sixth channel is known")
	}
	if got := events.Outcome(0).String() + events.Appended.String() + events.Duplicate.String() + events.Conflict.String(); got != "no outcomeappendedduplicateconflict" {
		t.Error(got)
	}
	if got := time.Duration(events.MaxWon) - time.Duration(events.MaxFigure); got != 0 {
		t.Error("the stored form's reader holds both to one bound")
	}
}
