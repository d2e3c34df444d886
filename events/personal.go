package events

import "unicode/utf8"

// Personal says what in a text identifies a person.
type Personal uint8

// The kinds.
const (
	NothingPersonal  Personal = iota
	PersonalPhone             // a phone number
	PersonalResident          // a resident or alien registration number (주민등록번호, 외국인등록번호)
	PersonalCard              // the number of a payment card
	PersonalMail              // a mail address
)

// String returns the kind as errors name it, such as "a phone number".
func (k Personal) String() string {
	switch k {
	case PersonalPhone:
		return "a phone number"
	case PersonalResident:
		return "a resident number"
	case PersonalCard:
		return "a card number"
	case PersonalMail:
		return "a mail address"
	default:
		return "nothing personal"
	}
}

// strictness says which of the kinds are looked for: a text may name the land line of a shop, an
// id may not.
type strictness bool

const (
	ofID   strictness = true
	ofText strictness = false
)

// PersonalInID returns the first kind that an id is or holds, or [NothingPersonal].
func PersonalInID(s string) Personal { return personalIn(s, ofID) }

// PersonalInText returns the first kind that a text for readers holds, or [NothingPersonal]. The numbers of shops
// are none: land lines, internet telephony and nationwide numbers.
func PersonalInText(s string) Personal { return personalIn(s, ofText) }

func personalIn(s string, r strictness) Personal {
	switch digits, simple := simpleDigits(s); {
	case !simple:
		return find(plainSpelling(s), r).kind
	case digits < fewest:
		return NothingPersonal
	default:
		return findNumber(s, r).kind
	}
}

// MaskPersonal returns the text with three asterisks in the place of everything that [PersonalInText] finds. A
// text that holds anything is returned in its plain spelling.
func MaskPersonal(s string) string {
	return mask(s, func(plain string) found { return find(plain, ofText) })
}

// personalInWho is [PersonalInText] for who did something, whose mail address may be there.
func personalInWho(s string) Personal {
	return findInWho(plainSpelling(s)).kind
}

// maskWho is [MaskPersonal] for who did something.
func maskWho(s string) string { return mask(s, findInWho) }

func findInWho(plain string) found {
	if at := findNumber(plain, ofText); at.kind != NothingPersonal {
		return at
	}
	return findSpoken(plain)
}

func mask(s string, find func(plain string) found) string {
	if digits, simple := simpleDigits(s); simple && digits < fewest {
		return s
	}
	plain := plainSpelling(s)
	masked := plain
	for at := find(masked); at.kind != NothingPersonal; at = find(masked) {
		masked = masked[:at.start] + "***" + masked[at.end:]
	}
	if masked == plain {
		return s
	}
	return masked
}

// fewest is how many digits a number that is looked for has, at least.
const fewest = 9

// simpleDigits counts the digits of a text, and reports whether all that it may hold are numbers of
// these: it is ASCII, with no mail address and nothing that hides either. Most ids are of this kind.
func simpleDigits(s string) (digits int, simple bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			digits++
		case c >= utf8.RuneSelf, c == '@', c == '%', c == '(', c == '[':
			return 0, false
		}
	}
	return digits, true
}

// found is a kind, and where it is in a plain text.
type found struct {
	kind       Personal
	start, end int
}

func find(s string, r strictness) found {
	if at := findMail(s, r); at.kind != NothingPersonal {
		return at
	}
	if at := findNumber(s, r); at.kind != NothingPersonal {
		return at
	}
	return findSpoken(s)
}
