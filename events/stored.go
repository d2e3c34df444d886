package events

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Form is a version of the stored form of events.
type Form uint8

// CurrentForm is that which [AppendStored] writes. [DecodeStored] reads it and every
// earlier one: form 1 also kept the members that no contract lists.
const CurrentForm Form = 2

// AppendStored appends the event's stored form to dst: one JSON object without
// white space, its members in the contract's order. Absent members are left out.
// Equal events have equal stored forms, and [DecodeStored] accepts no other form. It
// has no member for a phone number: ParticipantRegistered carries its pseudonym
// instead (I10), and an erased one has neither.
func AppendStored(dst []byte, e Event) []byte {
	w := storedWriter{b: append(dst, '{')}
	switch e := e.(type) {
	case *EventCreated:
		w.text(`"eventId":`, string(e.Campaign))
		w.text(`"storeId":`, string(e.Shop))
		w.text(`"title":`, e.Title)
		w.text(`"objective":`, e.Objective)
		w.instant(`"createdAt":`, e.CreatedAt)
		w.instant(`"startsAt":`, e.StartsAt)
		w.instant(`"endsAt":`, e.EndsAt)
		w.won(`"prizeCost":`, e.PrizeCost)
		w.won(`"platformCost":`, e.PlatformCost)
		w.won(`"expectedSalesIncrease":`, e.ExpectedSalesIncrease)
		w.won(`"baselineSales":`, e.BaselineSales)
		w.won(`"newCustomerLtv":`, e.NewCustomerLTV)
		if g := e.Goal; g != nil {
			w.name(`"goal":{`)
			w.text(`"metric":`, string(g.Metric))
			w.whole(`"target":`, &g.Target)
			w.b = append(w.b, '}')
		}
		w.optionalText(`"movedBy":`, e.MovedBy)
		w.optionalText(`"movedWhy":`, e.MovedWhy)
		w.redacted(e.Redacted)
	case *ParticipantRegistered:
		if e.Erased() {
			w.name(`"erased":`)
			w.b = append(w.b, "true"...)
		} else {
			w.text(`"participantId":`, e.Participant)
		}
		w.text(`"eventId":`, string(e.Campaign))
		if e.Pseudonym != (Pseudonym{}) {
			w.name(`"pseudonym":`)
			w.b = append(w.b, '"')
			w.b = base64.RawURLEncoding.AppendEncode(w.b, e.Pseudonym[:])
			w.b = append(w.b, '"')
		}
		w.instant(`"registeredAt":`, e.RegisteredAt)
		w.optionalText(`"channel":`, e.Channel)
		if e.NewCustomer != nil {
			w.name(`"newCustomer":`)
			w.b = strconv.AppendBool(w.b, *e.NewCustomer)
		}
		w.optionalText(`"gender":`, e.Gender)
		w.optionalText(`"ageGroup":`, e.AgeGroup)
		w.optionalText(`"region":`, e.Region)
		w.redacted(e.Redacted)
	case *DistributionCompleted:
		w.text(`"eventId":`, string(e.Campaign))
		w.name(`"distributedChannels":`)
		w.b = append(w.b, '[')
		for i, d := range e.Channels {
			if i > 0 {
				w.b = append(w.b, ',')
			}
			w.b = append(w.b, '{')
			w.text(`"channel":`, string(d.Channel))
			w.won(`"cost":`, d.Cost)
			w.b = append(w.b, '}')
		}
		w.b = append(w.b, ']')
		w.instant(`"completedAt":`, e.CompletedAt)
	case *ChannelStatsFetched:
		w.text(`"eventId":`, string(e.Campaign))
		w.text(`"channel":`, string(e.Channel))
		w.instant(`"fetchedAt":`, e.FetchedAt)
		w.whole(`"impressions":`, e.Impressions)
		w.whole(`"views":`, e.Views)
		w.whole(`"clicks":`, e.Clicks)
		w.whole(`"likes":`, e.Likes)
		w.whole(`"comments":`, e.Comments)
		w.whole(`"shares":`, e.Shares)
	case *EventsWithdrawn:
		w.text(`"eventId":`, string(e.Campaign))
		w.name(`"positions":`)
		for i, p := range e.Positions {
			w.b = strconv.AppendInt(append(w.b, "[,"[min(i, 1)]), int64(p), 10)
		}
		w.b = append(w.b, ']')
		w.text(`"who":`, e.Who)
		w.text(`"why":`, e.Why)
	}
	return append(w.b, '}')
}

// redactedMember ends the stored form of an event that was redacted.
const redactedMember = `,"redacted":true`

// storedWriter appends members; callers pass each name with its quotes and colon.
type storedWriter struct{ b []byte }

func (w *storedWriter) name(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, name...)
}

func (w *storedWriter) text(name, s string) {
	w.name(name)
	// The only error of AppendQuote is invalid UTF-8, which Decode refuses.
	w.b, _ = jsontext.AppendQuote(w.b, s)
}

func (w *storedWriter) optionalText(name, s string) {
	if s != "" {
		w.text(name, s)
	}
}

func (w *storedWriter) instant(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	w.name(name)
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

func (w *storedWriter) redacted(is bool) {
	if is {
		w.b = append(w.b, redactedMember...)
	}
}

func (w *storedWriter) won(name string, v *Won) { w.whole(name, (*int64)(v)) }

func (w *storedWriter) whole(name string, v *int64) {
	if v != nil {
		w.name(name)
		w.b = strconv.AppendInt(w.b, *v, 10)
	}
}

// DecodeStored is the inverse of [AppendStored]. It is fast, for replays: it
// relies on the order of the members and copies the payload once, for all texts of
// the event. Any other form is an error. It drops what form 1 also kept: members that
// the contract does not list, behind those that it does.
func DecodeStored(form Form, t Type, payload []byte) (Event, error) {
	if form < 1 || form > CurrentForm {
		return nil, fmt.Errorf("decode stored event: form %d is not of this program, which reads 1 to %d", form, CurrentForm)
	}
	r := storedReader{s: string(payload), form: form}
	var e Event
	switch t {
	case TypeEventCreated:
		c := &EventCreated{
			Campaign:  Campaign(r.text(`{"eventId":"`)),
			Shop:      Shop(r.text(`,"storeId":"`)),
			Title:     r.text(`,"title":"`),
			Objective: r.text(`,"objective":"`),
		}
		c.CreatedAt = r.optionalInstant(`,"createdAt":"`)
		c.StartsAt = r.optionalInstant(`,"startsAt":"`)
		c.EndsAt = r.optionalInstant(`,"endsAt":"`)
		c.PrizeCost = r.won(`,"prizeCost":`)
		c.PlatformCost = r.won(`,"platformCost":`)
		c.ExpectedSalesIncrease = r.won(`,"expectedSalesIncrease":`)
		c.BaselineSales = r.won(`,"baselineSales":`)
		c.NewCustomerLTV = r.won(`,"newCustomerLtv":`)
		if form > 1 { // in form 1 members of these names are the producer's, and unknown
			c.Goal = r.goal(`,"goal":{"metric":"`)
			c.MovedBy = r.optionalText(`,"movedBy":"`)
			c.MovedWhy = r.optionalText(`,"movedWhy":"`)
			c.Redacted = r.at(redactedMember)
		}
		e = c
	case TypeParticipantRegistered:
		p := new(ParticipantRegistered)
		if e = p; r.at(`{"erased":true`) {
			p.Campaign = Campaign(r.text(`,"eventId":"`))
			p.Channel = r.optionalText(`,"channel":"`)
			p.NewCustomer = r.optionalBool(`,"newCustomer":`)
			break
		}
		p.Participant, p.Campaign = r.text(`{"participantId":"`), Campaign(r.text(`,"eventId":"`))
		r.failed = r.failed || p.Participant == ""
		r.pseudonym(&p.Pseudonym)
		p.RegisteredAt = r.optionalInstant(`,"registeredAt":"`)
		p.Channel = r.optionalText(`,"channel":"`)
		p.NewCustomer = r.optionalBool(`,"newCustomer":`)
		p.Gender = r.optionalText(`,"gender":"`)
		p.AgeGroup = r.optionalText(`,"ageGroup":"`)
		p.Region = r.optionalText(`,"region":"`)
		p.Redacted = r.at(redactedMember)
	case TypeDistributionCompleted:
		d := &DistributionCompleted{Campaign: Campaign(r.text(`{"eventId":"`))}
		d.Channels = r.distributions(`,"distributedChannels":[`)
		d.CompletedAt = r.instant(`,"completedAt":"`)
		e = d
	case TypeChannelStatsFetched:
		s := &ChannelStatsFetched{Campaign: Campaign(r.text(`{"eventId":"`)), Channel: Channel(r.text(`,"channel":"`))}
		s.FetchedAt = r.instant(`,"fetchedAt":"`)
		s.Impressions = r.whole(`,"impressions":`)
		s.Views = r.whole(`,"views":`)
		s.Clicks = r.whole(`,"clicks":`)
		s.Likes = r.whole(`,"likes":`)
		s.Comments = r.whole(`,"comments":`)
		s.Shares = r.whole(`,"shares":`)
		e = s
	case TypeEventsWithdrawn:
		w := &EventsWithdrawn{Campaign: Campaign(r.text(`{"eventId":"`)), Positions: r.positions(`,"positions":[`)}
		w.Who = r.text(`,"who":"`)
		w.Why = r.text(`,"why":"`)
		e = w
	default:
		return nil, fmt.Errorf("decode stored event: type %d is none of the five", t)
	}
	if t != TypeParticipantRegistered && t != TypeEventsWithdrawn { // no form keeps more of these than their fields
		r.skipUnknown()
	}
	r.must("}")
	if r.failed || r.i != len(payload) {
		return nil, fmt.Errorf("decode stored %s: not canonical at byte %d of %d", t, r.i, len(payload))
	}
	return e, nil
}
