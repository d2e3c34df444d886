package events_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jangbu/events"
)

// wantImpersonal is what is expected of an id that holds something personal.
const wantImpersonal = "an id without a phone, resident or card number or a mail address"

// I10: an id that is stored, or hashed without a key, is refused where it identifies a person,
// by the name of its field.
func TestDecodeRefusesPersonalIDs(t *testing.T) {
	t.Parallel()
	ids := map[events.Type][]string{
		events.TypeEventCreated:          {"eventId", "storeId"},
		events.TypeParticipantRegistered: {"eventId", "participantId"},
		events.TypeDistributionCompleted: {"eventId"},
		events.TypeChannelStatsFetched:   {"eventId"},
	}
	leaks := map[string]string{
		"010-7777-1009": "a phone number", "tel:010%2D7777%2D1009": "a phone number", "evt-０１０７７７７１００９": "a phone number", "p-+82 10 7777 1009": "a phone number",
		"900101-1234567": "a resident number", "4111111111111111": "a card number", "mailto:kim%40naver.com": "a mail address",
	}
	for typ, fields := range ids {
		for _, field := range fields {
			for leak, is := range leaks {
				want := []events.FieldError{{Field: field, Problem: "is or holds " + is, Want: wantImpersonal}}
				if diff := cmp.Diff(want, refused(t, typ, record(with(t, typ, field, `"`+leak+`"`)))); diff != "" {
					t.Errorf("%s of %s %q (-want +got):\n%s", field, typ, leak, diff)
				}
			}
		}
		// The transport's id and source are hashed, but for those of a registration, of which
		// nothing is kept, and for the source beside a UUID.
		for leak, is := range leaks {
			binary := record(fullJSON(typ))
			binary.Headers = headers("ce_id", leak, "ce_source", leak)
			structured := record(`{"specversion":"1.0","type":"` + typ.String() + `","id":"` + leak + `","source":"` + leak + `","data":` + fullJSON(typ) + `}`)
			structured.Headers = headers("content-type", "application/cloudevents+json")
			for prefix, rec := range map[string]events.Record{"ce_": binary, "": structured} {
				if typ == events.TypeParticipantRegistered {
					if d, err := events.Decode(typ, rec, rec.Timestamp); err != nil || d.ID != decode(t, typ, fullJSON(typ)).ID {
						t.Errorf("got %v, %v", d, err)
					}
					continue
				}
				want := []events.FieldError{
					{Field: prefix + "id", Problem: "is or holds " + is, Want: wantImpersonal},
					{Field: prefix + "source", Problem: "is or holds " + is, Want: wantImpersonal},
				}
				if diff := cmp.Diff(want, refused(t, typ, rec)); diff != "" {
					t.Errorf("transport id of %s %q (-want +got):\n%s", typ, leak, diff)
				}
			}
		}
	}
}

// The registration's own number is refused in an id among any other digits, and of any kind.
func TestDecodeRefusesItsOwnPhoneNumber(t *testing.T) {
	t.Parallel()
	const typ = events.TypeParticipantRegistered
	for number, leaks := range map[string][]string{
		phone:          {"x1012345678y", "p55501012345678", "%78%31%30%31%32%33%34%35%36%37%38"},
		"080-123-4567": {"0801234567", "evt-080-123-4567"},
	} {
		for _, field := range []string{"participantId", "eventId"} {
			for _, leak := range leaks {
				doc := with(t, typ, "phoneNumber", `"`+number+`"`, field, `"`+leak+`"`)
				want := []events.FieldError{{Field: field, Problem: "contains the phone number", Want: wantImpersonal}}
				if diff := cmp.Diff(want, refused(t, typ, record(doc))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", doc, diff)
				}
			}
		}
	}
	for _, innocent := range []string{"1234-5678", "0101234", "p-20261123100000"} {
		decode(t, typ, with(t, typ, "participantId", `"`+innocent+`"`))
	}
	decode(t, typ, with(t, typ, "phoneNumber", `"119"`, "participantId", `"p-119"`))
}

// I10: free text of the public is not stored. What it names is, and another release's digest of
// the same record is known (I4).
func TestDecodeKeepsWhatTextsName(t *testing.T) {
	t.Parallel()
	const typ = events.TypeParticipantRegistered
	for _, c := range []struct{ field, text, want string }{
		{"channel", "추천인 010-7777-1009", "other"},
		{"channel", "인스타그램", "instagram"},
		{"channel", "현장 접수", "onsite"},
		{"channel", "010-1234-5678", "other"}, // its own
		{"gender", "여성", "female"},
		{"gender", "900101-1234567", "other"},
		{"ageGroup", "34세", "30s"},
		{"ageGroup", "kim@naver.com", "other"},
		{"region", "서울특별시 강남구 테헤란로 152", "서울 강남구"},
		{"region", "경기도 성남시 분당구 010-7777-1009", "경기 성남시"},
		{"region", "부산  해운대구", "부산 해운대구"},
		{"region", "서울 해운대구", "서울"},
		{"region", "서울시 900101-1234567", "서울"},
		{"region", "세종 한누리대로 2130", "세종"},
		{"region", "4111 1111 1111 1111", "other"},
		{"region", "미상", "unknown"},
	} {
		doc := with(t, typ, c.field, `"`+c.text+`"`)
		d := decode(t, typ, doc)
		stored := events.AppendStored(nil, d.Event)
		if want := `"` + c.field + `":"` + c.want + `"`; !strings.Contains(string(stored), want) {
			t.Errorf("%s %q is stored as %s", c.field, c.text, stored)
		}
		e := d.Event.(*events.ParticipantRegistered)
		former := *e
		*map[string]*string{"channel": &former.Channel, "gender": &former.Gender, "ageGroup": &former.AgeGroup, "region": &former.Region}[c.field] = c.text
		if want := events.DigestOf(&former); d.FormerDigest != want {
			t.Errorf("%s %q: the former digest is %x, want %x", c.field, c.text, d.FormerDigest, want)
		}
		other := d.Draft
		other.Digest[0]++
		if d.OutcomeBeside(d.FormerDigest) != events.Duplicate || d.OutcomeBeside(d.Digest) != events.Duplicate || d.OutcomeBeside(other.Digest) != events.Conflict {
			t.Errorf("%s %q: the outcomes beside the events of both releases are not what they should be", c.field, c.text)
		}
		if again := decode(t, typ, with(t, typ, c.field, `"`+c.want+`"`)); again.FormerDigest != (events.Digest{}) || again.Digest != d.Digest {
			t.Errorf("%s %q: %+v", c.field, c.want, again.Draft)
		}
	}
	if full := decode(t, typ, fullJSON(typ)); full.FormerDigest != (events.Digest{}) {
		t.Errorf("nothing is named anew, and there is a former digest %x", full.FormerDigest)
	}
}

// I10: what a shop writes names no person: not the mobile number of anyone.
func TestDecodeRefusesPersonalTexts(t *testing.T) {
	t.Parallel()
	const typ = events.TypeEventCreated
	const want = "a text without the mobile, resident or card number or the mail address of a person"
	for _, field := range []string{"title", "objective"} {
		for text, holds := range map[string]string{
			"문의 010-7777-1009": "a phone number", "당첨자 900101-1234567": "a resident number",
			"입금 4111-1111-1111-1111": "a card number", "신청: kim@naver.com": "a mail address", "%30%31%30-7777-1009": "a phone number",
		} {
			got := refused(t, typ, record(with(t, typ, field, `"`+text+`"`)))
			if diff := cmp.Diff([]events.FieldError{{Field: field, Problem: "holds " + holds, Want: want}}, got); diff != "" {
				t.Errorf("%s %q (-want +got):\n%s", field, text, diff)
			}
		}
		decode(t, typ, with(t, typ, field, `"문의 02-345-6789, 1588-1234, 070-1234-5678"`))
	}
}

// I10: of each event only the fields of its contract are stored, whatever else its record has.
func TestDecodeStoresTheContractsFieldsAlone(t *testing.T) {
	t.Parallel()
	const unknown = `"ownerPhone":"010-7777-1009","rrn":"900101-1234567","memo":{"mail":"kim@naver.com","cards":["4111-1111-1111-1111"]},"phoneNumbers":["01077771009"],"movedBy":"kim@naver.com","movedWhy":"010-7777-1009","pseudonym":"x","redacted":true,"erased":true`
	fields := map[events.Type][]string{
		events.TypeEventCreated: {
			"eventId", "storeId", "title", "objective", "createdAt", "startsAt", "endsAt", "prizeCost", "platformCost", "expectedSalesIncrease", "baselineSales", "newCustomerLtv", "goal", "metric", "target",
		},
		events.TypeParticipantRegistered: {"participantId", "eventId", "registeredAt", "channel", "newCustomer", "gender", "ageGroup", "region"},
		events.TypeDistributionCompleted: {"eventId", "distributedChannels", "channel", "cost", "completedAt"},
		events.TypeChannelStatsFetched:   {"eventId", "channel", "fetchedAt", "impressions", "views", "clicks", "likes", "comments", "shares"},
	}
	for _, typ := range events.Types() {
		full := fullJSON(typ)
		if typ == events.TypeEventCreated {
			full = with(t, typ, "goal", `{"metric":"participants","target":1,`+unknown+`}`)
		}
		known := strings.TrimPrefix(full, "{")
		for _, doc := range []string{
			"{" + unknown + "," + known, strings.TrimSuffix(full, "}") + "," + unknown + "}",
			"{" + unknown + "," + strings.ReplaceAll(known, `{"channel"`, `{`+unknown+`,"channel"`),
		} {
			d, err := events.Decode(typ, record(doc), stamp)
			if err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
			stored := string(events.AppendStored(nil, d.Event))
			for i, part := range strings.Split(stored, `"`) {
				if _, after, _ := strings.Cut(stored, `"`+part+`"`); i%2 == 1 && strings.HasPrefix(after, ":") && !slices.Contains(fields[typ], part) {
					t.Errorf("%s is stored with %q: %s", typ, part, stored)
				}
			}
			for _, leak := range []string{"7777", "900101", "naver.com", "4111"} {
				if strings.Contains(stored, leak) {
					t.Errorf("%s is stored with %q: %s", typ, leak, stored)
				}
			}
		}
	}
}
