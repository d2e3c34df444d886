package events

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxIDBytes is the maximum length of an id.
const MaxIDBytes = 200

// FieldError describes a problem of one field of a record. It never holds the
// value, which may contain a phone number (I10).
type FieldError struct {
	Field   string // as in the contract; "" means the whole record
	Problem string // such as "is missing"
	Want    string // the expected form
}

// Error returns "field: problem; expected want".
func (e FieldError) Error() string {
	s := e.Problem
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Want != "" {
		s += "; expected " + e.Want
	}
	return s
}

func (o *object) missing(name, want string) { o.fail(name, "is missing", want) }

// stringOf returns the text of v and whether v is a string.
func (o *object) stringOf(name string, v jsontext.Value, want string) ([]byte, bool) {
	if v.Kind() != '"' {
		o.fail(name, "is "+kindName(v.Kind()), want)
		return nil, false
	}
	if o.unescaped {
		return v[1 : len(v)-1], true
	}
	s, err := unquote(v)
	if err != nil {
		o.fail(name, "is not a valid string", want)
		return nil, false
	}
	return s, true
}

const wantID = "1 to 200 bytes of text without control characters"

const wantImpersonal = "an id without a phone, resident or card number or a mail address"

// id takes a required id that is stored, or hashed without a key, which hides nothing: all
// numbers of 010 hash in seconds (I10).
func (o *object) id(name string) string {
	failed := len(o.errs)
	s := o.keep(o.anyID(name))
	if len(o.errs) == failed {
		o.refusePersonal(name, s)
	}
	return s
}

// refusePersonal refuses an id that is or holds what identifies a person.
func (o *object) refusePersonal(name, id string) {
	if p := PersonalInID(id); p != NothingPersonal {
		o.fail(name, "is or holds "+p.String(), wantImpersonal)
	}
}

// anyID takes a required id that is not stored.
func (o *object) anyID(name string) []byte {
	v := o.take(name)
	if v == nil {
		o.missing(name, wantID)
		return nil
	}
	s, ok := o.stringOf(name, v, wantID)
	if ok {
		if problem := idProblem(s); problem != "" {
			o.fail(name, problem, wantID)
		}
	}
	return s
}

func idProblem(s []byte) string {
	switch {
	case len(s) == 0:
		return "is empty"
	case len(s) > MaxIDBytes:
		return "is longer than 200 bytes"
	case hasControl(s):
		return "contains a control character"
	default:
		return ""
	}
}

func hasControl(s []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= 8; s = s[8:] {
		// As in plainBytes: other than ASCII, below a space, or 0x7f.
		if w := binary.LittleEndian.Uint64(s); (w|(w-' '*ones)|((w^0x7f*ones)-ones))&highs != 0 {
			break
		}
	}
	for i, c := range s {
		switch {
		case c >= utf8.RuneSelf:
			return bytes.ContainsFunc(s[i:], unicode.IsControl)
		case c < ' ', c == 0x7f:
			return true
		}
	}
	return false
}

const wantLabel = "at most 200 bytes of text without control characters"

// label takes an optional short text; "" if it is absent or empty. Callers keep what it names. A
// text that is a name itself, which listed returns, is not copied.
func (o *object) label(name string, listed func(text []byte) string) string {
	v := o.take(name)
	if v == nil {
		return ""
	}
	s, ok := o.stringOf(name, v, wantLabel)
	if is := listed(s); is != "" {
		return is
	}
	if ok && len(s) > 0 {
		o.unlisted = true
		if problem := idProblem(s); problem != "" {
			o.fail(name, problem, wantLabel)
		}
	}
	return o.keep(s)
}

// boolean takes an optional boolean into the given one; nil if it is absent.
func (o *object) boolean(name string, into *bool) *bool {
	v := o.take(name)
	if v == nil {
		return nil
	}
	if k := v.Kind(); k != 't' && k != 'f' {
		o.fail(name, "is "+kindName(k), "true or false")
		return nil
	}
	*into = v.Kind() == 't'
	return into
}

const (
	wantWon    = "whole won from 0 to 9007199254740992"
	wantFigure = "a whole number from 0 to 9007199254740992"
)

func (o *object) won(name string) *Won {
	return (*Won)(o.wholeNumber(name, o.take(name), int64(MaxWon), wantWon))
}

func (o *object) figure(name string) *int64 {
	return o.wholeNumber(name, o.take(name), MaxFigure, wantFigure)
}

// wholeNumber reads a number from 0 to limit. "1.50e1" is whole, "1.5" is not.
func (o *object) wholeNumber(name string, v jsontext.Value, limit int64, want string) *int64 {
	if v == nil {
		return nil
	}
	if v.Kind() != '0' {
		o.fail(name, "is "+kindName(v.Kind()), want)
		return nil
	}
	n, problem := parseWhole(v, limit)
	if problem != "" {
		o.fail(name, problem, want)
		return nil
	}
	return o.number(n)
}

// parseWhole parses a JSON number exactly, not by way of a float (I11). It returns
// the problem, or "".
func parseWhole(v []byte, limit int64) (int64, string) {
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && v[0] != '-' && n <= limit {
		return n, "" // nearly all
	}
	digits, negative := bytes.CutPrefix(v, []byte("-"))
	exponent := 0
	if i := bytes.IndexAny(digits, "eE"); i >= 0 {
		n, err := strconv.Atoi(string(digits[i+1:]))
		if err != nil || n > 1000 || n < -1000 {
			return 0, "has an absurd exponent"
		}
		exponent, digits = n, digits[:i]
	}
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	fraction = bytes.TrimRight(fraction, "0")
	all := string(whole) + string(fraction)
	all = strings.TrimLeft(all, "0")
	exponent -= len(fraction)
	if all == "" {
		return 0, ""
	}
	if negative {
		return 0, "is negative"
	}
	for exponent < 0 && strings.HasSuffix(all, "0") {
		all, exponent = all[:len(all)-1], exponent+1
	}
	if exponent < 0 {
		return 0, "is not whole"
	}
	if len(all)+exponent > 18 {
		return 0, "is too large"
	}
	n, err := strconv.ParseInt(all+strings.Repeat("0", exponent), 10, 64)
	if err != nil || n > limit {
		return 0, "is too large"
	}
	return n, ""
}

const (
	wantGoal   = "{metric, target}"
	wantMetric = "participants or newCustomers"
	wantTarget = "a whole number from 1 to 1000000000"
)

// goal takes an optional goal; nil if it is absent.
func (o *object) goal(name string) *Goal {
	v := o.take(name)
	if v == nil {
		return nil
	}
	if v.Kind() != '{' {
		o.fail(name, "is "+kindName(v.Kind()), wantGoal)
		return nil
	}
	var inner object
	if err := inner.parse(v); err != nil {
		o.fail(name, "is not valid JSON", wantGoal)
		return nil
	}
	g := inner.goalMembers()
	for _, f := range inner.errs {
		o.fail(name+"."+f.Field, f.Problem, f.Want)
	}
	return g
}

func (o *object) goalMembers() *Goal {
	g := new(Goal)
	if v := o.take("metric"); v == nil {
		o.missing("metric", wantMetric)
	} else if s, ok := o.stringOf("metric", v, wantMetric); ok {
		if g.Metric = GoalMetric(s); !g.Metric.Known() {
			o.fail("metric", "is neither of the two", wantMetric)
		}
	}
	v := o.take("target")
	if v == nil {
		o.missing("target", wantTarget)
	} else if n := o.wholeNumber("target", v, MaxGoal, wantTarget); n != nil {
		if g.Target = *n; g.Target < 1 {
			o.fail("target", "is 0", wantTarget)
		}
	}
	return g
}

const (
	wantTime       = "an RFC 3339 time such as 2026-11-23T10:00:00+09:00"
	wantOccurrence = "an RFC 3339 time from 2000 to a day after the record's timestamp"
)

// instant takes an optional time, truncated to microseconds in UTC; zero if absent.
func (o *object) instant(name string) time.Time {
	v := o.take(name)
	if v == nil {
		return time.Time{}
	}
	s, ok := o.stringOf(name, v, wantTime)
	if !ok {
		return time.Time{}
	}
	t, ok := parseInstant(s)
	if !ok {
		o.fail(name, "is not a time", wantTime)
		return time.Time{}
	}
	t = inMicroseconds(t)
	if y := t.Year(); y < 1900 || y > 9998 {
		o.fail(name, "is out of range", "a year from 1900 to 9998")
		return time.Time{}
	}
	return t
}

// occurrence takes the time at which the event occurred: the field, or the
// record's timestamp if the field is absent and not required.
func (o *object) occurrence(name string, stamp time.Time, required bool) (field, occurred time.Time) {
	before := len(o.errs)
	field = o.instant(name)
	if len(o.errs) > before {
		return field, field
	}
	occurred = field
	if field.IsZero() {
		if required {
			o.missing(name, wantOccurrence)
			return field, field
		}
		occurred = stamp
	}
	switch {
	case occurred.Before(time.Unix(year2000, 0)):
		o.fail(name, "is before the year 2000", wantOccurrence)
	case occurred.After(stamp.Add(24 * time.Hour)):
		o.fail(name, "is more than a day after the record's timestamp", wantOccurrence)
	}
	return field, occurred
}
