package events

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longest = 20 // digits of a number that is looked for, at most
	// widest is how many bytes separate two groups of digits of one number, at most.
	widest = 8
)

// group is digits of a plain text without anything between them.
type group struct {
	start, end int
	plus       bool // a plus sign precedes it, and no letter or digit that
}

func (g group) len() int { return g.end - g.start }

// findNumber finds a number in the runs of digits and separators of a plain text. Letters end a
// run. A number is made of whole groups of a run: a long counter that holds the digits of a
// phone number is none.
func findNumber(s string, r strictness) found {
	digits := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			digits++
		}
	}
	if digits < fewest {
		return found{}
	}
	var room [16]group
	run := room[:0]
	judge := func() found {
		at := findInRun(s, run, r)
		run = run[:0]
		return at
	}
	for i := 0; i < len(s); {
		if c := s[i]; !isAlnum(c) && c < utf8.RuneSelf {
			i++
			continue
		}
		if i == 0 || hexOf(s[i-1]) < 0 || len(s)-i >= uuidBytes && s[i+8] == '-' {
			if end := opaque(s, i); end > i {
				if at := judge(); at.kind != NothingPersonal {
					return at
				}
				i = end
				continue
			}
		}
		if !isDigit(s[i]) {
			c, size := utf8.DecodeRuneInString(s[i:])
			i += size
			if unicode.IsLetter(c) {
				if at := judge(); at.kind != NothingPersonal {
					return at
				}
			}
			continue
		}
		g := group{start: i}
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		g.end = i
		g.plus = hasPlus(s, g.start)
		if n := len(run); n > 0 && g.start-run[n-1].end > widest {
			if at := judge(); at.kind != NothingPersonal {
				return at
			}
		}
		run = append(run, g)
	}
	return judge()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// hasPlus reports whether a plus sign precedes the digits: "+82", "(+82", "+ 82", "+(82", and not
// "1+1".
func hasPlus(s string, at int) bool {
	before := strings.TrimRight(s[:at], " (")
	before, ok := strings.CutSuffix(before, "+")
	if !ok {
		return false
	}
	if before == "" {
		return true
	}
	c := before[len(before)-1]
	return !isAlnum(c) && c < utf8.RuneSelf
}

// opaque returns the end of a token of programs that begins there, whose digits are no number's:
// a UUID, or a hexadecimal id of 64 bits or more; 0 if none does.
func opaque(s string, at int) int {
	end, letters, hex := at, 0, true
	for end < len(s) && isAlnum(s[end]) {
		if hexOf(s[end]) < 0 {
			hex = false
		}
		if !isDigit(s[end]) {
			letters++
		}
		end++
	}
	if !hex {
		return 0
	}
	switch end - at {
	case 8:
		if after := at + uuidBytes; len(s) >= after && isUUID(s[at:after]) && (len(s) == after || !isAlnum(s[after])) {
			return after
		}
	case 16, 24, 32, 40, 64:
		if letters > 0 {
			return end
		}
	}
	return 0
}

// uuidBytes is the length of a UUID in the form of RFC 9562, section 4.
const uuidBytes = 36

// isUUID reports whether the 36 bytes are a UUID of a version and the variant of RFC 9562.
func isUUID(s string) bool {
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if hexOf(s[i]) < 0 {
				return false
			}
		}
	}
	return s[14] >= '1' && s[14] <= '8' && strings.IndexByte("89abAB", s[19]) >= 0
}

// findInRun finds a number among the stretches of groups of a run.
func findInRun(s string, run []group, r strictness) found {
	for i := range run {
		w := window{first: i == 0, plus: run[i].plus, even: true}
		w.afterDate = i > 0 && (run[i-1].len() <= 2 || isYear(s[run[i-1].start:run[i-1].end]))
		for j := i; j < len(run); j++ {
			g := run[j]
			if w.n+g.len() > longest {
				break
			}
			if j > i {
				w.cuts[w.groups] = w.n
				w.add(s[run[j-1].end:g.start])
			}
			copy(w.digits[w.n:], s[g.start:g.end])
			w.n += g.len()
			w.groups++
			w.last = j == len(run)-1
			w.whole = w.first && w.last
			if kind := w.judge(r); kind != NothingPersonal {
				return found{kind, run[i].start, g.end}
			}
		}
	}
	return found{}
}

func isYear(s string) bool {
	return len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// window is a stretch of a run's groups, as one number.
type window struct {
	digits [longest]byte
	n      int
	// cuts are where its groups begin, but for the first.
	cuts      [longest + 1]int
	groups    int
	separator string // between the first two groups
	even      bool   // all groups are separated so
	comma     bool   // some by a comma
	whole     bool   // it is the whole run
	last      bool   // it ends the run
	plus      bool
	first     bool // it begins the run
	afterDate bool // a year, a month or a day may precede it
}

func (w *window) add(separator string) {
	if w.groups == 1 {
		w.separator = separator
	}
	w.even = w.even && separator == w.separator
	w.comma = w.comma || strings.Contains(separator, ",")
}

// cutAt reports whether each cut is one of those.
func (w *window) cutAt(allowed ...int) bool {
	for _, c := range w.cuts[1:max(w.groups, 1)] {
		ok := false
		for _, a := range allowed {
			ok = ok || c == a
		}
		if !ok {
			return false
		}
	}
	return true
}

// judge returns the kind of number that the window is.
func (w *window) judge(r strictness) Personal {
	d := string(w.digits[:w.n])
	switch {
	case w.n < fewest:
		return NothingPersonal
	case w.isResident(d):
		return PersonalResident
	case w.isCard(d):
		return PersonalCard
	case w.isPhone(d, r):
		return PersonalPhone
	default:
		return NothingPersonal
	}
}
