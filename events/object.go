package events

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object cut into its members, with the errors found in them.
type object struct {
	members
	errs []FieldError
	// unescaped: no text of it has an escape.
	unescaped bool

	// What keep and number returned: one allocation for all texts, and one for all numbers. The
	// texts of a registration are in the slab instead.
	texts     strings.Builder
	numbers   []int64
	registers bool // it is one
	unlisted  bool // a label of it is no name itself
	slab      Slab
}

// reset makes it an object without members. It keeps the slab.
func (o *object) reset() {
	o.n, o.next, o.more = 0, 0, nil
	o.errs, o.unescaped = nil, false
	o.texts, o.numbers, o.registers, o.unlisted = strings.Builder{}, nil, false, false
}

// members are those of a JSON object. Up to the number that any contract has, and some more,
// they are in the value itself: decoding allocates nothing for them.
type members struct {
	room [16]member
	n    int // of room
	next int // in room, behind the member that was taken last
	more []member
}

type member struct {
	name  []byte         // without quotes; aliases the source where nothing is escaped
	value jsontext.Value // aliases the source
}

func (m *members) add(one member) {
	if m.n == len(m.room) {
		m.more = append(m.more, one)
		return
	}
	m.room[m.n] = one
	m.n++
}

// has reports whether room has a member of the name.
func (m *members) has(name []byte) bool {
	for i := range m.n {
		if string(m.room[i].name) == string(name) {
			return true
		}
	}
	return false
}

// parse cuts src strictly: valid UTF-8, unique names, nothing after the
// object. [jsonError] turns its error into one that holds no value of src.
func (o *object) parse(src []byte) error {
	if o.cut(src) {
		o.unescaped = true
		return nil
	}
	var err error
	o.members, err = cutStrictly(src)
	return err
}

func cutStrictly(src []byte) (members, error) {
	strict := strictCut{src: src}
	err := json.Unmarshal(src, &strict)
	return strict.members, err
}

// strictCut cuts any JSON object, or says what is wrong with it.
type strictCut struct {
	src []byte
	members
}

var _ json.UnmarshalerFrom = (*strictCut)(nil)

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (o *strictCut) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if kind := dec.PeekKind(); kind != '{' {
		// PeekKind looks at one byte: to it "not json" is null.
		if err := dec.SkipValue(); err != nil {
			return err
		}
		return FieldError{Problem: "is " + kindName(kind), Want: "a JSON object"}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := o.value(dec)
		if err != nil {
			return err
		}
		value, err := o.value(dec)
		if err != nil {
			return err
		}
		text, err := unquote(name)
		if err != nil {
			return err
		}
		o.add(member{name: text, value: value})
	}
	_, err := dec.ReadToken()
	return err
}

// value returns the next value as a slice of src, which outlives the decoder's own
// buffer.
func (o *strictCut) value(dec *jsontext.Decoder) (jsontext.Value, error) {
	v, err := dec.ReadValue()
	end := int(dec.InputOffset())
	return o.src[end-len(v) : end], err
}

// unquote returns the text of a valid JSON string; without escapes it aliases v.
func unquote(v jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	return jsontext.AppendUnquote(nil, v)
}

// jsonError describes what is wrong with a text without repeating any of it (I10).
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

// take returns the member's value; nil if it is absent or null. Members that are
// not taken are neither refused nor kept.
func (o *object) take(name string) jsontext.Value {
	v := o.find(name)
	if len(v) > 0 && v[0] == 'n' {
		return nil
	}
	return v
}

// find returns the value of the member with the name. It begins behind the last one that was
// found: most producers write the members in the order in which they are taken.
func (m *members) find(name string) jsontext.Value {
	for range m.n {
		if m.next >= m.n {
			m.next = 0
		}
		one := &m.room[m.next]
		m.next++
		if string(one.name) == name {
			return one.value
		}
	}
	for i := range m.more {
		if string(m.more[i].name) == name {
			return m.more[i].value
		}
	}
	return nil
}

// keep returns the text as a string. The texts of one object share their bytes, those of
// registrations that of a slab.
func (o *object) keep(text []byte) string {
	if o.registers {
		return o.slab.text(text)
	}
	if o.texts.Cap() == 0 {
		const most = 1 << 10 // of room; more texts, or other members, may be longer
		size := 0
		for i := range o.n {
			if v := o.room[i].value; v[0] == '"' {
				size += len(v) - len(`""`)
			}
		}
		o.texts.Grow(min(size, most))
	}
	start := o.texts.Len()
	o.texts.Write(text)
	return o.texts.String()[start:]
}

// number returns the address of a number of that value.
func (o *object) number(n int64) *int64 {
	if o.numbers == nil {
		o.numbers = make([]int64, 0, 6) // as many as a contract has
	}
	o.numbers = append(o.numbers, n)
	return &o.numbers[len(o.numbers)-1]
}
