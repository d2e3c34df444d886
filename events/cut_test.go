package events_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jangbu/events"
)

// Records as producers write them are cut without the strict decoder, in any order of the members,
// with white space, and beside members of others.
func TestUsualRecordsAreCutFast(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		value := with(t, typ, "utm", `{"source":"blog","tags":["a","b",{"c":null}],"score":-1}`, "note", `"가을 "`)
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(value), &members); err != nil {
			t.Fatal(err)
		}
		var names []string
		for name := range members {
			names = append(names, name)
		}
		rand.Shuffle(len(names), func(i, k int) { names[i], names[k] = names[k], names[i] })
		var b strings.Builder
		for i, name := range names {
			b.WriteString("{,"[min(i, 1):][:1] + "\n\t" + `"` + name + `" : ` + string(members[name]))
		}
		b.WriteString("\r\n}\n")
		for _, value := range []string{fullJSON(typ), value, b.String()} {
			if _, _, fast := events.CutFast([]byte(value)); !fast {
				t.Errorf("not cut: %s", value)
			}
			checkFast(t, typ, []byte(value))
		}
		want := decode(t, typ, fullJSON(typ))
		if diff := cmp.Diff(want.Event, decode(t, typ, b.String()).Event); diff != "" {
			t.Errorf("%s (-want +got):\n%s", b.String(), diff)
		}
	}
}

// What the fast decoder does not read as the strict one does, it leaves to that one.
func TestCutGivesUp(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":[`, 10) + strings.Repeat(`]}`, 10)
	var many strings.Builder
	for i := range 20 {
		many.WriteString(`,"` + strings.Repeat("m", i+1) + `":0`)
	}
	for _, src := range []string{
		``, ` `, `{`, `}`, `{}x`, `{}{}`, `[]`, `null`, `"a"`, `1`, "\ufeff{}", `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" 1}`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`,
		`{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{"a":[{"b":1,"b":2}]}`, `{"a":1,"\u0061":2}`, `{"a":"\n"}`, `{"a":"\ud800"}`, `{"\u0061":1}`,
		"{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"12345678\xed\xa0\x80\"}", "{\"a\":\"가\n\"}", "{\"a\":\"\x00\"}", "{\"a\":\"1234567\t\"}", "{\"a\":\"가\\n\"}", `{"a":"b`, `{"a":"가`,
		`{"a":01}`, `{"a":-}`, `{"a":+1}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1.5}`, `{"a":1e2}`, `{"a":1E2}`, `{"a":-01}`, `{"a":0x1}`, `{"a":1_0}`, `{"a":NaN}`,
		`{"a":tru}`, `{"a":True}`, `{"a":nul}`, `{"a":truefalse}`, `{"a":null1}`, `{"a":1true}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":]}`, `{"a":{"b":}}`,
		"{\"a\":1\f}", "{\u00a0\"a\":1}", deep, `{"b":0` + many.String() + `}`,
	} {
		if _, _, fast := events.CutFast([]byte(src)); fast {
			t.Errorf("%q is cut", src)
		}
	}
}

// A record that the fast decoder reads is the same event, or the same error, to the strict one.
func TestFastIsStrict(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				value := strings.TrimPrefix(string(events.AppendStored(nil, drawEvent(t, typ))), "{")
				if typ == events.TypeParticipantRegistered {
					value = `"phoneNumber":"` + rapid.SampledFrom([]string{"1", phone, "+82 10 7777 1009"}).Draw(t, "phone") + `",` + value
				}
				if rapid.Bool().Draw(t, "more") {
					value = drawMembers("_", 2).Draw(t, "members") + value
				}
				checkFast(t, typ, []byte("{"+value))
			})
		})
	}
}

// checkFast compares the fast decoder with the strict one, of the members and of the whole record.
func checkFast(t interface{ Errorf(string, ...any) }, typ events.Type, value []byte) {
	names, values, fast := events.CutFast(value)
	if !fast {
		return
	}
	strictNames, strictValues, err := events.CutStrictly(value)
	if err != nil {
		t.Errorf("%q is cut, which is wrong: %v", value, err)
		return
	}
	if diff := cmp.Diff([][]string{strictNames, strictValues}, [][]string{names, values}); diff != "" {
		t.Errorf("%q (-strict +fast):\n%s", value, diff)
	}
	if len(names) == 0 || names[0] == "" || names[0][0] >= 0x80 {
		return
	}
	// The same with an escape, on which the fast decoder gives up.
	first := strings.IndexByte(string(value), '"')
	escaped := string(value[:first+1]) + quoteAny(names[0][:1])[1:len(`"\u0000`)] + string(value[first+2:])
	if _, _, fast := events.CutFast([]byte(escaped)); fast {
		t.Errorf("%q is cut", escaped)
	}
	at := events.Record{Topic: "topic", Timestamp: endOfTime, Value: value}
	got, gotErr := events.Decode(typ, at, endOfTime)
	at.Value = []byte(escaped)
	want, wantErr := events.Decode(typ, at, endOfTime)
	if (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
		t.Errorf("%q: %v, strictly %v", value, gotErr, wantErr)
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%q: %+v, strictly %+v", value, got, want)
	}
}

func FuzzCut(f *testing.F) {
	for _, typ := range events.Types() {
		f.Add(byte(typ), []byte(fullJSON(typ)))
		f.Add(byte(typ), structured(typ, `"id":"1","type":"a.`+typ.String()+`"`).Value)
		f.Add(byte(typ), events.AppendStored(nil, fullEvent(f, typ)))
	}
	f.Add(byte(1), []byte(`{"eventId":"\n\"\\","storeId":"é","title":"","objective":"","createdAt":"2000-01-01T00:00:00.00001Z"}`))
	f.Add(byte(1), []byte(`{"eventId":"e","storeId":"s","title":"t","objective":"o","goal":{"metric":"participants","target":1}}`))
	f.Add(byte(2), []byte(`{"participantId":"01012345678","eventId":12345678,"phoneNumber":"01012345678","12345678":{"12345678":1}}`))
	f.Add(byte(3), []byte(`{"eventId":"e","distributedChannels":["12345678",{"channel":"naver","cost":12345678.5,"x":{"b":1,"a":-0}}],"completedAt":"12345678"}`))
	f.Add(byte(1), []byte(`{"eventId":"e","eventId":"12345678"}`))
	f.Fuzz(func(t *testing.T, typ byte, value []byte) { checkFast(t, events.Type(typ), value) })
}
