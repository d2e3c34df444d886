package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"jangbu/events"
)

// stamp is the Kafka timestamp of the records in these tests.
var stamp = time.Date(2026, 11, 23, 1, 0, 3, 0, time.UTC)

// phone is the number that must not show anywhere (I10).
const phone = "010-1234-5678"

// fullJSON is a record of type t with every member of its contract and no other.
func fullJSON(t events.Type) string {
	switch t {
	case events.TypeEventCreated:
		return `{"eventId":"evt-1","storeId":"store-1","title":"가을 맞이 할인","objective":"신규 고객 유치",` +
			`"createdAt":"2026-11-23T10:00:00+09:00","startsAt":"2026-12-01T00:00:00+09:00","endsAt":"2026-12-31T23:59:59.999999+09:00",` +
			`"prizeCost":500000,"platformCost":120000,"expectedSalesIncrease":3000000,"baselineSales":24000000,"newCustomerLtv":45000}`
	case events.TypeParticipantRegistered:
		return `{"participantId":"p-1","eventId":"evt-1","phoneNumber":"` + phone + `",` +
			`"registeredAt":"2026-11-23T10:00:02.123456+09:00","channel":"instagram","newCustomer":true,` +
			`"gender":"female","ageGroup":"20s","region":"서울"}`
	case events.TypeDistributionCompleted:
		return `{"eventId":"evt-1","distributedChannels":["wooridongnetv",{"channel":"genietv","cost":30000}],` +
			`"completedAt":"2026-11-23T10:00:01+09:00"}`
	case events.TypeChannelStatsFetched:
		return `{"eventId":"evt-1","channel":"wooridongnetv","fetchedAt":"2026-11-23T10:00:03+09:00",` +
			`"impressions":5000,"views":1200,"clicks":0,"likes":300,"comments":50,"shares":100}`
	default:
		return ""
	}
}

// fullEvent is the event of [fullJSON].
func fullEvent(tb testing.TB, t events.Type) events.Event {
	tb.Helper()
	d, err := events.Decode(t, record(fullJSON(t)), stamp)
	if err != nil {
		tb.Fatal(err)
	}
	d.SetPseudonym(events.Pseudonym{1, 2, 3, 31: 32})
	return d.Event
}

func record(value string) events.Record {
	return events.Record{Timestamp: stamp, Key: []byte("evt-1"), Value: []byte(value)}
}

// with is [fullJSON] with some members changed to the raw values given, in
// pairs of name and value; "" removes one.
func with(t *testing.T, typ events.Type, changes ...string) string {
	t.Helper()
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(fullJSON(typ)), &members); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if members[changes[i]] = json.RawMessage(changes[i+1]); changes[i+1] == "" {
			delete(members, changes[i])
		}
	}
	value, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}

func decode(t *testing.T, typ events.Type, value string) events.Decoded {
	t.Helper()
	d, err := events.Decode(typ, record(value), stamp)
	if err != nil {
		t.Fatalf("decode %s: %v", value, err)
	}
	return d
}

// refused returns the field errors of a record that must be malformed.
func refused(t *testing.T, typ events.Type, rec events.Record) []events.FieldError {
	t.Helper()
	d, err := events.Decode(typ, rec, stamp)
	malformed, ok := errors.AsType[*events.MalformedError](err)
	if !ok {
		t.Fatalf("got %v and error %v, want a MalformedError", d, err)
	}
	if !errors.Is(err, events.ErrMalformed) || events.ReasonOf(err) != events.ReasonMalformed {
		t.Errorf("%v is not ErrMalformed, or of another reason", err)
	}
	if strings.Contains(err.Error(), "5678") {
		t.Errorf("the error shows the phone number: %v", err)
	}
	return malformed.Fields
}
