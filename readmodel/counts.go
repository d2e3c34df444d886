package readmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Count is how many participants have a label.
type Count struct {
	Label        string
	Participants int64
}

// Counts counts participants by label: each label once, sorted by its bytes. The zero value
// counts none.
type Counts []Count

// firstCounts is for how many labels there is room at first.
const firstCounts = 4

// Add counts n more participants of a label.
func (c *Counts) Add(label string, n int64) {
	low, high := 0, len(*c)
	for low < high {
		middle := (low + high) / 2
		switch at := &(*c)[middle]; strings.Compare(at.Label, label) {
		case 0:
			at.Participants += n
			return
		case 1:
			high = middle
		default:
			low = middle + 1
		}
	}
	if *c == nil {
		*c = make(Counts, 0, firstCounts)
	}
	*c = slices.Insert(*c, low, Count{label, n})
}

// String returns the counts as stores keep them: one object of JSON, a member for each label.
// Different counts have different texts.
func (c Counts) String() string {
	b := append(make([]byte, 0, 2+24*len(c)), '{')
	for i, n := range c {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, n.Label), ':')
		b = strconv.AppendInt(b, n.Participants, 10)
	}
	return string(append(b, '}'))
}

func appendQuoted(b []byte, label string) []byte {
	if isPlain(label) {
		return append(append(append(b, '"'), label...), '"')
	}
	quoted, err := json.Marshal(label)
	if err != nil {
		panic(fmt.Sprintf("readmodel: quote a label: %v", err)) // a string is always encoded
	}
	return append(b, quoted...)
}

// isPlain reports whether JSON quotes the text as it is.
func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' })
}

// ParseCounts reads what [Counts.String] wrote, or a database made of it.
func ParseCounts(text string) (Counts, error) {
	if c, ok := cutCounts(text); ok {
		return c, nil
	}
	var all map[string]int64
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("read counts: %w", err)
	}
	if all == nil {
		return nil, errors.New("read counts: expected an object")
	}
	var c Counts
	for label, n := range all {
		c.Add(label, n)
	}
	return c, nil
}

// cutCounts reads the text where it is as String writes it of plain labels: with no space, no
// escape, and the labels in order. It reports false of any other.
func cutCounts(text string) (c Counts, ok bool) {
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return nil, false
	}
	if rest == "}" {
		return nil, true
	}
	c = make(Counts, 0, strings.Count(rest, ":"))
	for {
		quoted, after, ok := strings.Cut(rest, `":`)
		if !ok || quoted == "" || quoted[0] != '"' || !isPlain(quoted[1:]) {
			return nil, false
		}
		end := strings.IndexAny(after, ",}")
		if end < 1 {
			return nil, false
		}
		number := after[:end]
		if number[0] == '+' || number[0] == '0' && end > 1 || strings.HasPrefix(number, "-0") {
			return nil, false
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || len(c) > 0 && c[len(c)-1].Label >= quoted[1:] {
			return nil, false
		}
		c = append(c, Count{quoted[1:], n})
		if rest = after[end+1:]; after[end] == '}' {
			return c, rest == ""
		}
	}
}
