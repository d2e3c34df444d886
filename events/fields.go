package events

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxIDBytes is the longest an id may be.
const MaxIDBytes = 200

// FieldError says what was wrong with one field of a record. It never holds
// the value: that may be, or contain, a phone number (I10).
type FieldError struct {
	Field   string // as in the contract; "" for the record as a whole
	Problem string // what was found
	Want    string // what was expected
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

// object is a JSON object cut into its members, and what was found wrong with them.
type object struct {
	src     []byte
	members []member
	errs    []FieldError
}

type member struct {
	name  []byte         // without quotes; aliases object.src where nothing is escaped
	value jsontext.Value // aliases object.src
	taken bool
}

// parseObject cuts src, strictly: valid UTF-8, no name twice, nothing after it.
// [jsonError] turns its error into one that may be shown.
func parseObject(src []byte) (*object, error) {
	o := &object{src: src, members: make([]member, 0, 16)}
	if err := json.Unmarshal(src, o); err != nil {
		return nil, err
	}
	return o, nil
}

var _ json.UnmarshalerFrom = (*object)(nil)

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (o *object) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if kind := dec.PeekKind(); kind != '{' {
		if kind == 0 {
			return dec.SkipValue() // its error says what is wrong with the text
		}
		return FieldError{Problem: "is " + kindName(kind), Want: "a JSON object"}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := o.next(dec)
		if err != nil {
			return err
		}
		value, err := o.next(dec)
		if err != nil {
			return err
		}
		text, err := unquote(name)
		if err != nil {
			return err
		}
		o.members = append(o.members, member{name: text, value: value})
	}
	_, err := dec.ReadToken()
	return err
}

// next returns the value that comes next as a part of src, which outlives the
// decoder's own buffer.
func (o *object) next(dec *jsontext.Decoder) (jsontext.Value, error) {
	v, err := dec.ReadValue()
	end := int(dec.InputOffset())
	return o.src[end-len(v) : end], err
}

// unquote returns the text of a valid JSON string; it aliases v if it can.
func unquote(v jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	return jsontext.AppendUnquote(nil, v)
}

// jsonError says what is wrong with a text without repeating any of it.
func jsonError(err error) FieldError {
	if f, ok := errors.AsType[FieldError](err); ok {
		return f
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return FieldError{Problem: "a member is there twice" + atByte(err), Want: "each name once"}
	}
	return FieldError{Problem: "is not valid JSON" + atByte(err), Want: "one JSON object in UTF-8"}
}

func atByte(err error) string {
	if s, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return " at byte " + strconv.FormatInt(s.ByteOffset, 10)
	}
	return ""
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	default:
		return "not valid JSON"
	}
}

func (o *object) fail(field, problem, want string) {
	o.errs = append(o.errs, FieldError{Field: field, Problem: problem, Want: want})
}

// take returns the member's value; nil where it is absent or null.
func (o *object) take(name string) jsontext.Value {
	for i := range o.members {
		m := &o.members[i]
		if string(m.name) == name {
			m.taken = true
			if m.value.Kind() == 'n' {
				return nil
			}
			return m.value
		}
	}
	return nil
}

func (o *object) missing(name, want string) { o.fail(name, "is missing", want) }

// stringOf returns the string v and whether it is one.
func (o *object) stringOf(name string, v jsontext.Value, want string) (string, bool) {
	if v.Kind() != '"' {
		o.fail(name, "is "+kindName(v.Kind()), want)
		return "", false
	}
	s, err := unquote(v)
	if err != nil {
		o.fail(name, "is not a valid string", want)
		return "", false
	}
	return string(s), true
}

const wantID = "1 to 200 bytes of text without control characters"

// id takes a required id.
func (o *object) id(name string) string {
	v := o.take(name)
	if v == nil {
		o.missing(name, wantID)
		return ""
	}
	s, ok := o.stringOf(name, v, wantID)
	if ok {
		if problem := idProblem(s); problem != "" {
			o.fail(name, problem, wantID)
		}
	}
	return s
}

func idProblem(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > MaxIDBytes:
		return "is longer than 200 bytes"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "contains a control character"
	default:
		return ""
	}
}

const wantLabel = "at most 200 bytes of text without control characters"

// label takes an optional short text; "" where it is absent or empty.
func (o *object) label(name string) string {
	v := o.take(name)
	if v == nil {
		return ""
	}
	s, ok := o.stringOf(name, v, wantLabel)
	if ok && s != "" {
		if problem := idProblem(s); problem != "" {
			o.fail(name, problem, wantLabel)
		}
	}
	return s
}

const wantText = "text without control characters other than tab and line break"

// text takes a required text of any length.
func (o *object) text(name string) string {
	v := o.take(name)
	if v == nil {
		o.missing(name, wantText)
		return ""
	}
	s, ok := o.stringOf(name, v, wantText)
	if ok && strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}) {
		o.fail(name, "contains a control character", wantText)
	}
	return s
}

func (o *object) boolean(name string) *bool {
	v := o.take(name)
	if v == nil {
		return nil
	}
	if k := v.Kind(); k != 't' && k != 'f' {
		o.fail(name, "is "+kindName(k), "true or false")
		return nil
	}
	b := v.Kind() == 't'
	return &b
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
	return &n
}

// parseWhole reads a JSON number exactly, without a detour through a float.
func parseWhole(v []byte, limit int64) (int64, string) {
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
	wantTime       = "an RFC 3339 time such as 2026-11-23T10:00:00+09:00"
	wantOccurrence = "an RFC 3339 time from 2000 to a day after the record's timestamp"
)

// instant takes an optional time, to the microsecond in UTC; zero where absent.
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
	t = t.UTC().Truncate(time.Microsecond)
	if y := t.Year(); y < 1900 || y > 9998 {
		o.fail(name, "is out of range", "a year from 1900 to 9998")
		return time.Time{}
	}
	return t
}

// parseInstant reads RFC 3339 only: package time alone lets pass an hour of one
// digit, a comma before the fraction and an offset of a day.
func parseInstant(s string) (t time.Time, ok bool) {
	if err := t.UnmarshalText([]byte(s)); err != nil || s[12] == ':' || s[19] == ',' {
		return t, false
	}
	zone := s[len(s)-len("09:00"):]
	return t, s[len(s)-1] == 'Z' || zone[:2] <= "23" && zone[3:] <= "59"
}

// occurrence takes the time at which the event occurred: the field's, or the
// record's timestamp where the field is absent and not required.
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
		if stamp.IsZero() {
			o.fail(name, "is missing, and the record has no timestamp", wantOccurrence)
			return field, field
		}
		occurred = stamp
	}
	switch {
	case occurred.Year() < 2000:
		o.fail(name, "is before the year 2000", wantOccurrence)
	case !stamp.IsZero() && occurred.After(stamp.Add(24*time.Hour)):
		o.fail(name, "is more than a day after the record's timestamp", wantOccurrence)
	}
	return field, occurred
}

// rest returns the members that nobody took, canonical and sorted by name.
func (o *object) rest() []byte {
	var left []member
	for _, m := range o.members {
		if !m.taken {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		return nil
	}
	slices.SortFunc(left, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	var b []byte
	for i, m := range left {
		if i > 0 {
			b = append(b, ',')
		}
		value := m.value.Clone()
		// Numbers stay as they were written: a float would lose digits.
		if err := value.Format(
			jsontext.ReorderRawObjects(true),
			jsontext.CanonicalizeRawInts(false),
			jsontext.CanonicalizeRawFloats(false),
		); err != nil || !utf8.Valid(value) {
			o.fail("", "a member that is not in the contract cannot be kept", "valid JSON")
			return nil
		}
		b, _ = jsontext.AppendQuote(b, m.name)
		b = append(append(b, ':'), value...)
	}
	return b
}
