package events

import (
	"errors"
	"time"
)

// parseInstant parses RFC 3339.
func parseInstant(s []byte) (t time.Time, ok bool) {
	if t, ok = parseUsualInstant(s); !ok {
		t, ok = parseAnyInstant(s)
	}
	return t, ok
}

// parseAnyInstant parses RFC 3339 strictly: package time also accepts an hour of one
// digit, a comma before the fraction, and an offset of a day.
func parseAnyInstant(s []byte) (t time.Time, ok bool) {
	if err := t.UnmarshalText(s); err != nil || s[12] == ':' || s[19] == ',' {
		return t, false
	}
	zone := s[len(s)-len("09:00"):]
	return t.UTC(), s[len(s)-1] == 'Z' || string(zone[:2]) <= "23" && string(zone[3:]) <= "59"
}

var errInstant = errors.New("expected an RFC 3339 time in UTC")

// parseCanonicalInstant parses the form in which [appendInstant] writes a time in whole
// microseconds.
func parseCanonicalInstant(s string) (time.Time, error) {
	t, ok := parseUsualInstant([]byte(s))
	end := len(s) - 1
	if !ok || s[end] != 'Z' || end > 19 && (end > 26 || s[end-1] == '0') {
		return time.Time{}, errInstant
	}
	return t, nil
}

// parseUsualInstant parses the forms of RFC 3339 that nearly all producers write, several times
// faster than package time, and gives up on any other, right or wrong. What it parses
// parseAnyInstant parses too, as the same time (FuzzInstant).
func parseUsualInstant(s []byte) (t time.Time, ok bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(s) < shortest || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return t, false
	}
	year := 100*twoDigits(s) + twoDigits(s[2:])
	month, day := twoDigits(s[5:]), twoDigits(s[8:])
	hour, minute, second := twoDigits(s[11:]), twoDigits(s[14:]), twoDigits(s[17:])
	if year > 9999 || month-1 > 11 || day-1 > 30 || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	at, nanos := 19, uint(0)
	if s[at] == '.' {
		unit := uint(time.Second)
		for at++; at < len(s) && isDigit(s[at]) && unit > 1; at++ {
			unit /= 10
			nanos += uint(s[at]-'0') * unit
		}
		if at == 20 {
			return t, false
		}
	}
	t = time.Date(int(year), time.Month(month), int(day), int(hour), int(minute), int(second), int(nanos), time.UTC)
	if day > 28 && t.Day() != int(day) { // 31 February and the like
		return t, false
	}
	switch zone := s[at:]; {
	case len(zone) == 1 && zone[0] == 'Z':
	case len(zone) == len("+09:00") && zone[3] == ':' && (zone[0] == '+' || zone[0] == '-'):
		hours, minutes := twoDigits(zone[1:]), twoDigits(zone[4:])
		if hours > 23 || minutes > 59 {
			return t, false
		}
		offset := time.Duration(60*hours+minutes) * time.Minute
		if zone[0] == '+' {
			offset = -offset
		}
		t = t.Add(offset)
	default:
		return t, false
	}
	return t, true
}

// inMicroseconds returns the time without the nanoseconds of its last microsecond.
func inMicroseconds(t time.Time) time.Time {
	return t.Add(-time.Duration(t.Nanosecond() % int(time.Microsecond)))
}

// twoDigits returns the number that two bytes are; one above 9999 where they are no digits.
func twoDigits(s []byte) uint {
	tens, units := uint(s[0]-'0'), uint(s[1]-'0')
	if tens > 9 || units > 9 {
		return 10_000
	}
	return 10*tens + units
}

// appendInstant appends a time in UTC as [time.RFC3339Nano] formats it.
func appendInstant(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, time.RFC3339Nano)
	}
	hour, minute, second := t.Clock()
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), int(month))
	dst = appendTwo(append(dst, '-'), day)
	dst = appendTwo(append(dst, 'T'), hour)
	dst = appendTwo(append(dst, ':'), minute)
	dst = appendTwo(append(dst, ':'), second)
	if nanos := t.Nanosecond(); nanos > 0 {
		dst = append(dst, '.')
		for unit := int(time.Second) / 10; nanos > 0; unit /= 10 {
			dst = append(dst, byte('0'+nanos/unit))
			nanos %= unit
		}
	}
	return append(dst, 'Z')
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
