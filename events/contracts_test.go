package events_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"jangbu/events"
)

// contractStamp is the timestamp of every record in these tests.
func contractStamp() time.Time { return time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) }

func compileContract(t *testing.T, typ events.Type) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(events.Contract(typ)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("contract.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("contract.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// fullDocument holds every member of a type's contract, each with a value that
// the contract accepts.
func fullDocument(typ events.Type) map[string]any {
	const instant = "2026-11-23T10:00:00.123456+09:00"
	switch typ {
	case events.TypeEventCreated:
		return map[string]any{
			"eventId": "evt-1", "storeId": "store-1", "title": "가을 감사 이벤트", "objective": "신규 고객\n유치",
			"createdAt": instant, "startsAt": instant, "endsAt": "2027-01-31T00:00:00Z",
			"prizeCost": 1000000, "platformCost": 0, "expectedSalesIncrease": 1 << 53, "baselineSales": 1, "newCustomerLtv": 50000,
			"goal": map[string]any{"metric": "participants", "target": 1000},
		}
	case events.TypeParticipantRegistered:
		return map[string]any{
			"participantId": "p-1", "eventId": "evt-1", "phoneNumber": "010-9876-5432", "registeredAt": instant,
			"channel": "naver", "newCustomer": true, "gender": "female", "ageGroup": "20s", "region": "서울",
		}
	case events.TypeDistributionCompleted:
		return map[string]any{
			"eventId": "evt-1", "completedAt": instant,
			"distributedChannels": []any{"naver", map[string]any{"channel": "genietv", "cost": 300000}},
		}
	case events.TypeChannelStatsFetched:
		return map[string]any{
			"eventId": "evt-1", "channel": "instagram", "fetchedAt": instant,
			"impressions": 1, "views": 2, "clicks": 3, "likes": 4, "comments": 5, "shares": 6,
		}
	default:
		panic("no such type")
	}
}

// The values that are tried in place of a member's own, except those that only Decode
// can refuse (see Contract).
func replacements() []json.RawMessage {
	texts := []string{
		``, ` `, `x`, `naver`, `facebook`, `한글`, "a\nb", "a\tb", "a\rb", "a\x00b", "a\x1fb", "a\u007fb", "a\u0085b", "a\u2028b",
		"a\u061cb", "a\u200db", "a\u200eb", "a\u200fb", "a\u2029b", "a\u202ab", "a\u202eb", "a\u202fb", "a\u2065b", "a\u2066b", "a\u2069b", "a\u206ab",
		strings.Repeat("가", 500), strings.Repeat("가", 501), strings.Repeat("🎁", 500), strings.Repeat("🎁", 501),
		strings.Repeat("i", 200), strings.Repeat("i", 201),
		`2026-11-23T10:00:00Z`, `2026-11-23T10:00:00.5-09:30`, `2026-11-23 10:00:00Z`, `2026-11-23T10:00:00`,
		`2026-02-30T10:00:00Z`, `2026-11-23T24:00:00Z`, `2026-11-23T10:60:00Z`, `2026-11-23t10:00:00z`, `2026-11-23`, `T`,
		`2026-11-23T10:00:00,5Z`, `2026-11-23T10:00:00.Z`, `2026-11-23T10:00:00+25:00`, `2026-11-23T1:00:00Z`,
		"\t\n", "\u00a0", "\u2003 ", "\u200b", "\u200d\ufeff", "\u2060", "\u3000", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", "\u00ad", "\ufe0f", "\u3164가", "\u0301",
	}
	values := []json.RawMessage{}
	for _, text := range texts {
		quoted, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		values = append(values, quoted)
	}
	for _, raw := range []string{
		`null`, `true`, `false`, `{}`, `[]`, `[null]`, `[1]`, `["naver","kakao"]`, `["naver","naver"]`, `["naver",{"channel":"naver"}]`,
		`[{"channel":"kakao","cost":null,"more":1}]`, `[{"channel":"kakao","cost":-1}]`, `[{"cost":1}]`, `[{"channel":null}]`, `["facebook"]`, `[[]]`,
		`["wooridongnetv","genietv","instagram","naver","kakao"]`, `[{"channel":"kakao"},{"channel":"kakao","cost":1}]`,
		`{"metric":"participants","target":1}`, `{"metric":"newCustomers","target":1e9,"more":{}}`, `{"metric":"newCustomers","target":1000000001}`,
		`{"metric":"newCustomers","target":0}`, `{"metric":"newCustomers","target":1.5}`, `{"metric":"newCustomers","target":"1"}`, `{"metric":"participants","target":null}`,
		`{"metric":"Participants","target":1}`, `{"metric":null,"target":1}`, `{"metric":1,"target":1}`, `{"target":1}`, `{"metric":"participants"}`,
		`0`, `-0`, `1`, `-1`, `1.0`, `1.5`, `15e-1`, `150e-1`, `1e3`, `9007199254740992`, `9007199254740993`, `9007199254740992.0`, `1e15`, `1e16`, `1e300`,
	} {
		values = append(values, json.RawMessage(raw))
	}
	return values
}

func TestSchemasAndDecodeAgree(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			schema := compileContract(t, typ)
			agree := func(t interface {
				Helper()
				Errorf(string, ...any)
			}, doc map[string]any,
			) {
				t.Helper()
				value, err := json.Marshal(doc)
				if err != nil {
					t.Errorf("marshal: %v", err)
					return
				}
				instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
				if err != nil {
					t.Errorf("unmarshal %s: %v", value, err)
					return
				}
				refused := schema.Validate(instance)
				_, malformed := events.Decode(typ, events.Record{Value: value, Timestamp: contractStamp()}, contractStamp())
				if (refused == nil) != (malformed == nil) {
					t.Errorf("%s\nschema: %v\ndecode: %v", value, refused, malformed)
				}
			}

			full := fullDocument(typ)
			names := slices.Sorted(maps.Keys(full))
			for _, name := range names {
				without := maps.Clone(full)
				delete(without, name)
				agree(t, without)
				for _, value := range replacements() {
					with := maps.Clone(full)
					with[name] = value
					agree(t, with)
				}
			}
			if t.Failed() {
				return
			}
			rapid.Check(t, func(t *rapid.T) {
				doc := map[string]any{"unknown": map[string]any{"a": []int{1}}}
				for _, name := range names {
					switch rapid.SampledFrom([]string{"own", "own", "own", "own", "absent", "null", "other"}).Draw(t, name) {
					case "own":
						doc[name] = full[name]
					case "null":
						doc[name] = nil
					case "other":
						doc[name] = rapid.SampledFrom(replacements()).Draw(t, "value")
					}
				}
				agree(t, doc)
			})
		})
	}
}

// Schema and decoder know the same members: one that only the decoder knows would be
// undocumented, one that only the schema knows would be dropped.
func TestSchemasAndTypesNameTheSameMembers(t *testing.T) {
	t.Parallel()
	for _, typ := range events.Types() {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			var schema struct {
				ID         string                     `json:"$id"`
				Title      string                     `json:"title"`
				Properties map[string]json.RawMessage `json:"properties"`
			}
			if err := json.Unmarshal(events.Contract(typ), &schema); err != nil {
				t.Fatal(err)
			}
			if schema.Title != typ.String() || !strings.HasSuffix(schema.ID, ":"+typ.String()) {
				t.Errorf("schema of %s is called %q, %q", typ, schema.Title, schema.ID)
			}
			full := fullDocument(typ)
			promised := slices.Sorted(maps.Keys(schema.Properties))
			if diff := cmp.Diff(promised, slices.Sorted(maps.Keys(full))); diff != "" {
				t.Fatalf("members of the schema and of the full document (-schema +document):\n%s", diff)
			}

			value, err := json.Marshal(full)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := events.Decode(typ, events.Record{Value: value, Timestamp: contractStamp()}, contractStamp())
			if err != nil {
				t.Fatal(err)
			}
			decoded.SetPseudonym(events.Pseudonym{1})
			var stored map[string]json.RawMessage
			if err := json.Unmarshal(events.AppendStored(nil, decoded.Event), &stored); err != nil {
				t.Fatal(err)
			}
			kept := slices.Collect(maps.Keys(stored))
			if i := slices.Index(kept, "pseudonym"); i >= 0 {
				kept[i] = "phoneNumber" // which is what it stands for (I10)
			}
			slices.Sort(kept)
			if diff := cmp.Diff(promised, kept); diff != "" {
				t.Errorf("members promised and stored (-schema +stored):\n%s", diff)
			}
		})
	}
}

func TestContractOfNoType(t *testing.T) {
	t.Parallel()
	if schema := events.Contract(0); schema != nil {
		t.Errorf("Contract(0) = %s, want nil", schema)
	}
}
