package events

import (
	"errors"
	"time"
)

const secondsADay = 24 * 60 * 60

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
	if year > 9999 || month-1 > 11 || day-1 >= daysOf(month, year) || hour > 23 || minute > 59 || second > 59 {
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
	seconds := secondsADay*daysBefore(year, month, day) + int64(hour*3600+minute*60+second)
	switch zone := s[at:]; {
	case len(zone) == 1 && zone[0] == 'Z':
	case len(zone) == len("+09:00") && zone[3] == ':' && (zone[0] == '+' || zone[0] == '-'):
		hours, minutes := twoDigits(zone[1:]), twoDigits(zone[4:])
		if hours > 23 || minutes > 59 {
			return t, false
		}
		offset := int64(hours*3600 + minutes*60)
		if zone[0] == '+' {
			offset = -offset
		}
		seconds += offset
	default:
		return t, false
	}
	return time.Unix(seconds, int64(nanos)).UTC(), true
}

// twoDigits returns the number that two bytes are; one above 9999 where they are no digits.
func twoDigits(s []byte) uint {
	tens, units := uint(s[0]-'0'), uint(s[1]-'0')
	if tens > 9 || units > 9 {
		return 10_000
	}
	return 10*tens + units
}

func daysOf(month, year uint) uint {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// The calendar repeats every 400 years, which are its days; it is computed for years that begin
// with March, so that a leap day ends one.
const (
	days400    = 146_097
	daysTo1970 = 719_468 // from 1 March of the year 0
)

// daysBefore returns the days from 1 January 1970 to a date, of the years 0 to 9999.
func daysBefore(year, month, day uint) int64 {
	year += 400
	if month <= 2 {
		year, month = year-1, month+12
	}
	ofYear := (153*(month-3)+2)/5 + day - 1
	return int64(365*year+year/4-year/100+year/400+ofYear) - daysTo1970 - days400
}

// appendInstant appends a time in UTC as [time.RFC3339Nano] formats it.
func appendInstant(dst []byte, t time.Time) []byte {
	const first, last = -62_167_219_200, 253_402_300_799 // of the years 0 to 9999
	unix := t.Unix()
	if unix < first || unix > last {
		return t.UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	seconds := uint64(unix - first)
	days, seconds := seconds/secondsADay, seconds%secondsADay
	// As in daysBefore, from 1 March of the year -400 on: 1 January of 0 is 146,097 - 60 days later.
	days += days400 - 60
	year400, days := days/days400, days%days400
	year := (days - days/1460 + days/36_524 - days/146_096) / 365
	ofYear := days - (365*year + year/4 - year/100)
	month := (5*ofYear + 2) / 153
	day := ofYear - (153*month+2)/5 + 1
	year += 400 * year400
	if month += 3; month > 12 {
		year, month = year+1, month-12
	}
	year -= 400
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), month)
	dst = appendTwo(append(dst, '-'), day)
	dst = appendTwo(append(dst, 'T'), seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if nanos := t.Nanosecond(); nanos > 0 {
		dst = append(dst, '.')
		for unit := int(time.Second) / 10; nanos > 0; unit /= 10 {
			dst = append(dst, byte('0'+nanos/unit))
			nanos %= unit
		}
	}
	return append(dst, 'Z')
}

func appendTwo(dst []byte, n uint64) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
