package events_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

func TestDecodeEveryField(t *testing.T) {
	t.Parallel()
	at := func(second, micro int) time.Time {
		return time.Date(2026, 11, 23, 1, 0, second, micro*1000, time.UTC)
	}
	for _, want := range []struct {
		event    events.Event
		occurred time.Time
	}{
		{&events.EventCreated{
			Campaign: "evt-1", Shop: "store-1", Title: "가을 맞이 할인", Objective: "신규 고객 유치",
			CreatedAt: at(0, 0),
			StartsAt:  time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC),
			EndsAt:    time.Date(2026, 12, 31, 14, 59, 59, 999999000, time.UTC),
			PrizeCost: new(events.Won(500000)), PlatformCost: new(events.Won(120000)),
			ExpectedSalesIncrease: new(events.Won(3000000)), BaselineSales: new(events.Won(24000000)), NewCustomerLTV: new(events.Won(45000)),
		}, at(0, 0)},
		{&events.ParticipantRegistered{
			Campaign: "evt-1", Participant: "p-1", RegisteredAt: at(2, 123456),
			Channel: "instagram", NewCustomer: new(true), Gender: "female", AgeGroup: "20s", Region: "서울",
		}, at(2, 123456)},
		{&events.DistributionCompleted{
			Campaign: "evt-1", CompletedAt: at(1, 0),
			Channels: []events.Distribution{{Channel: events.WooridongneTV}, {Channel: events.GenieTV, Cost: new(events.Won(30000))}},
		}, at(1, 0)},
		{&events.ChannelStatsFetched{
			Campaign: "evt-1", Channel: events.WooridongneTV, FetchedAt: at(3, 0),
			Impressions: new(int64(5000)), Views: new(int64(1200)), Clicks: new(int64(0)),
			Likes: new(int64(300)), Comments: new(int64(50)), Shares: new(int64(100)),
		}, at(3, 0)},
	} {
		t.Run(want.event.Type().String(), func(t *testing.T) {
			t.Parallel()
			got := decode(t, want.event.Type(), fullJSON(want.event.Type()))
			if diff := cmp.Diff(want.event, got.Event); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if !got.OccurredAt.Equal(want.occurred) || got.OccurredAt.Location() != time.UTC {
				t.Errorf("OccurredAt = %v, want %v", got.OccurredAt, want.occurred)
			}
			if number := got.Phone.Reveal(); want.event.Type() == events.TypeParticipantRegistered && number != phone {
				t.Errorf("Phone = %q, want %q", number, phone)
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	const (
		created     = events.TypeEventCreated
		registered  = events.TypeParticipantRegistered
		distributed = events.TypeDistributionCompleted
		fetched     = events.TypeChannelStatsFetched
	)
	text200 := strings.Repeat("가", 66) + "xx"
	for _, c := range []struct {
		name string
		typ  events.Type
		doc  string
		want events.Event
	}{
		{
			"required members only", created,
			`{"eventId":"e","storeId":"s","title":"t","objective":"o"}`,
			&events.EventCreated{Campaign: "e", Shop: "s", Title: "t", Objective: "o"},
		},
		{
			"null is absent", created,
			`{"eventId":"e","storeId":"s","title":"t","objective":"o","createdAt":null,"startsAt":null,"prizeCost":null}`,
			&events.EventCreated{Campaign: "e", Shop: "s", Title: "t", Objective: "o"},
		},
		{
			"white space and escapes", created,
			" {\t\"event\\u0049d\" : \"\\u0065\" ,\r\n\"storeId\":\"s\",\"title\":\"t\",\"objective\":\"a\\nb\\t\\\"\\u2028\\ud83c\\udf81\"} \n",
			&events.EventCreated{Campaign: "e", Shop: "s", Title: "t", Objective: "a\nb\t\"\u2028🎁"},
		},
		{
			"texts of 500 characters", created,
			`{"eventId":"e","storeId":"s","title":"` + strings.Repeat("가", 500) + `","objective":"` + strings.Repeat("🎁", 500) + `"}`,
			&events.EventCreated{Campaign: "e", Shop: "s", Title: strings.Repeat("가", 500), Objective: strings.Repeat("🎁", 500)},
		},
		{
			"a goal", created,
			`{"eventId":"e","storeId":"s","title":"\u3164가","objective":"","goal":{"metric":"newCustomers","target":1e9,"why":"z"}}`,
			&events.EventCreated{Campaign: "e", Shop: "s", Title: "\u3164가", Goal: &events.Goal{Metric: events.GoalNewCustomers, Target: events.MaxGoal}},
		},
		{
			"ids of 200 bytes", created,
			`{"eventId":"` + text200 + `","storeId":"s","title":"t","objective":"o"}`,
			&events.EventCreated{Campaign: events.Campaign(text200), Shop: "s", Title: "t", Objective: "o"},
		},
		{
			"required members only", registered,
			`{"participantId":"p","eventId":"e","phoneNumber":"1"}`,
			&events.ParticipantRegistered{Campaign: "e", Participant: "p"},
		},
		{
			"empty texts are absent", registered,
			`{"participantId":"p","eventId":"e","phoneNumber":"1","channel":"","gender":"","ageGroup":"","region":"","newCustomer":false}`,
			&events.ParticipantRegistered{Campaign: "e", Participant: "p", NewCustomer: new(false)},
		},
		{
			"a channel of the producer's", registered,
			`{"participantId":"p","eventId":"e","phoneNumber":"1","channel":"전단지"}`,
			&events.ParticipantRegistered{Campaign: "e", Participant: "p", Channel: "other"},
		},
		{
			"no channel", distributed,
			`{"eventId":"e","distributedChannels":[],"completedAt":"2026-11-23T01:00:00Z"}`,
			&events.DistributionCompleted{Campaign: "e", CompletedAt: stamp.Add(-3 * time.Second)},
		},
		{
			"all channels, all forms", distributed,
			`{"eventId":"e","completedAt":"2026-11-23T01:00:03Z","distributedChannels":["kakao",{"channel":"naver"},` +
				`{"channel":"instagram","cost":null},{"cost":0,"channel":"genietv"},{"z":1,"channel":"wooridongnetv","a":[1.0],"cost":1e3}]}`,
			&events.DistributionCompleted{Campaign: "e", CompletedAt: stamp, Channels: []events.Distribution{
				{Channel: events.Kakao},
				{Channel: events.Naver},
				{Channel: events.Instagram},
				{Channel: events.GenieTV, Cost: new(events.Won(0))},
				{Channel: events.WooridongneTV, Cost: new(events.Won(1000))},
			}},
		},
		{
			"one figure, and it is zero", fetched,
			`{"eventId":"e","channel":"kakao","fetchedAt":"2026-11-23T01:00:03Z","shares":0,"views":null}`,
			&events.ChannelStatsFetched{Campaign: "e", Channel: events.Kakao, FetchedAt: stamp, Shares: new(int64(0))},
		},
		{
			"sub-microseconds are cut off", fetched,
			`{"eventId":"e","channel":"kakao","fetchedAt":"2026-11-23T01:00:02.000001999Z","shares":1}`,
			&events.ChannelStatsFetched{Campaign: "e", Channel: events.Kakao, FetchedAt: stamp.Add(-time.Second + time.Microsecond), Shares: new(int64(1))},
		},
	} {
		t.Run(c.typ.String()+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, decode(t, c.typ, c.doc).Event); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeWholeNumbers(t *testing.T) {
	t.Parallel()
	const most = 9007199254740992
	for raw, want := range map[string]int64{
		"0": 0, "-0": 0, "-0.0e5": 0, "0e400": 0, "7": 7, "1e3": 1000, "1E+3": 1000, "10.00": 10, "1.50e1": 15, "150e-1": 15, "100e-2": 1,
		"0.001e3": 1, "9007199254740992": most, "9007199254740992.000": most, "9.007199254740992e15": most,
	} {
		e := decode(t, events.TypeEventCreated, with(t, events.TypeEventCreated, "prizeCost", raw)).Event.(*events.EventCreated)
		if got := int64(*e.PrizeCost); got != want {
			t.Errorf("prizeCost %s = %d, want %d", raw, got, want)
		}
		s := decode(t, events.TypeChannelStatsFetched, with(t, events.TypeChannelStatsFetched, "views", raw)).Event.(*events.ChannelStatsFetched)
		if got := *s.Views; got != want {
			t.Errorf("views %s = %d, want %d", raw, got, want)
		}
	}
	for raw, problem := range map[string]string{
		"-1": "is negative", "-1.5": "is negative", "-1e400": "is negative",
		"1.5": "is not whole", "0.1": "is not whole", "1e-1": "is not whole", "1e-400": "is not whole", "15e-2": "is not whole",
		"9007199254740993": "is too large", "9007199254740993.0": "is too large", "1e16": "is too large", "1e400": "is too large",
		"9223372036854775808": "is too large", "18446744073709551616": "is too large",
		"1e1001": "has an absurd exponent", "1e-99999999999999999999": "has an absurd exponent",
		`"5000"`: "is a string", "true": "is a boolean", "[]": "is an array", "{}": "is an object",
	} {
		for _, c := range []struct {
			typ   events.Type
			field string
			want  string
		}{
			{events.TypeEventCreated, "platformCost", "whole won from 0 to 9007199254740992"},
			{events.TypeChannelStatsFetched, "likes", "a whole number from 0 to 9007199254740992"},
		} {
			got := refused(t, c.typ, record(with(t, c.typ, c.field, raw)))
			want := []events.FieldError{{Field: c.field, Problem: problem, Want: c.want}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", c.field, raw, diff)
			}
		}
	}
}

// The bounds of occurrence times: from 2000 to a day after the record's own
// timestamp, both included.
func TestDecodeOccurrenceBounds(t *testing.T) {
	t.Parallel()
	const want = "an RFC 3339 time from 2000 to a day after the record's timestamp"
	tomorrow := stamp.Add(24 * time.Hour)
	for typ, field := range map[events.Type]string{
		events.TypeEventCreated:          "createdAt",
		events.TypeParticipantRegistered: "registeredAt",
		events.TypeDistributionCompleted: "completedAt",
		events.TypeChannelStatsFetched:   "fetchedAt",
	} {
		for _, at := range []time.Time{
			time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), stamp.Add(-time.Hour), stamp.Add(time.Hour), tomorrow,
		} {
			raw := at.In(time.FixedZone("", 9*60*60)).Format(`"` + time.RFC3339Nano + `"`)
			if d := decode(t, typ, with(t, typ, field, raw)); !d.OccurredAt.Equal(at) {
				t.Errorf("%s %s occurred at %v", field, raw, d.OccurredAt)
			}
		}
		for _, c := range []struct {
			at      time.Time
			problem string
		}{
			{time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC), "is before the year 2000"},
			{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "is before the year 2000"},
			{tomorrow.Add(time.Microsecond), "is more than a day after the record's timestamp"},
			{stamp.AddDate(1, 0, 0), "is more than a day after the record's timestamp"},
		} {
			got := refused(t, typ, record(with(t, typ, field, c.at.Format(`"`+time.RFC3339Nano+`"`))))
			if diff := cmp.Diff([]events.FieldError{{Field: field, Problem: c.problem, Want: want}}, got); diff != "" {
				t.Errorf("%s %v (-want +got):\n%s", field, c.at, diff)
			}
		}
	}
}

// A record's timestamp is judged where the record enters, by the clock there: producers
// that send 0, seconds, micro- or nanoseconds are told what is expected.
func TestDecodeRefusesATimestampThatIsNoTime(t *testing.T) {
	t.Parallel()
	now := stamp
	since2000 := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	want := []events.FieldError{{Field: "Kafka timestamp", Problem: "is not between 2000 and tomorrow", Want: "milliseconds since 1970"}}
	for _, typ := range events.Types() {
		for _, at := range []time.Time{since2000, now, now.Add(24 * time.Hour)} {
			rec := record(with(t, typ, "createdAt", "", "registeredAt", "", "completedAt", `"2000-01-01T00:00:00Z"`, "fetchedAt", `"2000-01-01T00:00:00Z"`))
			rec.Timestamp = at
			if _, err := events.Decode(typ, rec, now); err != nil {
				t.Errorf("%s of %v: %v", typ, at, err)
			}
		}
		for _, at := range []time.Time{
			{},
			time.UnixMilli(0),
			time.UnixMilli(now.Unix()), // seconds
			time.UnixMilli(now.UnixMicro()),
			time.UnixMilli(now.UnixNano()),
			time.UnixMilli(math.MinInt64), time.UnixMilli(math.MaxInt64),
			since2000.Add(-time.Millisecond),
			now.Add(24*time.Hour + time.Millisecond),
		} {
			for _, doc := range []string{fullJSON(typ), "{}"} {
				rec := record(doc)
				rec.Timestamp = at
				if diff := cmp.Diff(want, refused(t, typ, rec)); diff != "" {
					t.Errorf("%s of %v (-want +got):\n%s", typ, at, diff)
				}
			}
		}
	}
}

func TestDecodeAbsentTimeIsTheRecordsOwn(t *testing.T) {
	t.Parallel()
	for typ, field := range map[events.Type]string{
		events.TypeEventCreated:          "createdAt",
		events.TypeParticipantRegistered: "registeredAt",
	} {
		rec := record(with(t, typ, field, ""))
		rec.Timestamp = stamp.Add(1999 * time.Nanosecond)
		first, err := events.Decode(typ, rec, rec.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		if want := stamp.Add(time.Microsecond); !first.OccurredAt.Equal(want) {
			t.Errorf("%s occurred at %v, want %v", typ, first.OccurredAt, want)
		}
		// Produced again, the record has another timestamp: a registration still counts
		// once (I1); a campaign is described once more (I4).
		rec.Timestamp = stamp.Add(time.Minute)
		again, err := events.Decode(typ, rec, rec.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		registered := typ == events.TypeParticipantRegistered
		if (first.ID == again.ID) != registered || first.Digest != again.Digest {
			t.Errorf("%s: another timestamp made another event: %v", typ, !registered)
		}
		// With the time in the record it says something else, a registration of the same.
		if whole := decode(t, typ, fullJSON(typ)); (whole.ID == first.ID) != registered || !whole.Digest.Conflicts(first.Digest) {
			t.Errorf("%s: the time that a producer sends must count", typ)
		}
	}
}

// Members that no contract lists are neither refused nor kept: they may be
// anything, a phone number too (I10).
func TestDecodeUnknownMembers(t *testing.T) {
	t.Parallel()
	const unknown = `"z":{"b":1,"a":[1.10,-0,12345678901234567890.123]},"a\u00e9":"x\u0000<&>","m":null`
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			known := strings.Trim(fullJSON(typ), "{}")
			plain := decode(t, typ, fullJSON(typ))
			for _, doc := range []string{"{" + unknown + "," + known + "}", "{" + known + "," + unknown + "}"} {
				if diff := cmp.Diff(plain.Draft, decode(t, typ, doc).Draft); diff != "" {
					t.Errorf("unknown members change the draft (-without +with):\n%s", diff)
				}
			}
		})
	}
}
