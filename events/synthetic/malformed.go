package synthetic

import (
	"strconv"
	"time"

	"jangbu/events"
)

// Way is a way in which a record is malformed.
type Way struct {
	Name   string
	Reason events.Reason // of its dead letter
	// Field is the field that the dead letter's detail must name; "" where not a
	// single field is wrong.
	Field string
}

// Ways returns the ten ways, in the order in which they rotate.
func Ways() []Way {
	return []Way{
		{"truncated", events.ReasonMalformed, ""},
		{"empty", events.ReasonMalformed, ""},
		{"not UTF-8", events.ReasonMalformed, ""},
		{"member twice", events.ReasonMalformed, ""},
		{"no participant", events.ReasonMalformed, "participantId"},
		{"phone number as number", events.ReasonMalformed, "phoneNumber"},
		{"no phone number", events.ReasonMalformed, "phoneNumber"},
		{"not a time", events.ReasonMalformed, "registeredAt"},
		{"from the future", events.ReasonMalformed, "registeredAt"},
		{"unknown type", events.ReasonUnknownType, "ce_type"},
	}
}

// malformedRecord returns a registration that is malformed in the next way.
func (g *Generator) malformedRecord(stamp time.Time) events.Record {
	way := g.ways[(g.malformed-1)%int64(len(g.ways))].Name
	c := &g.campaigns[g.popularity.draw(g.rng)]

	b := append(g.buf[:0], `{"eventId":"`...)
	b = append(append(b, c.id...), '"')
	if way != "no participant" {
		b = append(b, `,"participantId":"bad-`...)
		b = append(strconv.AppendInt(b, g.malformed, 10), '"')
	}
	b = append(b, `,"phoneNumber":`...)
	switch way {
	case "phone number as number":
		b = strconv.AppendUint(b, 1_020_000_000+uint64(g.rng.Uint32N(80_000_000)), 10)
	case "no phone number":
		b = append(b, `"연락처 없음"`...)
	default:
		b = append(g.appendPhone(append(b, '"')), '"')
	}
	b = append(b, `,"registeredAt":"`...)
	switch way {
	case "not a time":
		b = append(b, `어제`...)
	case "from the future":
		b = appendTime(b, stamp.AddDate(1, 0, 0))
	default:
		b = appendTime(b, stamp)
	}
	b = append(b, '"')
	switch way {
	case "truncated":
	case "empty":
		b = b[:0]
	case "not UTF-8": // as from a producer that writes EUC-KR
		b = append(b, ",\"region\":\"\xbc\xad\xbf\xef\"}"...)
	case "member twice":
		b = append(append(append(b, `,"eventId":"`...), c.id...), `"}`...)
	default:
		b = append(b, '}')
	}
	g.buf = b
	rec := g.record(events.TypeParticipantRegistered, c.id, stamp)
	if way == "unknown type" {
		rec.Headers = []events.Header{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: strconv.AppendInt([]byte("bad-"), g.malformed, 10)},
			{Key: "ce_source", Value: []byte("/synthetic")},
			{Key: "ce_type", Value: []byte("ParticipantForgotten")},
		}
	}
	return rec
}
