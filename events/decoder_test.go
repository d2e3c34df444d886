package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// TestDecoderKeepsRecordsApart decodes records of all types with one decoder, malformed ones among
// them and of many sizes: each is as it is decoded alone, whatever is decoded after it.
func TestDecoderKeepsRecordsApart(t *testing.T) {
	t.Parallel()
	var decoder events.Decoder
	var want, got []events.Decoded
	for i := range 600 {
		typ := events.Types()[i/3%len(events.Types())]
		if i%3 > 0 {
			typ = events.TypeParticipantRegistered
		}
		value := fullJSON(typ)
		if typ == events.TypeParticipantRegistered {
			value = fmt.Sprintf(`{"participantId":"p-%d%s","eventId":"evt-%d","phoneNumber":"010-1234-%04d","newCustomer":%t,"region":"%s"}`,
				i, strings.Repeat("x", i*7%180), i, i, i%2 == 0, []string{"서울", "서울 강남구", "어딘가"}[i%3])
		}
		switch i % 11 {
		case 3:
			value = strings.Replace(value, `"eventId"`, `"event"`, 1)
		case 5:
			value = strings.Replace(value, `evt`, `\u0065vt`, 1)
		case 7:
			value = value[:len(value)/2]
		}
		rec := events.Record{Topic: typ.String(), Partition: 1, Offset: int64(i), Timestamp: stamp, Value: []byte(value)}
		alone, err := events.Decode(typ, rec, rec.Timestamp)
		var d events.Decoded
		again := decoder.Decode(&d, typ, &rec, rec.Timestamp)
		if fmt.Sprint(err) != fmt.Sprint(again) || errors.Is(err, events.ErrMalformed) != errors.Is(again, events.ErrMalformed) {
			t.Fatalf("%s: %v, alone: %v", value, again, err)
		}
		clear(rec.Value) // it belongs to the frame
		want, got = append(want, alone), append(got, d)
	}
	numbers := cmp.Transformer("Reveal", events.PhoneNumber.Reveal)
	if diff := cmp.Diff(want, got, numbers); diff != "" {
		t.Errorf("decoded (-alone +by one decoder):\n%s", diff)
	}
}
