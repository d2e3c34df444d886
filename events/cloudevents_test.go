package events_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// headers makes record headers of pairs of key and value.
func headers(pairs ...string) []events.Header {
	var hs []events.Header
	for i := 0; i < len(pairs); i += 2 {
		hs = append(hs, events.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return hs
}

// structured is a CloudEvent of fullJSON(typ) with the attributes given, raw.
func structured(typ events.Type, attributes string) events.Record {
	rec := record(`{"specversion":"1.0",` + attributes + `,"data":` + fullJSON(typ) + `}`)
	rec.Headers = headers("content-type", "application/cloudevents+json; charset=UTF-8")
	return rec
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	const id = "0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d"
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			bare := decode(t, typ, fullJSON(typ))
			binary := record(fullJSON(typ))
			binary.Headers = headers("ce_specversion", "1.0", "ce_id", id, "ce_source", "/shop", "ce_type", "kr.example."+typ.String(),
				"content-type", "application/json", "ce_time", "2020-01-01T00:00:00Z", "traceparent", "00-1", "traceparent", "00-2")
			shouting := binary
			shouting.Headers = headers("CE_SpecVersion", "1.0", "Ce_Id", strings.ToUpper(id), "CE_TYPE", typ.String())
			idOnly := binary
			idOnly.Headers = headers("ce_id", id)
			asText := structured(typ, `"id":"`+id+`","type":"`+typ.String()+`"`)
			asText.Value = []byte(strings.ReplaceAll(string(asText.Value), fullJSON(typ), quote(t, fullJSON(typ))))
			asBase64 := asText
			asBase64.Value = []byte(`{"specversion":"1.0","id":"` + id + `","type":"` + typ.String() + `","data_base64":"` +
				base64.StdEncoding.EncodeToString([]byte(fullJSON(typ))) + `","data":null}`)
			badParameter := structured(typ, `"id":"`+id+`","type":"`+typ.String()+`"`)
			badParameter.Headers = headers("Content-Type", "Application/CloudEvents+JSON; charset")
			for name, rec := range map[string]events.Record{
				"binary":                          binary,
				"binary, capital headers":         shouting,
				"binary, with an id only":         idOnly,
				"structured":                      structured(typ, `"id":"`+id+`","type":"kr.example.`+typ.String()+`","source":"/shop","subject":"x"`),
				"structured, data as text":        asText,
				"structured, data as base64":      asBase64,
				"structured, bad media parameter": badParameter,
			} {
				// The topic's own type gives way to the CloudEvent's.
				of := events.TypeEventCreated
				if name == "binary, with an id only" {
					of = typ
				}
				got, err := events.Decode(of, rec, rec.Timestamp)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				if diff := cmp.Diff(bare.Event, got.Event); diff != "" {
					t.Errorf("%s (-bare +got):\n%s", name, diff)
				}
				wantID := id
				if typ == events.TypeParticipantRegistered {
					wantID = bare.ID.String() // whatever id the transport gives (I4)
				}
				if got.ID.String() != wantID || got.Digest != bare.Digest || !got.OccurredAt.Equal(bare.OccurredAt) {
					t.Errorf("%s: ID %v, want %s; or another digest or time than the bare record's", name, got.ID, wantID)
				}
			}
		})
	}
}

func quote(t *testing.T, s string) string {
	t.Helper()
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func TestCloudEventsID(t *testing.T) {
	t.Parallel()
	const typ = events.TypeDistributionCompleted
	id := func(pairs ...string) events.ID {
		rec := record(fullJSON(typ))
		rec.Headers = headers(pairs...)
		d, err := events.Decode(typ, rec, rec.Timestamp)
		if err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	inBody := func(attributes string) events.ID {
		d, err := events.Decode(typ, structured(typ, attributes+`,"type":"DistributionCompleted"`), stamp)
		if err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	text := id("ce_id", "reg-1", "ce_source", "/shop")
	if text != id("ce_source", "/shop", "ce_id", "reg-1", "ce_specversion", "1.0", "ce_type", "DistributionCompleted") {
		t.Error("the other attributes count for the ID")
	}
	if text != inBody(`"id":"reg-1","source":"/shop"`) {
		t.Error("the mode counts for the ID")
	}
	seen := map[events.ID]string{id(): "natural"}
	for name, got := range map[string]events.ID{
		"text":           text,
		"other text":     id("ce_id", "reg-2", "ce_source", "/shop"),
		"other source":   id("ce_id", "reg-1", "ce_source", "/shop2"),
		"no source":      id("ce_id", "reg-1"),
		"shifted":        id("ce_id", "preg-1", "ce_source", "/sho"),
		"nil UUID":       id("ce_id", "00000000-0000-0000-0000-000000000000"),
		"no UUID":        id("ce_id", "0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9z"),
		"UUID in braces": id("ce_id", "{0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d}"),
		"UUID":           id("ce_id", "0193578e-4f6b-7c1a-9b0e-5d3c2a1f0e9d"),
	} {
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s have one ID", name, other)
		}
		seen[got] = name
		if hashed := got[6]>>4 == 8; hashed == (name == "UUID") || got[8]>>6 != 2 {
			t.Errorf("%s: %v is of the wrong UUID version or variant", name, got)
		}
	}
}

func TestCloudEventsRefused(t *testing.T) {
	t.Parallel()
	const typ = events.TypeEventCreated
	const wantID = "1 to 200 bytes of text without control characters"
	type fields = []events.FieldError
	binary := func(pairs ...string) events.Record {
		rec := record(fullJSON(typ))
		rec.Headers = headers(pairs...)
		return rec
	}
	inBody := func(value string) events.Record {
		rec := record(value)
		rec.Headers = headers("content-type", "application/cloudevents+json")
		return rec
	}
	const format = "names a format that is not supported"
	for name, c := range map[string]struct {
		rec  events.Record
		want fields
	}{
		"another version":          {binary("ce_specversion", "0.3", "ce_id", "1"), fields{{Field: "ce_specversion", Problem: "is another version", Want: "1.0"}}},
		"no id":                    {binary("ce_specversion", "1.0"), fields{{Field: "ce_id", Problem: "is missing", Want: wantID}}},
		"empty id":                 {binary("ce_id", ""), fields{{Field: "ce_id", Problem: "is empty", Want: wantID}}},
		"long id":                  {binary("ce_id", strings.Repeat("a", 201)), fields{{Field: "ce_id", Problem: "is longer than 200 bytes", Want: wantID}}},
		"control character in id":  {binary("ce_id", "a\x00"), fields{{Field: "ce_id", Problem: "contains a control character", Want: wantID}}},
		"id twice":                 {binary("ce_id", "1", "CE_ID", "1"), fields{{Field: "ce_id", Problem: "header is there twice", Want: "each header once"}}},
		"content type twice":       {binary("content-type", "a/b", "Content-Type", "a/b"), fields{{Field: "content-type", Problem: "header is there twice", Want: "each header once"}}},
		"batch":                    {binary("content-type", "application/cloudevents-batch+json"), fields{{Field: "content-type", Problem: format, Want: "application/cloudevents+json"}}},
		"Avro":                     {binary("content-type", "application/cloudevents+avro"), fields{{Field: "content-type", Problem: format, Want: "application/cloudevents+json"}}},
		"structured, no value":     {inBody(""), fields{{Problem: "has no value", Want: "a CloudEvent in JSON"}}},
		"structured, a list":       {inBody("[]"), fields{{Problem: "is an array", Want: "a JSON object"}}},
		"structured, no JSON":      {inBody("x"), fields{{Problem: "is not valid JSON at byte 0", Want: "one JSON object in UTF-8"}}},
		"structured, a name twice": {inBody(`{"id":"1","id":"1"}`), fields{{Problem: "a member is there twice at byte 10", Want: "each name once"}}},
		"structured, empty": {inBody("{}"), fields{
			{Field: "specversion", Problem: "is missing or another version", Want: `"1.0"`},
			{Field: "id", Problem: "is missing", Want: wantID},
			{Field: "type", Problem: "is missing", Want: "the event's type"},
			{Field: "data", Problem: "is missing", Want: "the event as a JSON object"},
		}},
		"structured, wrong types": {inBody(`{"specversion":1.0,"id":1,"source":[],"type":{},"data":{},"data_base64":""}`), fields{
			{Field: "specversion", Problem: "is missing or another version", Want: `"1.0"`},
			{Field: "id", Problem: "is a number", Want: wantID},
			{Field: "source", Problem: "is an array", Want: "a URI reference"},
			{Field: "type", Problem: "is an object", Want: "the event's type"},
			{Field: "data_base64", Problem: "is there beside data", Want: "one of the two"},
		}},
		"structured, no base64": {
			inBody(`{"specversion":"1.0","id":"1","type":"EventCreated","data_base64":"?"}`),
			fields{{Field: "data_base64", Problem: "is not base64", Want: "base64 text"}},
		},
		"structured, base64 is a number": {
			inBody(`{"specversion":"1.0","id":"1","type":"EventCreated","data_base64":1}`),
			fields{{Field: "data_base64", Problem: "is a number", Want: "base64 text"}},
		},
		"structured, empty data": {
			inBody(`{"specversion":"1.0","id":"1","type":"EventCreated","data":""}`),
			fields{{Problem: "has no value", Want: "one JSON object"}},
		},
		"structured, data is a list": {
			inBody(`{"specversion":"1.0","id":"1","type":"EventCreated","data":[1]}`),
			fields{{Problem: "is an array", Want: "a JSON object"}},
		},
		"structured, data breaks its contract": {
			inBody(`{"specversion":"1.0","id":"1","type":"EventCreated","data":{"eventId":"e","title":"t","objective":"o"}}`),
			fields{{Field: "storeId", Problem: "is missing", Want: wantID}},
		},
	} {
		if diff := cmp.Diff(c.want, refused(t, typ, c.rec)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCloudEventsOfUnknownType(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "EventDeleted", "eventcreated", "kr.example.EventCreated.v2", "EventCreated.", phone} {
		binary := record(fullJSON(events.TypeEventCreated))
		binary.Headers = headers("ce_id", "1", "ce_type", name)
		for _, rec := range []events.Record{binary, structured(events.TypeEventCreated, `"id":"1","type":"`+name+`"`)} {
			_, err := events.Decode(events.TypeEventCreated, rec, rec.Timestamp)
			if !errors.Is(err, events.ErrUnknownType) || errors.Is(err, events.ErrMalformed) || events.ReasonOf(err) != events.ReasonUnknownType {
				t.Errorf("type %q: got %v", name, err)
				continue
			}
			if field, ok := errors.AsType[events.FieldError](err); !ok || !strings.HasSuffix(field.Field, "type") || strings.Contains(err.Error(), "5678") {
				t.Errorf("type %q: got %v", name, err)
			}
		}
	}
}
