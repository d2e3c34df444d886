package events

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Sentinels of decoding; [ReasonOf] maps them to a dead letter's reason.
var (
	// ErrMalformed: the record breaks its contract.
	ErrMalformed = errors.New("record is malformed")
	// ErrUnknownType: the record names a type that is none of the four.
	ErrUnknownType = errors.New("record is of an unknown type")
)

// ReasonOf returns the reason of the dead letter for a decoding error.
func ReasonOf(err error) Reason {
	if errors.Is(err, ErrUnknownType) {
		return ReasonUnknownType
	}
	return ReasonMalformed
}

// MalformedError lists all problems of a record. It matches [ErrMalformed] and
// holds no value of the record (I10).
type MalformedError struct {
	Fields []FieldError // at least one
}

// Error returns the field errors, separated by "; also ".
func (e *MalformedError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Error()
	}
	return strings.Join(parts, "; also ")
}

// Is makes the error match [ErrMalformed].
func (e *MalformedError) Is(target error) bool { return target == ErrMalformed }

// PhoneNumber is a phone number that has not yet become a pseudonym. Printed,
// logged or marshalled in any way, it shows as "***" (I10).
type PhoneNumber struct {
	// A pointer, because fmt prints the unexported fields of a struct without
	// calling their methods; of a pointer it prints the address.
	number *string
}

// Reveal returns the number as the producer sent it. Only events/privacy calls it.
func (p PhoneNumber) Reveal() string {
	if p.number == nil {
		return ""
	}
	return *p.number
}

// Format implements [fmt.Formatter] for every verb.
func (p PhoneNumber) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("***")) }

// LogValue implements [slog.LogValuer].
func (p PhoneNumber) LogValue() slog.Value { return slog.StringValue("***") }

// MarshalText implements [encoding.TextMarshaler].
func (p PhoneNumber) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Decoded is a record that conforms to its contract.
type Decoded struct {
	Draft
	// Phone is set for ParticipantRegistered only, whose draft is incomplete until
	// SetPseudonym.
	Phone PhoneNumber
	// Former is the ID under which earlier releases stored an EventCreated whose record
	// named none; zero otherwise. They did not store the record's timestamp, which is part
	// of its ID now, so that ID cannot be made of what they stored.
	Former ID
}

// SetPseudonym completes a decoded ParticipantRegistered: it sets the pseudonym in
// event and digest.
func (d *Decoded) SetPseudonym(p Pseudonym) {
	if e, ok := d.Event.(*ParticipantRegistered); ok {
		e.Pseudonym = p
		d.Digest = d.Digest.WithPseudonym(p)
	}
}

// Decode strictly decodes a record of a topic that carries events of type t. It
// accepts bare JSON and CloudEvents 1.0 in binary and structured mode; the type
// of a CloudEvent, if it has one, overrides t. The record's timestamp is judged here,
// once: no later code meets one that is before 2000 or more than a day after now. Errors
// match [ErrMalformed] or [ErrUnknownType].
func Decode(t Type, rec Record, now time.Time) (d Decoded, err error) {
	var one Decoder
	err = one.Decode(&d, t, &rec, now)
	return d, err
}

// year2000 is the beginning of the first year that is judged plausible, in seconds since 1970.
const year2000 = 946_684_800

// plausible reports whether a record may have the timestamp: producers send 0, and
// micro- and nanoseconds.
func plausible(stamp, now time.Time) bool {
	return !stamp.Before(time.Unix(year2000, 0)) && !stamp.After(now.Add(24*time.Hour))
}

func malformed(f FieldError) error { return &MalformedError{Fields: []FieldError{f}} }

func (o *object) decode(d *Decoded, t Type, stamp time.Time) {
	switch t {
	case TypeEventCreated:
		e := &EventCreated{
			Campaign:  Campaign(o.id("eventId")),
			Shop:      Shop(o.id("storeId")),
			Title:     o.title("title"),
			Objective: o.text("objective"),
		}
		e.CreatedAt, d.OccurredAt = o.occurrence("createdAt", stamp, false)
		e.StartsAt = o.instant("startsAt")
		e.EndsAt = o.instant("endsAt")
		e.PrizeCost = o.won("prizeCost")
		e.PlatformCost = o.won("platformCost")
		e.ExpectedSalesIncrease = o.won("expectedSalesIncrease")
		e.BaselineSales = o.won("baselineSales")
		e.NewCustomerLTV = o.won("newCustomerLtv")
		e.Goal = o.goal("goal")
		d.Event = e
	case TypeDistributionCompleted:
		e := &DistributionCompleted{Campaign: Campaign(o.id("eventId"))}
		e.Channels = o.distributions("distributedChannels")
		e.CompletedAt, d.OccurredAt = o.occurrence("completedAt", stamp, true)
		d.Event = e
	case TypeChannelStatsFetched:
		e := &ChannelStatsFetched{Campaign: Campaign(o.id("eventId"))}
		e.Channel = o.channel("channel", o.take("channel"))
		e.FetchedAt, d.OccurredAt = o.occurrence("fetchedAt", stamp, true)
		before := len(o.errs)
		e.Impressions = o.figure("impressions")
		e.Views = o.figure("views")
		e.Clicks = o.figure("clicks")
		e.Likes = o.figure("likes")
		e.Comments = o.figure("comments")
		e.Shares = o.figure("shares")
		if len(o.errs) == before && e.Impressions == nil && e.Views == nil && e.Clicks == nil &&
			e.Likes == nil && e.Comments == nil && e.Shares == nil {
			o.fail("", "reports no figure", "at least one of impressions, views, clicks, likes, comments, shares")
		}
		d.Event = e
	case TypeParticipantRegistered: // is decoded by registration
	case TypeEventsWithdrawn: // has been refused
	}
}

// named replaces the texts of a decoded registration by what they name: free text of the
// public is not stored (I10). It returns the digest of the event as it was, zero where nothing
// changed.
func (e *ParticipantRegistered) named() (former Digest) {
	now := *e
	now.nameTexts()
	if now.Channel != e.Channel || now.Gender != e.Gender || now.AgeGroup != e.AgeGroup || now.Region != e.Region {
		former = contentDigest(e)
		*e = now
	}
	return former
}

// nameTexts replaces the texts by what they name. A text that is absent stays so.
func (e *ParticipantRegistered) nameTexts() {
	if e.Channel != "" {
		e.Channel = string(ChannelNamed(e.Channel))
	}
	if e.Gender != "" {
		e.Gender = GenderNamed(e.Gender)
	}
	if e.AgeGroup != "" {
		e.AgeGroup = AgeGroupNamed(e.AgeGroup)
	}
	if e.Region != "" {
		e.Region = DistrictNamed(e.Region)
	}
}

// refuseLeak refuses a registration whose phone number also occurs in an id, in another form
// than [PersonalInID] knows: among other digits, or of a kind that occurs in ids by chance.
// Shorter numbers are accepted.
func (o *object) refuseLeak(p PhoneNumber, e *ParticipantRegistered) {
	const enough = 10 // digits, without country code or leading zero
	var room, digits [MaxIDBytes]byte
	number := appendDigits(room[:0], plainCharacters(p.Reveal()))
	if len(number) < enough {
		return
	}
	number = number[len(number)-enough:]
	for _, f := range []struct{ name, value string }{
		{"participantId", e.Participant},
		{"eventId", string(e.Campaign)},
	} {
		if n, simple := simpleDigits(f.value); simple && n < enough || len(f.value) < enough {
			continue
		}
		known := slices.ContainsFunc(o.errs, func(e FieldError) bool { return e.Field == f.name })
		if !known && bytes.Contains(appendDigits(digits[:0], plainCharacters(f.value)), number) {
			o.fail(f.name, "contains the phone number", wantImpersonal)
		}
	}
}

// appendDigits appends the ASCII digits in s.
func appendDigits(dst []byte, s string) []byte {
	for _, c := range []byte(s) {
		if isDigit(c) {
			dst = append(dst, c)
		}
	}
	return dst
}

const wantChannel = "one of wooridongnetv, genietv, instagram, naver, kakao"

func (o *object) channel(name string, v jsontext.Value) Channel {
	if v == nil {
		o.missing(name, wantChannel)
		return ""
	}
	s, ok := o.stringOf(name, v, wantChannel)
	if ok && !Channel(s).Known() {
		o.fail(name, "is none of the five channels", wantChannel)
	}
	return Channel(o.keep(s))
}

func (o *object) distributions(name string) []Distribution {
	const want = "an array of channel names or of {channel, cost}"
	v := o.take(name)
	if v == nil {
		o.missing(name, want)
		return nil
	}
	if v.Kind() != '[' {
		o.fail(name, "is "+kindName(v.Kind()), want)
		return nil
	}
	elements, err := cutArray(v)
	if err != nil {
		o.fail(name, "is not valid JSON", want)
		return nil
	}
	var ds []Distribution
	for i, element := range elements {
		if len(o.errs) > 20 {
			break // bounds the errors of one record (I14)
		}
		at := name + "[" + strconv.Itoa(i) + "]"
		var d Distribution
		switch element.Kind() {
		case '"':
			d.Channel = o.channel(at, element)
		case '{':
			var inner object
			if err := inner.parse(element); err != nil {
				o.fail(at, "is not valid JSON", want)
				continue
			}
			d = inner.distribution()
			for _, f := range inner.errs {
				o.fail(at+"."+f.Field, f.Problem, f.Want)
			}
		default:
			o.fail(at, "is "+kindName(element.Kind()), want)
			continue
		}
		if d.Channel.Known() && slices.ContainsFunc(ds, func(e Distribution) bool { return e.Channel == d.Channel }) {
			o.fail(at, "names a channel for the second time", "each channel once")
		}
		ds = append(ds, d)
	}
	return ds
}

func (o *object) distribution() Distribution {
	return Distribution{Channel: o.channel("channel", o.take("channel")), Cost: o.won("cost")}
}

// cutArray cuts a valid JSON array into its elements.
func cutArray(v jsontext.Value) ([]jsontext.Value, error) {
	s := scanner{src: v}
	if elements, ok := s.elements(nil, maxCutDepth); ok {
		return elements, nil
	}
	dec := jsontext.NewDecoder(strings.NewReader(string(v)))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var elements []jsontext.Value
	for dec.PeekKind() != ']' {
		e, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		elements = append(elements, e.Clone())
	}
	return elements, nil
}
