package events

import "time"

// Decoder decodes records as [Decode] does. Its registrations are in the memory of one [Slab], and
// their phone numbers in one of their own. The zero value is ready for use, by one goroutine.
type Decoder struct {
	o       object
	numbers []string // phone numbers, as they were sent; one piece of memory after another
	digits  texts    // of numbers
}

// Decode is the function [Decode] into d, which is zero after an error.
func (r *Decoder) Decode(d *Decoded, t Type, rec *Record, now time.Time) error {
	err := r.decode(d, t, rec, now)
	if err != nil {
		*d = Decoded{}
	}
	return err
}

func (r *Decoder) decode(d *Decoded, t Type, rec *Record, now time.Time) error {
	if len(rec.Key)+len(rec.Value) > MaxRecordBytes {
		return malformed(FieldError{Problem: "is longer than 1 MiB", Want: "at most 1048576 bytes"})
	}
	if !plausible(rec.Timestamp, now) {
		return malformed(FieldError{
			Field: "Kafka timestamp", Problem: "is not between 2000 and tomorrow", Want: "milliseconds since 1970",
		})
	}
	env, err := openEnvelope(t, rec)
	if err != nil {
		return err
	}
	if env.typ < TypeEventCreated || env.typ > TypeChannelStatsFetched { // none of Types
		return unknownType("")
	}
	if len(env.data) == 0 {
		return malformed(FieldError{Problem: "has no value", Want: "one JSON object"})
	}
	o := &r.o
	o.reset()
	if err := o.parse(env.data); err != nil {
		return malformed(jsonError(err))
	}
	*d = Decoded{Draft: Draft{Origin: Origin{Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset}}}
	stamp := inMicroseconds(rec.Timestamp.UTC())
	if env.typ == TypeParticipantRegistered {
		e := r.registration(d, stamp)
		if len(o.errs) == 0 && o.unlisted {
			d.FormerDigest = e.named()
		}
	} else {
		o.decode(d, env.typ, stamp)
		env.refusePersonal(o)
	}
	if len(o.errs) > 0 {
		return &MalformedError{Fields: o.errs}
	}
	d.Digest = contentDigest(d.Event)
	d.ID = draftID(&d.Draft, &env, stamp)
	if e, ok := d.Event.(*EventCreated); ok && env.id == "" {
		d.Former = formerID(e)
	}
	return nil
}

// registration decodes a ParticipantRegistered.
func (r *Decoder) registration(d *Decoded, stamp time.Time) *ParticipantRegistered {
	o := &r.o
	o.registers = true
	e, newCustomer := o.slab.registration()
	d.Event = e
	e.Participant = o.id("participantId")
	e.Campaign = Campaign(o.id("eventId"))
	d.Phone = r.phone(o.anyID("phoneNumber"))
	e.RegisteredAt, d.OccurredAt = o.occurrence("registeredAt", stamp, false)
	e.Channel = o.label("channel", func(text []byte) string { return string(listedChannel(string(text))) })
	e.NewCustomer = o.boolean("newCustomer", newCustomer)
	e.Gender = o.label("gender", func(text []byte) string { return listedGender(string(text)) })
	e.AgeGroup = o.label("ageGroup", func(text []byte) string { return listedAgeGroup(string(text)) })
	e.Region = o.label("region", func(text []byte) string { return listedRegion(string(text)) })
	o.refuseLeak(d.Phone, e)
	return e
}

// phone returns a phone number as it was sent.
func (r *Decoder) phone(text []byte) PhoneNumber {
	if len(r.numbers) == cap(r.numbers) {
		r.numbers = make([]string, 0, r.o.slab.size)
	}
	r.numbers = append(r.numbers, r.digits.keep(text, slabDigits*r.o.slab.size))
	return PhoneNumber{&r.numbers[len(r.numbers)-1]}
}
