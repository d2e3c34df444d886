package events

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner cuts the JSON that nearly all records are made of: without escapes, with whole numbers,
// with few members and little depth. It gives up on anything else, right or wrong, and the strict
// decoder judges that. What it accepts the strict decoder accepts, and cuts in the same places
// (FuzzCut).
type scanner struct {
	src []byte
	i   int
}

// maxCutDepth is how deep values are nested that a [scanner] moves past.
const maxCutDepth = 4

// cut cuts src, one object and nothing else.
func (m *members) cut(src []byte) bool {
	s := scanner{src: src}
	s.space()
	if !s.members(m, maxCutDepth) {
		return false
	}
	s.space()
	return s.i == len(src)
}

// members cuts the object that comes next.
func (s *scanner) members(into *members, depth int) bool {
	if !s.byte('{') {
		return false
	}
	if s.space(); s.byte('}') {
		return true
	}
	for {
		name, ok := s.text()
		if !ok || into.n == len(into.room) || into.has(name) {
			return false
		}
		if s.space(); !s.byte(':') {
			return false
		}
		s.space()
		start := s.i
		if !s.value(depth) {
			return false
		}
		into.add(member{name, s.src[start:s.i]})
		s.space()
		switch {
		case s.byte('}'):
			return true
		case !s.byte(','):
			return false
		}
		s.space()
	}
}

// elements cuts the array that comes next.
func (s *scanner) elements(into []jsontext.Value, depth int) ([]jsontext.Value, bool) {
	if !s.byte('[') {
		return nil, false
	}
	if s.space(); s.byte(']') {
		return into, true
	}
	for {
		start := s.i
		if !s.value(depth) {
			return nil, false
		}
		into = append(into, s.src[start:s.i])
		s.space()
		switch {
		case s.byte(']'):
			return into, true
		case !s.byte(','):
			return nil, false
		}
		s.space()
	}
}

// value moves past the value that comes next.
func (s *scanner) value(depth int) bool {
	if s.i == len(s.src) {
		return false
	}
	switch s.src[s.i] {
	case '"':
		_, ok := s.text()
		return ok
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '{':
		var inner members
		return depth > 0 && s.members(&inner, depth-1)
	case '[':
		if depth == 0 {
			return false
		}
		_, ok := s.elements(nil, depth-1)
		return ok
	default:
		return s.whole()
	}
}

// text moves past a string and returns what is between its quotes.
func (s *scanner) text() ([]byte, bool) {
	if !s.byte('"') {
		return nil, false
	}
	start := s.i
	s.i += plainBytes(s.src[start:])
	if s.byte('"') {
		return s.src[start : s.i-1], true
	}
	// The rest is not ASCII, or no text to be cut.
	n := bytes.IndexByte(s.src[s.i:], '"')
	if n < 0 || !plainText(string(s.src[s.i:s.i+n])) {
		return nil, false
	}
	text := s.src[start : s.i+n]
	s.i += n + len(`"`)
	return text, true
}

// plainText reports whether a JSON string holds the text, of valid UTF-8, as it is.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.ValidString(s)
}

// plainBytes returns how many bytes of b precede the first that is not ASCII, or that a JSON
// string does not hold as it is: a quote, a backslash and a control character.
func plainBytes(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		// A borrow comes from a lower byte, and that is the first one then.
		if odd := (w | (w - ' '*ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones)) & highs; odd != 0 {
			return n + bits.TrailingZeros64(odd)/8
		}
	}
	for ; n < len(b); n++ {
		if c := b[n]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// whole moves past a number without fraction and exponent. Nothing that is cut follows a number
// with one.
func (s *scanner) whole() bool {
	s.byte('-')
	start := s.i
	for s.i < len(s.src) && isDigit(s.src[s.i]) {
		s.i++
	}
	return s.i > start && (s.src[start] != '0' || s.i == start+1)
}

func (s *scanner) word(w string) bool {
	if len(s.src)-s.i < len(w) || string(s.src[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// byte moves past c where it comes next.
func (s *scanner) byte(c byte) bool {
	if s.i == len(s.src) || s.src[s.i] != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) space() {
	for s.i < len(s.src) {
		switch s.src[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}
