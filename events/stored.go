package events

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendStored appends the event's stored form to dst: one JSON object without
// white space, the contract's members first, in the contract's order and only
// where known, then the unknown ones sorted by name. Equal events have equal
// stored forms, and [DecodeStored] reads nothing else. A phone number has no
// place in it: ParticipantRegistered carries its pseudonym instead (I10).
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
		w.extra(e.Extra)
	case *ParticipantRegistered:
		w.text(`"participantId":`, e.Participant)
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
			w.extra(d.Extra)
			w.b = append(w.b, '}')
		}
		w.b = append(w.b, ']')
		w.instant(`"completedAt":`, e.CompletedAt)
		w.extra(e.Extra)
	case *ChannelStatsFetched:
		w.text(`"eventId":`, string(e.Campaign))
		w.text(`"channel":`, string(e.Channel))
		w.instant(`"fetchedAt":`, e.FetchedAt)
		w.figure(`"impressions":`, e.Impressions)
		w.figure(`"views":`, e.Views)
		w.figure(`"clicks":`, e.Clicks)
		w.figure(`"likes":`, e.Likes)
		w.figure(`"comments":`, e.Comments)
		w.figure(`"shares":`, e.Shares)
		w.extra(e.Extra)
	}
	return append(w.b, '}')
}

// storedWriter appends members; each name comes with its quotes and colon.
type storedWriter struct{ b []byte }

func (w *storedWriter) name(name string) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, name...)
}

func (w *storedWriter) text(name, s string) {
	w.name(name)
	// The strict decoder lets no invalid UTF-8 in, AppendQuote's only error.
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

func (w *storedWriter) won(name string, v *Won) { w.figure(name, (*int64)(v)) }

func (w *storedWriter) figure(name string, v *int64) {
	if v != nil {
		w.name(name)
		w.b = strconv.AppendInt(w.b, *v, 10)
	}
}

func (w *storedWriter) extra(members []byte) {
	if len(members) > 0 {
		w.name("")
		w.b = append(w.b, members...)
	}
}

// DecodeStored reads back what [AppendStored] wrote. It is made for replay:
// it knows the order of the members, and copies the payload once, for the
// event's texts to share. Whatever is not a stored form of that type is an error.
func DecodeStored(t Type, payload []byte) (Event, error) {
	r := storedReader{s: string(payload)}
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
		c.Extra = r.extra(t)
		e = c
	case TypeParticipantRegistered:
		p := &ParticipantRegistered{Participant: r.text(`{"participantId":"`), Campaign: Campaign(r.text(`,"eventId":"`))}
		r.pseudonym(&p.Pseudonym)
		p.RegisteredAt = r.optionalInstant(`,"registeredAt":"`)
		p.Channel = r.optionalText(`,"channel":"`)
		p.NewCustomer = r.optionalBool(`,"newCustomer":`)
		p.Gender = r.optionalText(`,"gender":"`)
		p.AgeGroup = r.optionalText(`,"ageGroup":"`)
		p.Region = r.optionalText(`,"region":"`)
		e = p
	case TypeDistributionCompleted:
		d := &DistributionCompleted{Campaign: Campaign(r.text(`{"eventId":"`))}
		d.Channels = r.distributions(`,"distributedChannels":[`)
		d.CompletedAt = r.instant(`,"completedAt":"`)
		d.Extra = r.extra(t)
		e = d
	case TypeChannelStatsFetched:
		s := &ChannelStatsFetched{Campaign: Campaign(r.text(`{"eventId":"`)), Channel: Channel(r.text(`,"channel":"`))}
		s.FetchedAt = r.instant(`,"fetchedAt":"`)
		s.Impressions = r.figure(`,"impressions":`)
		s.Views = r.figure(`,"views":`)
		s.Clicks = r.figure(`,"clicks":`)
		s.Likes = r.figure(`,"likes":`)
		s.Comments = r.figure(`,"comments":`)
		s.Shares = r.figure(`,"shares":`)
		s.Extra = r.extra(t)
		e = s
	default:
		return nil, fmt.Errorf("decode stored event: type %d is none of the four", t)
	}
	r.must("}")
	if r.failed || r.i != len(payload) {
		return nil, fmt.Errorf("decode stored %s: not canonical at byte %d of %d", t, r.i, len(payload))
	}
	return e, nil
}
