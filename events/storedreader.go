package events

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// storedReader reads a stored form from the front. After a failure no method moves
// i, which errors report.
type storedReader struct {
	s      string
	i      int
	form   Form
	failed bool
	// numbers are those that whole returned: one allocation for all.
	numbers []int64
	// pseudonymFrom and pseudonymTo are where the member with the pseudonym is; 0 where there is none.
	pseudonymFrom, pseudonymTo int
}

// at moves past s and reports true if s comes next. s is a comma or brace, the
// member's name and colon, and the first quote of a text.
func (r *storedReader) at(s string) bool {
	if r.failed || !strings.HasPrefix(r.s[r.i:], s) {
		return false
	}
	r.i += len(s)
	return true
}

// must moves past s and fails if anything else comes next.
func (r *storedReader) must(s string) bool {
	if !r.at(s) {
		r.failed = true
	}
	return !r.failed
}

func (r *storedReader) text(name string) string {
	if !r.must(name) {
		return ""
	}
	return r.quoted()
}

func (r *storedReader) optionalText(name string) string {
	if !r.at(name) {
		return ""
	}
	s := r.quoted()
	if s == "" {
		r.failed = true // AppendStored leaves out an empty optional text
	}
	return s
}

// quoted reads the rest of a string that [jsontext.AppendQuote] quoted.
func (r *storedReader) quoted() string {
	rest := r.s[r.i:]
	plain := plainBytes([]byte(rest))
	for i := plain; i < len(rest); i++ {
		c := rest[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		inner := rest[:i]
		switch {
		case c == '\\':
			return r.escaped()
		case c != '"', i > plain && !utf8.ValidString(inner[plain:]):
			r.failed = true
			return ""
		}
		r.i += i + 1
		return inner
	}
	r.failed = true
	return ""
}

// escaped reads a string with escapes, after its first quote.
func (r *storedReader) escaped() string {
	end := r.i
	for end < len(r.s) && r.s[end] != '"' {
		if r.s[end] == '\\' {
			end++
		}
		end++
	}
	literal := r.s[r.i-1 : min(end+1, len(r.s))]
	text, err := jsontext.AppendUnquote(nil, literal)
	if again, _ := jsontext.AppendQuote(nil, text); err != nil || string(again) != literal {
		r.failed = true
		return ""
	}
	r.i = end + 1
	return string(text)
}

// token returns the text before the next quote; callers check every byte of it.
func (r *storedReader) token() string {
	s := r.s[r.i:]
	n := strings.IndexByte(s, '"')
	if n < 0 {
		r.failed = true
		return ""
	}
	r.i += n + 1
	return s[:n]
}

func (r *storedReader) instant(name string) time.Time {
	if !r.must(name) {
		return time.Time{}
	}
	return r.timestamp()
}

func (r *storedReader) optionalInstant(name string) time.Time {
	if !r.at(name) {
		return time.Time{}
	}
	return r.timestamp()
}

func (r *storedReader) timestamp() time.Time {
	t, err := parseCanonicalInstant(r.token())
	if err != nil || t.IsZero() {
		r.failed = true
	}
	return t
}

func (r *storedReader) won(name string) *Won { return (*Won)(r.whole(name)) }

func (r *storedReader) whole(name string) *int64 {
	if !r.at(name) {
		return nil
	}
	start := r.i
	var v int64
	for r.i < len(r.s) && r.s[r.i] >= '0' && r.s[r.i] <= '9' && v <= MaxFigure {
		v = v*10 + int64(r.s[r.i]-'0')
		r.i++
	}
	if digits := r.i - start; digits == 0 || digits > 1 && r.s[start] == '0' || v > MaxFigure {
		r.failed = true
	}
	if r.numbers == nil {
		r.numbers = make([]int64, 0, 6) // as many as a form has, but for positions
	}
	r.numbers = append(r.numbers, v)
	return &r.numbers[len(r.numbers)-1]
}

// redacted reads whether the event was redacted; in form 1 the member is the producer's.
func (r *storedReader) redacted() bool { return r.form > 1 && r.at(redactedMember) }

func (r *storedReader) goal(name string) *Goal {
	if !r.at(name) {
		return nil
	}
	g := &Goal{Metric: GoalMetric(r.quoted())}
	target := r.whole(`,"target":`)
	if r.must("}"); target == nil || *target < 1 || *target > MaxGoal || !g.Metric.Known() {
		r.failed = true
		return nil
	}
	g.Target = *target
	return g
}

func (r *storedReader) optionalBool(name string, into *bool) *bool {
	if !r.at(name) {
		return nil
	}
	if *into = r.at("true"); !*into {
		r.must("false")
	}
	return into
}

// channel reads a channel. Rows keep its name, which must not keep the whole event.
func (r *storedReader) channel(name string) Channel {
	text := r.text(name)
	if c := listedChannel(text); c != "" {
		return c
	}
	return Channel(text)
}

func (r *storedReader) pseudonym(p *Pseudonym) {
	from := r.i
	if !r.at(pseudonymMember) {
		return
	}
	s := r.token()
	r.pseudonymFrom, r.pseudonymTo = from, r.i
	var text [43]byte // 256 bits at 6 a character; the last 2 bits are zero
	if len(s) != len(text) || strings.IndexByte("AEIMQUYcgkosw048", s[len(s)-1]) < 0 {
		r.failed = true
		return
	}
	copy(text[:], s)
	// The decoder skips line breaks, hence the count.
	if n, err := base64.RawURLEncoding.Decode(p[:], text[:]); err != nil || n != len(p) || *p == (Pseudonym{}) {
		r.failed = true
	}
}

func (r *storedReader) distributions(name string) []Distribution {
	if !r.must(name) {
		return nil
	}
	var ds []Distribution
	for !r.failed && !r.at("]") {
		if len(ds) > 0 {
			r.must(",")
		}
		d := Distribution{Channel: r.channel(`{"channel":"`), Cost: r.won(`,"cost":`)}
		r.skipUnknown()
		r.must("}")
		ds = append(ds, d)
	}
	return ds
}

// positions reads the positions of an [EventsWithdrawn]: ascending, at least one.
func (r *storedReader) positions(name string) []Position {
	var ps []Position
	for next := name; ; next = "," {
		v := r.whole(next)
		switch {
		case v == nil, len(ps) > 0 && Position(*v) <= ps[len(ps)-1], *v < 1, len(ps) == MaxWithdrawn:
			r.failed = true
		default:
			ps = append(ps, Position(*v))
		}
		if r.failed || r.at("]") {
			return ps
		}
	}
}

// skipUnknown moves past the unknown members of an object of form 1. They are rare.
func (r *storedReader) skipUnknown() {
	if r.form > 1 || !r.at(",") {
		return
	}
	dec := jsontext.NewDecoder(strings.NewReader("{" + r.s[r.i:]))
	members, err := dec.ReadValue()
	if err != nil || len(members) <= len("{}") {
		r.failed = true
		return
	}
	r.i += len(members) - len("{}")
}
