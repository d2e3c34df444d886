package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const (
		created     = events.TypeEventCreated
		registered  = events.TypeParticipantRegistered
		distributed = events.TypeDistributionCompleted
		fetched     = events.TypeChannelStatsFetched

		wantID      = "1 to 200 bytes of text without control characters"
		wantLabel   = "at most 200 bytes of text without control characters"
		wantText    = "at most 500 characters, without control and bidi characters"
		wantTitle   = "1 to 500 characters, some of them visible, without control and bidi characters"
		wantGoal    = "{metric, target}"
		wantMetric  = "participants or newCustomers"
		wantTarget  = "a whole number from 1 to 1000000000"
		wantTime    = "an RFC 3339 time such as 2026-11-23T10:00:00+09:00"
		wantFact    = "an RFC 3339 time from 2000 to a day after the record's timestamp"
		wantWon     = "whole won from 0 to 9007199254740992"
		wantChannel = "one of wooridongnetv, genietv, instagram, naver, kakao"
		wantList    = "an array of channel names or of {channel, cost}"
		wantJSON    = "one JSON object in UTF-8"
		wantOnce    = "each name once"
		wantFigures = "at least one of impressions, views, clicks, likes, comments, shares"
	)
	type fields = []events.FieldError
	type refusal struct {
		name string
		typ  events.Type
		doc  string
		want fields
	}
	cases := []refusal{
		{"no value", created, "", fields{{Problem: "has no value", Want: "one JSON object"}}},
		{"null", created, "null", fields{{Problem: "is null", Want: "a JSON object"}}},
		{"array", created, "[]", fields{{Problem: "is an array", Want: "a JSON object"}}},
		{"string", created, `"` + phone + `"`, fields{{Problem: "is a string", Want: "a JSON object"}}},
		{"number", created, "01012345678", fields{{Problem: "is a number", Want: "a JSON object"}}},
		{"boolean", created, "true", fields{{Problem: "is a boolean", Want: "a JSON object"}}},
		{"text", created, phone, fields{{Problem: "is a number", Want: "a JSON object"}}},
		{"cut off", registered, `{"phoneNumber":"` + phone, fields{{Problem: "is not valid JSON at byte 29", Want: wantJSON}}},
		{"two values", created, fullJSON(created) + "{}", fields{{Problem: "is not valid JSON at byte 349", Want: wantJSON}}},
		{"comma at the end", created, `{"a":1,}`, fields{{Problem: "is not valid JSON at byte 6", Want: wantJSON}}},
		{"byte order mark", created, "\ufeff{}", fields{{Problem: "is not valid JSON at byte 0", Want: wantJSON}}},
		{"bytes that are no UTF-8", created, "{\"a\":\"\xff\"}", fields{{Problem: "is not valid JSON at byte 6", Want: wantJSON}}},
		{"half a surrogate pair", created, `{"a":"\ud800"}`, fields{{Problem: "is not valid JSON at byte 6", Want: wantJSON}}},
		{"leading zero", created, `{"a":01}`, fields{{Problem: "is not valid JSON at byte 6", Want: wantJSON}}},
		{"not a number", created, `{"a":NaN}`, fields{{Problem: "is not valid JSON at byte 5", Want: wantJSON}}},
		{"a name twice", created, `{"a":1,"a":1}`, fields{{Problem: "a member is there twice at byte 7", Want: wantOnce}}},
		{"a name twice, escaped", created, `{"a":1,"\u0061":1}`, fields{{Problem: "a member is there twice at byte 7", Want: wantOnce}}},
		{"a name twice, further in", created, `{"x":[{"a":1,"a":1}]}`, fields{{Problem: "a member is there twice at byte 13", Want: wantOnce}}},
		{
			"a phone number as name, twice", registered, `{"` + phone + `":1,"` + phone + `":2}`,
			fields{{Problem: "a member is there twice at byte 19", Want: wantOnce}},
		},

		{"empty object", created, "{}", fields{
			{Field: "eventId", Problem: "is missing", Want: wantID},
			{Field: "storeId", Problem: "is missing", Want: wantID},
			{Field: "title", Problem: "is missing", Want: wantTitle},
			{Field: "objective", Problem: "is missing", Want: wantText},
		}},
		{"empty object", registered, "{}", fields{
			{Field: "participantId", Problem: "is missing", Want: wantID},
			{Field: "eventId", Problem: "is missing", Want: wantID},
			{Field: "phoneNumber", Problem: "is missing", Want: wantID},
		}},
		{"empty object", distributed, "{}", fields{
			{Field: "eventId", Problem: "is missing", Want: wantID},
			{Field: "distributedChannels", Problem: "is missing", Want: wantList},
			{Field: "completedAt", Problem: "is missing", Want: wantFact},
		}},
		{"empty object", fetched, "{}", fields{
			{Field: "eventId", Problem: "is missing", Want: wantID},
			{Field: "channel", Problem: "is missing", Want: wantChannel},
			{Field: "fetchedAt", Problem: "is missing", Want: wantFact},
			{Problem: "reports no figure", Want: wantFigures},
		}},
		{
			"names are case-sensitive", created, with(t, created, "eventId", "", "EVENTID", `"evt-1"`),
			fields{{Field: "eventId", Problem: "is missing", Want: wantID}},
		},
		{
			"no figure", fetched, `{"eventId":"e","channel":"kakao","fetchedAt":"2026-11-23T01:00:00Z","views":null,"saves":3}`,
			fields{{Problem: "reports no figure", Want: wantFigures}},
		},
		{
			"a wrong figure is not also a missing one", fetched, `{"eventId":"e","channel":"kakao","fetchedAt":"2026-11-23T01:00:00Z","views":-1}`,
			fields{{Field: "views", Problem: "is negative", Want: "a whole number from 0 to 9007199254740992"}},
		},
		{
			"a channel that is none of the five", fetched, with(t, fetched, "channel", `"tiktok"`),
			fields{{Field: "channel", Problem: "is none of the five channels", Want: wantChannel}},
		},
		{
			"channel in capitals", fetched, with(t, fetched, "channel", `"Naver"`),
			fields{{Field: "channel", Problem: "is none of the five channels", Want: wantChannel}},
		},
		{"channel is a number", fetched, with(t, fetched, "channel", `3`), fields{{Field: "channel", Problem: "is a number", Want: wantChannel}}},
		{
			"phone number is a number", registered, with(t, registered, "phoneNumber", "1012345678"),
			fields{{Field: "phoneNumber", Problem: "is a number", Want: wantID}},
		},
		{
			"newCustomer is a text", registered, with(t, registered, "newCustomer", `"true"`),
			fields{{Field: "newCustomer", Problem: "is a string", Want: "true or false"}},
		},
		{
			"newCustomer is a number", registered, with(t, registered, "newCustomer", "1"),
			fields{{Field: "newCustomer", Problem: "is a number", Want: "true or false"}},
		},
		{
			"channels are a text", distributed, with(t, distributed, "distributedChannels", `"naver"`),
			fields{{Field: "distributedChannels", Problem: "is a string", Want: wantList}},
		},
		{
			"channels are wrong in every way", distributed,
			with(t, distributed, "distributedChannels", `["naver","tv","tv",{},{"cost":-1},{"channel":"naver","cost":1.5},7,null,[]]`),
			fields{
				{Field: "distributedChannels[1]", Problem: "is none of the five channels", Want: wantChannel},
				{Field: "distributedChannels[2]", Problem: "is none of the five channels", Want: wantChannel},
				{Field: "distributedChannels[3].channel", Problem: "is missing", Want: wantChannel},
				{Field: "distributedChannels[4].channel", Problem: "is missing", Want: wantChannel},
				{Field: "distributedChannels[4].cost", Problem: "is negative", Want: wantWon},
				{Field: "distributedChannels[5].cost", Problem: "is not whole", Want: wantWon},
				{Field: "distributedChannels[5]", Problem: "names a channel for the second time", Want: "each channel once"},
				{Field: "distributedChannels[6]", Problem: "is a number", Want: wantList},
				{Field: "distributedChannels[7]", Problem: "is null", Want: wantList},
				{Field: "distributedChannels[8]", Problem: "is an array", Want: wantList},
			},
		},
		{
			"all that is wrong at once", registered,
			`{"participantId":7,"eventId":"","phoneNumber":"","registeredAt":"now","channel":1,"newCustomer":{},"gender":[],"ageGroup":20,"region":false}`,
			fields{
				{Field: "participantId", Problem: "is a number", Want: wantID},
				{Field: "eventId", Problem: "is empty", Want: wantID},
				{Field: "phoneNumber", Problem: "is empty", Want: wantID},
				{Field: "registeredAt", Problem: "is not a time", Want: wantTime},
				{Field: "channel", Problem: "is a number", Want: wantLabel},
				{Field: "newCustomer", Problem: "is an object", Want: "true or false"},
				{Field: "gender", Problem: "is an array", Want: wantLabel},
				{Field: "ageGroup", Problem: "is a number", Want: wantLabel},
				{Field: "region", Problem: "is a boolean", Want: wantLabel},
			},
		},
	}
	for raw, want := range map[string]fields{
		`"participants"`: {{Field: "goal", Problem: "is a string", Want: wantGoal}},
		`{"metric":"participants","metric":"participants","target":1}`: {{Problem: "a member is there twice at byte 192", Want: wantOnce}},
		`{}`: {{Field: "goal.metric", Problem: "is missing", Want: wantMetric}, {Field: "goal.target", Problem: "is missing", Want: wantTarget}},
		`{"metric":"roi","target":0}`: {
			{Field: "goal.metric", Problem: "is neither of the two", Want: wantMetric}, {Field: "goal.target", Problem: "is 0", Want: wantTarget},
		},
		`{"metric":7,"target":1000000001}`: {
			{Field: "goal.metric", Problem: "is a number", Want: wantMetric}, {Field: "goal.target", Problem: "is too large", Want: wantTarget},
		},
		`{"metric":"newCustomers","target":1.5}`: {{Field: "goal.target", Problem: "is not whole", Want: wantTarget}},
	} {
		cases = append(cases, refusal{"goal " + raw, created, with(t, created, "goal", raw), want})
	}
	texts := []struct{ typ, name, want string }{
		{"", "eventId", wantID},
		{"EventCreated", "storeId", wantID},
		{"ParticipantRegistered", "participantId", wantID},
		{"ParticipantRegistered", "phoneNumber", wantID},
		{"ParticipantRegistered", "channel", wantLabel},
		{"ParticipantRegistered", "gender", wantLabel},
		{"ParticipantRegistered", "ageGroup", wantLabel},
		{"ParticipantRegistered", "region", wantLabel},
		{"EventCreated", "title", wantTitle},
		{"EventCreated", "objective", wantText},
	}
	times := map[events.Type][]string{
		created: {"createdAt", "startsAt", "endsAt"}, registered: {"registeredAt"}, distributed: {"completedAt"}, fetched: {"fetchedAt"},
	}
	for _, typ := range events.Types() {
		add := func(field, raw, problem, want string) {
			cases = append(cases, refusal{field + " " + raw[:min(len(raw), 30)], typ, with(t, typ, field, raw), fields{{Field: field, Problem: problem, Want: want}}})
		}
		for _, f := range texts {
			if f.typ != "" && f.typ != typ.String() {
				continue
			}
			add(f.name, `{"a":1}`, "is an object", f.want)
			for _, control := range []string{`a\u0000`, `\u001bb`, `a\u007fb`, `a\u009f`} {
				add(f.name, `"`+control+`"`, "contains a control character", f.want)
			}
			if f.want == wantText || f.want == wantTitle {
				add(f.name, `"`+strings.Repeat("가", 501)+`"`, "is longer than 500 characters", f.want)
				for _, turns := range "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" {
					add(f.name, `"할인`+string(turns)+`"`, "contains a bidi character", f.want)
				}
				if f.want == wantTitle {
					add(f.name, `"가\n나"`, "contains a control character", f.want)
					add(f.name, `"가\t나"`, "contains a control character", f.want)
					for _, blank := range []string{"", " ", "\u00a0\u3000", "\u200b", "\u200d\ufeff", "\u2060\u00ad", "\u3164", "\u115f\u1160\uffa0", "\u2800", "\ufe0f"} {
						add(f.name, strconv.Quote(blank), "is blank", f.want)
					}
				}
				continue
			}
			add(f.name, `"a\nb"`, "contains a control character", f.want)
			add(f.name, `"`+strings.Repeat("a", 201)+`"`, "is longer than 200 bytes", f.want)
			add(f.name, `"`+strings.Repeat("가", 67)+`"`, "is longer than 200 bytes", f.want)
			if f.want == wantID {
				add(f.name, `""`, "is empty", f.want)
			}
		}
		for _, field := range times[typ] {
			add(field, "1764000000", "is a number", wantTime)
			for _, raw := range []string{
				`""`, `"2026-11-23"`, `"2026-11-23 10:00:00Z"`, `"2026-11-23T10:00Z"`, `"2026-11-23T24:00:00Z"`,
				`"2026-02-30T10:00:00Z"`, `"2026-11-23T10:00:00,5Z"`, `"2026-11-23T10:00:00+24:00"`, `"2026-11-23T10:00:00+09:60"`,
				`"2026-11-23T1:00:00Z"`, `"2026-11-23T10:00:00"`, `"2026-11-23T10:00:00+0900"`, `"2026-11-23T23:59:60Z"`, `"` + phone + `"`,
			} {
				add(field, raw, "is not a time", wantTime)
			}
			for _, raw := range []string{`"0001-01-01T00:00:00Z"`, `"1899-12-31T23:59:59Z"`, `"9999-01-01T00:00:00Z"`} {
				add(field, raw, "is out of range", "a year from 1900 to 9998")
			}
		}
		if d, err := events.Decode(9, record(fullJSON(typ)), stamp); !errors.Is(err, events.ErrUnknownType) {
			t.Errorf("type 9 decoded as %v, %v", d, err)
		}
	}
	for _, c := range cases {
		t.Run(c.typ.String()+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, refused(t, c.typ, record(c.doc))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.doc, diff)
			}
		})
	}
}

func TestDecodeStopsListingErrors(t *testing.T) {
	t.Parallel()
	list := "[" + strings.Repeat("0,", 1000) + "0]"
	got := refused(t, events.TypeDistributionCompleted, record(with(t, events.TypeDistributionCompleted, "distributedChannels", list)))
	if len(got) > 30 {
		t.Errorf("%d field errors are too many", len(got))
	}
}

func TestDecodeMaxRecordBytes(t *testing.T) {
	t.Parallel()
	head, tail := strings.TrimSuffix(fullJSON(events.TypeEventCreated), "}")+`,"unknown":"`, `"}`
	rec := record("")
	rec.Value = []byte(head + strings.Repeat("x", events.MaxRecordBytes-len(head)-len(tail)-len(rec.Key)) + tail)
	if _, err := events.Decode(events.TypeEventCreated, rec, rec.Timestamp); err != nil {
		t.Errorf("record of exactly 1 MiB: %v", err)
	}
	rec.Key = append(rec.Key, 'x')
	want := []events.FieldError{{Problem: "is longer than 1 MiB", Want: "at most 1048576 bytes"}}
	if diff := cmp.Diff(want, refused(t, events.TypeEventCreated, rec)); diff != "" {
		t.Error(diff)
	}
}

func TestMalformedErrorText(t *testing.T) {
	t.Parallel()
	_, err := events.Decode(events.TypeParticipantRegistered, record(`{"participantId":"p","phoneNumber":5,"eventId":"e"}`), stamp)
	if want := "phoneNumber: is a number; expected 1 to 200 bytes of text without control characters"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	several := &events.MalformedError{Fields: []events.FieldError{{Problem: "is odd"}, {Field: "a", Problem: "is b", Want: "c"}}}
	if got, want := several.Error(), "is odd; also a: is b; expected c"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if errors.Is(several, events.ErrUnknownType) {
		t.Error("malformed is not unknown")
	}
}

// I10: no way of printing a decoded registration shows the number.
func TestPhoneNumberNeverShows(t *testing.T) {
	t.Parallel()
	d := decode(t, events.TypeParticipantRegistered, fullJSON(events.TypeParticipantRegistered))
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%20.3s"} {
		// In an unexported field fmt can't ask the number how it wants to be shown.
		hidden := struct{ d events.Decoded }{d}
		for _, v := range []any{d, &d, d.Phone, &d.Phone, []any{d}, []events.PhoneNumber{d.Phone}, map[string]events.Decoded{"d": d}, hidden, &hidden} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("decoded", slog.Any("decoded", d), slog.Any("pointer", &d), slog.Any("phone", d.Phone))
	}
	for _, v := range []any{d, &d, d.Phone, map[events.PhoneNumber]int{d.Phone: 1}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	fmt.Fprintln(&out, errors.New("wrapped: "+fmt.Sprint(d.Phone)))
	// In clear, in hex, as numbers of bytes.
	for _, form := range []string{phone, fmt.Sprintf("%x", phone), fmt.Sprintf("%X", phone), "48 49 48 45 49", "0x30, 0x31, 0x30", "30 31 30"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the number shows as %q in:\n%s", form, out.String())
		}
	}
	if got := fmt.Sprintf("%v %d %s", d.Phone, d.Phone, events.PhoneNumber{}); got != "*** *** ***" {
		t.Errorf("got %s", got)
	}
	if d.Phone.Reveal() != phone || (events.PhoneNumber{}).Reveal() != "" {
		t.Error("Reveal does not reveal")
	}
}
