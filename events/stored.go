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
	b := storedForm(dst)
	switch e := e.(type) {
	case *EventCreated:
		b = b.text(`{"eventId":"`, string(e.Campaign))
		b = b.text(`,"storeId":"`, string(e.Shop))
		b = b.text(`,"title":"`, e.Title)
		b = b.text(`,"objective":"`, e.Objective)
		b = b.instant(`,"createdAt":"`, e.CreatedAt)
		b = b.instant(`,"startsAt":"`, e.StartsAt)
		b = b.instant(`,"endsAt":"`, e.EndsAt)
		b = b.won(`,"prizeCost":`, e.PrizeCost)
		b = b.won(`,"platformCost":`, e.PlatformCost)
		b = b.won(`,"expectedSalesIncrease":`, e.ExpectedSalesIncrease)
		b = b.won(`,"baselineSales":`, e.BaselineSales)
		b = b.won(`,"newCustomerLtv":`, e.NewCustomerLTV)
		if g := e.Goal; g != nil {
			b = b.text(`,"goal":{"metric":"`, string(g.Metric))
			b = b.whole(`,"target":`, &g.Target)
			b = append(b, '}')
		}
		b = b.optionalText(`,"movedBy":"`, e.MovedBy)
		b = b.optionalText(`,"movedWhy":"`, e.MovedWhy)
		b = b.redacted(e.Redacted)
	case *ParticipantRegistered:
		if e.Erased() {
			b = append(b, `{"erased":true`...)
		} else {
			b = b.text(`{"participantId":"`, e.Participant)
		}
		b = b.text(`,"eventId":"`, string(e.Campaign))
		if e.Pseudonym != (Pseudonym{}) {
			b = append(b, pseudonymMember...)
			b = base64.RawURLEncoding.AppendEncode(b, e.Pseudonym[:])
			b = append(b, '"')
		}
		b = b.instant(`,"registeredAt":"`, e.RegisteredAt)
		b = b.optionalText(`,"channel":"`, e.Channel)
		if e.NewCustomer != nil {
			b = strconv.AppendBool(append(b, `,"newCustomer":`...), *e.NewCustomer)
		}
		b = b.optionalText(`,"gender":"`, e.Gender)
		b = b.optionalText(`,"ageGroup":"`, e.AgeGroup)
		b = b.optionalText(`,"region":"`, e.Region)
		b = b.redacted(e.Redacted)
	case *DistributionCompleted:
		b = b.text(`{"eventId":"`, string(e.Campaign))
		b = append(b, `,"distributedChannels":[`...)
		for i, d := range e.Channels {
			if i > 0 {
				b = append(b, ',')
			}
			b = b.text(`{"channel":"`, string(d.Channel))
			b = b.won(`,"cost":`, d.Cost)
			b = append(b, '}')
		}
		b = append(b, ']')
		b = b.instant(`,"completedAt":"`, e.CompletedAt)
		b = b.redacted(e.Redacted)
	case *ChannelStatsFetched:
		b = b.text(`{"eventId":"`, string(e.Campaign))
		b = b.text(`,"channel":"`, string(e.Channel))
		b = b.instant(`,"fetchedAt":"`, e.FetchedAt)
		b = b.whole(`,"impressions":`, e.Impressions)
		b = b.whole(`,"views":`, e.Views)
		b = b.whole(`,"clicks":`, e.Clicks)
		b = b.whole(`,"likes":`, e.Likes)
		b = b.whole(`,"comments":`, e.Comments)
		b = b.whole(`,"shares":`, e.Shares)
		b = b.redacted(e.Redacted)
	case *EventsWithdrawn:
		b = b.text(`{"eventId":"`, string(e.Campaign))
		b = append(b, `,"positions":`...)
		for i, p := range e.Positions {
			b = strconv.AppendInt(append(b, "[,"[min(i, 1)]), int64(p), 10)
		}
		b = append(b, ']')
		b = b.text(`,"who":"`, e.Who)
		b = b.text(`,"why":"`, e.Why)
		b = b.redacted(e.Redacted)
	}
	return append(b, '}')
}

// redactedMember ends the stored form of an event that was redacted.
const redactedMember = `,"redacted":true`

// storedForm is what of an event's stored form is written. Its methods append a member; callers
// pass each name as a [storedReader] reads it. No buffer escapes through it: most are on the stack.
type storedForm []byte

func (b storedForm) text(name, s string) storedForm {
	b = append(b, name...)
	if n := plainBytes([]byte(s)); n < len(s) && !plainText(s[n:]) {
		// The only error of AppendQuote is invalid UTF-8, which Decode refuses. It would make
		// the buffer escape.
		quoted, _ := jsontext.AppendQuote(nil, s)
		return append(b, quoted[1:]...)
	}
	return append(append(b, s...), '"')
}

func (b storedForm) optionalText(name, s string) storedForm {
	if s == "" {
		return b
	}
	return b.text(name, s)
}

func (b storedForm) instant(name string, t time.Time) storedForm {
	if t.IsZero() {
		return b
	}
	return append(appendInstant(append(b, name...), t), '"')
}

func (b storedForm) redacted(is bool) storedForm {
	if !is {
		return b
	}
	return append(b, redactedMember...)
}

func (b storedForm) won(name string, v *Won) storedForm { return b.whole(name, (*int64)(v)) }

func (b storedForm) whole(name string, v *int64) storedForm {
	if v == nil {
		return b
	}
	return strconv.AppendInt(append(b, name...), *v, 10)
}

// DecodeStored is the inverse of [AppendStored]. It is fast, for replays: it
// relies on the order of the members and copies the payload once, for all texts of
// the event. Any other form is an error. It drops what form 1 also kept: members that
// the contract does not list, behind those that it does.
func DecodeStored(form Form, t Type, payload []byte) (Event, error) {
	r := storedReader{s: string(payload), form: form}
	return r.event(nil, t)
}

// event is [DecodeStored] into the memory of a slab. Texts of the event are in the payload's.
func (r *storedReader) event(in *Slab, t Type) (Event, error) {
	if r.form < 1 || r.form > CurrentForm {
		return nil, fmt.Errorf("decode stored event: form %d is not of this program, which reads 1 to %d", r.form, CurrentForm)
	}
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
		if r.form > 1 { // in form 1 members of these names are the producer's, and unknown
			c.Goal = r.goal(`,"goal":{"metric":"`)
			c.MovedBy = r.optionalText(`,"movedBy":"`)
			c.MovedWhy = r.optionalText(`,"movedWhy":"`)
		}
		c.Redacted = r.redacted()
		e = c
	case TypeParticipantRegistered:
		p, newCustomer := in.registration()
		if e = p; r.at(`{"erased":true`) {
			p.Campaign = Campaign(r.text(`,"eventId":"`))
			p.Channel = r.optionalText(`,"channel":"`)
			p.NewCustomer = r.optionalBool(`,"newCustomer":`, newCustomer)
			break
		}
		p.Participant, p.Campaign = r.text(`{"participantId":"`), Campaign(r.text(`,"eventId":"`))
		r.failed = r.failed || p.Participant == ""
		r.pseudonym(&p.Pseudonym)
		p.RegisteredAt = r.optionalInstant(`,"registeredAt":"`)
		p.Channel = r.optionalText(`,"channel":"`)
		p.NewCustomer = r.optionalBool(`,"newCustomer":`, newCustomer)
		p.Gender = r.optionalText(`,"gender":"`)
		p.AgeGroup = r.optionalText(`,"ageGroup":"`)
		p.Region = r.optionalText(`,"region":"`)
		p.Redacted = r.redacted()
	case TypeDistributionCompleted:
		d := &DistributionCompleted{Campaign: Campaign(r.text(`{"eventId":"`))}
		d.Channels = r.distributions(`,"distributedChannels":[`)
		d.CompletedAt = r.instant(`,"completedAt":"`)
		d.Redacted = r.redacted()
		e = d
	case TypeChannelStatsFetched:
		s := &ChannelStatsFetched{Campaign: Campaign(r.text(`{"eventId":"`)), Channel: r.channel(`,"channel":"`)}
		s.FetchedAt = r.instant(`,"fetchedAt":"`)
		s.Impressions = r.whole(`,"impressions":`)
		s.Views = r.whole(`,"views":`)
		s.Clicks = r.whole(`,"clicks":`)
		s.Likes = r.whole(`,"likes":`)
		s.Comments = r.whole(`,"comments":`)
		s.Shares = r.whole(`,"shares":`)
		s.Redacted = r.redacted()
		e = s
	case TypeEventsWithdrawn:
		w := &EventsWithdrawn{Campaign: Campaign(r.text(`{"eventId":"`)), Positions: r.positions(`,"positions":[`)}
		w.Who = r.text(`,"who":"`)
		w.Why = r.text(`,"why":"`)
		w.Redacted = r.redacted()
		e = w
	default:
		return nil, fmt.Errorf("decode stored event: type %d is none of the five", t)
	}
	if t != TypeParticipantRegistered && t != TypeEventsWithdrawn { // no form keeps more of these than their fields
		r.skipUnknown()
	}
	r.must("}")
	if r.failed || r.i != len(r.s) {
		return nil, fmt.Errorf("decode stored %s: not canonical at byte %d of %d", t, r.i, len(r.s))
	}
	return e, nil
}
