package events

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object cut into its members, with the errors found in them.
type object struct {
	src     []byte
	members []member
	errs    []FieldError
}

type member struct {
	name  []byte         // without quotes; aliases object.src where nothing is escaped
	value jsontext.Value // aliases object.src
}

// parseObject cuts src strictly: valid UTF-8, unique names, nothing after the
// object. [jsonError] turns its error into one that holds no value of src.
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

// next returns the next value as a slice of src, which outlives the decoder's own
// buffer.
func (o *object) next(dec *jsontext.Decoder) (jsontext.Value, error) {
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
	for i := range o.members {
		m := &o.members[i]
		if string(m.name) == name {
			if m.value.Kind() == 'n' {
				return nil
			}
			return m.value
		}
	}
	return nil
}
