package privacy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"jangbu/events"
)

// mention is what a record is searched for: a campaign and, where any is given, a person of
// it. The record may be of any form, because it is one that could not be decoded.
type mention struct {
	campaign     events.Campaign
	phone        string // in E.164 form, or empty
	participants []string
}

// in reports whether the record names the campaign and the person. What is too much costs a
// dead letter's record; what is too little leaves a person in one.
func (m *mention) in(rec events.Record) bool {
	anyone := m.phone == "" && len(m.participants) == 0
	campaign, person := string(rec.Key) == string(m.campaign), anyone
	look := func(text string) {
		campaign = campaign || text == string(m.campaign)
		person = person || m.names(text)
	}
	look(string(rec.Key))
	for _, h := range rec.Headers {
		look(h.Key)
		look(string(h.Value))
	}
	texts(rec.Value, 0, look)
	return campaign && person
}

// names reports whether the text is or holds a name of the person.
func (m *mention) names(text string) bool {
	if slices.Contains(m.participants, text) {
		return true
	}
	if m.phone == "" {
		return false
	}
	if e164, err := events.NormalizePhone(text); err == nil && e164 == m.phone {
		return true
	}
	const enough = 8 // digits: fewer occur by chance
	national := m.phone[1:]
	if rest, korean := strings.CutPrefix(national, "82"); korean {
		national = rest
	}
	return len(national) >= enough && strings.Contains(onlyDigits(text), national)
}

// onlyDigits returns the digits of the text, full-width ones too.
func onlyDigits(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r >= '０' && r <= '９' {
			r -= '０' - '0'
		}
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// maxNesting bounds JSON within texts of JSON.
const maxNesting = 4

// texts calls look with every word and every text of the value, whether or not it is JSON:
// what is between quotes, without its escapes, and what is between other signs of JSON. It
// looks into texts that hold JSON, also in base64.
func texts(value []byte, nesting int, look func(string)) {
	for len(value) > 0 {
		if value[0] == '"' {
			text, rest := quoted(value[1:])
			look(text)
			inner := []byte(text)
			if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) > 0 && bytes.IndexByte(raw, '"') >= 0 {
				inner = raw
			}
			if nesting < maxNesting && bytes.IndexByte(inner, '"') >= 0 {
				texts(inner, nesting+1, look)
			}
			value = rest
			continue
		}
		n := bytes.IndexAny(value, "\"{}[]:,\r\n;|\x00")
		if n < 0 {
			n = len(value)
		}
		if word := strings.TrimSpace(string(value[:n])); word != "" {
			look(word)
			for part := range strings.FieldsSeq(word) {
				look(part)
			}
		}
		if value = value[n:]; len(value) > 0 && value[0] != '"' {
			value = value[1:]
		}
	}
}

// quoted returns the text up to its closing quote, or to the end, and what follows.
func quoted(value []byte) (text string, rest []byte) {
	end := 0
	for end < len(value) && value[end] != '"' {
		if value[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(value))
	return unescaped(value[:end]), value[min(end+1, len(value)):]
}

// unescaped returns the text that JSON escapes so; a text that it does not is left as it is.
func unescaped(escaped []byte) string {
	var text string
	if bytes.IndexByte(escaped, '\\') < 0 || json.Unmarshal(append(append([]byte{'"'}, escaped...), '"'), &text) != nil {
		return string(escaped)
	}
	return text
}
