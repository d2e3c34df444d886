package archive

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"jangbu/events"
)

// ErrDamaged means that an export, or its manifest, is not as it was written.
var ErrDamaged = errors.New("export is damaged")

// AppendLine appends the event as one JSON object without white space, and
// without the line's end. It has no origin where that is unknown.
func AppendLine(dst []byte, r events.Recorded) []byte {
	dst = append(dst, `{"position":`...)
	dst = strconv.AppendInt(dst, int64(r.Position), 10)
	dst = append(dst, `,"id":"`...)
	dst = append(dst, r.ID.String()...)
	dst = append(dst, `","digest":"`...)
	dst = hex.AppendEncode(dst, r.Digest[:])
	dst = append(dst, `","occurredAt":"`...)
	dst = r.OccurredAt.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","recordedAt":"`...)
	dst = r.RecordedAt.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	if r.Origin.Known() {
		dst = append(dst, `,"topic":`...)
		dst, _ = jsontext.AppendQuote(dst, r.Origin.Topic) // a topic's name is ASCII
		dst = append(dst, `,"partition":`...)
		dst = strconv.AppendInt(dst, int64(r.Origin.Partition), 10)
		dst = append(dst, `,"offset":`...)
		dst = strconv.AppendInt(dst, r.Origin.Offset, 10)
	}
	dst = append(dst, `,"type":"`...)
	dst = append(dst, r.Event.Type().String()...)
	dst = append(dst, `","campaign":`...)
	dst, _ = jsontext.AppendQuote(dst, string(r.Event.Subject())) // no event holds invalid UTF-8, its only error
	dst = append(dst, `,"event":`...)
	dst = events.AppendStored(dst, r.Event)
	return append(dst, '}')
}

// ParseLine is the inverse of [AppendLine]. [ErrDamaged] for any other line.
func ParseLine(line []byte) (events.Recorded, error) {
	return parseFormLine(events.CurrentForm, line)
}

// parseFormLine parses a line whose event has an earlier form, too.
func parseFormLine(form events.Form, line []byte) (events.Recorded, error) {
	r, err := parseLine(form, line)
	if err != nil {
		return events.Recorded{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	// This also checks that both names of the campaign agree, the precision of
	// times, and the order of members. What an earlier form had besides is not kept.
	if form == events.CurrentForm && !bytes.Equal(AppendLine(make([]byte, 0, len(line)), r), line) {
		return events.Recorded{}, fmt.Errorf("%w: the line of position %d is not as it is written", ErrDamaged, r.Position)
	}
	return r, nil
}

func parseLine(form events.Form, line []byte) (r events.Recorded, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"position":`))
	// cut returns the text before the next member. No value can hold the name of a
	// member with unescaped quotes.
	cut := func(next string) (value string) {
		before, after, found := bytes.Cut(rest, []byte(next))
		ok, rest = ok && found, after
		return string(before)
	}
	position := cut(`,"id":"`)
	id := cut(`","digest":"`)
	digest := cut(`","occurredAt":"`)
	occurredAt := cut(`","recordedAt":"`)
	recordedAt, origin, _ := strings.Cut(cut(`,"type":"`), `","topic":`)
	typ := cut(`","campaign":`)
	_ = cut(`,"event":`) // the campaign, which the event names too
	payload, closed := bytes.CutSuffix(rest, []byte(`}`))
	if !ok || !closed {
		return r, errors.New("the line has not its members in their order")
	}
	n, err := strconv.ParseInt(position, 10, 64)
	if err != nil || n < 1 {
		return r, errors.New("position: expected a whole number from 1")
	}
	r.Position = events.Position(n)
	if r.ID, err = events.ParseID(id); err != nil {
		return r, err
	}
	sum, err := hex.DecodeString(digest)
	if err != nil || len(sum) != len(r.Digest) {
		return r, errors.New("digest: expected 64 hexadecimal digits")
	}
	r.Digest = events.Digest(sum)
	if r.OccurredAt, err = instant(occurredAt); err != nil {
		return r, fmt.Errorf("occurredAt: %w", err)
	}
	if r.RecordedAt, err = instant(strings.TrimSuffix(recordedAt, `"`)); err != nil {
		return r, fmt.Errorf("recordedAt: %w", err)
	}
	if origin != "" {
		if r.Origin, err = parseOrigin(origin); err != nil {
			return r, err
		}
	}
	named, known := events.TypeNamed(typ)
	if !known {
		return r, errors.New("type: is none of the four")
	}
	r.Event, err = events.DecodeStored(form, named, payload)
	return r, err
}

// parseOrigin parses an origin from the value of its topic on.
func parseOrigin(s string) (o events.Origin, err error) {
	topic, rest, _ := strings.Cut(s, `,"partition":`)
	partition, offset, _ := strings.Cut(rest, `,"offset":`)
	name, err := jsontext.AppendUnquote(nil, topic)
	if err != nil || len(name) == 0 {
		return o, errors.New("topic: expected a name")
	}
	o.Topic = string(name)
	number, err := strconv.ParseInt(partition, 10, 32)
	if err != nil {
		return o, errors.New("partition: expected a whole number")
	}
	o.Partition = int32(number)
	if o.Offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
		return o, errors.New("offset: expected a whole number")
	}
	return o, nil
}

// instant parses a time of the log: whole microseconds, UTC. A log of an earlier version may
// hold times of years with five or six digits, which RFC 3339 and package time do not know.
func instant(s string) (time.Time, error) {
	year := 0
	if digits := strings.IndexByte(s, '-'); digits == 5 || digits == 6 {
		var err error
		if year, err = strconv.Atoi(s[:digits]); err != nil {
			return time.Time{}, errors.New("expected a year in digits")
		}
		s = strconv.Itoa(2000+year%400) + s[digits:] // the calendar repeats
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if year != 0 {
		t = time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	}
	if err != nil || !t.Equal(t.Truncate(time.Microsecond)) {
		return time.Time{}, errors.New("expected RFC 3339 in whole microseconds, UTC")
	}
	return t.UTC(), nil
}
