package privacy

import (
	"errors"
	"strings"
)

// ErrPhoneNumber means that the text is not a phone number. The error never holds the text.
var ErrPhoneNumber = errors.New("is not a phone number; expected a Korean number, or one of another country in international form with a plus sign")

// maxPhoneText bounds the length of a spelling: at most 15 digits, and separators.
const maxPhoneText = 64

// NormalizePhone returns the E.164 form of a phone number, such as
// +821012345678, or [ErrPhoneNumber]. All spellings of one number have one form.
//
// Spaces, hyphens, dots, slashes and parentheses may separate digits; full-width
// digits are digits. A leading "00" means "+". A Korean number may be in national
// form ("010-1234-5678"), or follow 82 with or without the plus sign and the trunk
// prefix ("82 (0)10 …"). It may be a mobile number (010 with 8 digits, 011, 016 to
// 019 with 7 or 8), a land line by area code, internet telephony (070), a personal
// number (050), 030, 060 or 080. Nationwide numbers of 8 digits that begin with
// 15, 16 or 18 (1588-1234) are accepted too, because participants give them, and so
// are mobile numbers without their 0, as spreadsheets leave them (10-1234-5678). A
// number of another country needs its plus sign and 8 to 15 digits, of North
// America exactly 11.
//
// Extensions, Korean numbers without area code and carriers' dialling prefixes
// (001, 00700, …) are refused.
func NormalizePhone(s string) (string, error) {
	digits, international, ok := phoneDigits(s)
	if !ok {
		return "", ErrPhoneNumber
	}
	if !international {
		if rest, found := strings.CutPrefix(digits, "00"); found {
			digits, international = rest, true
		}
	}
	if rest, found := strings.CutPrefix(digits, "82"); found {
		return koreanNumber(rest, true)
	}
	if !international {
		return koreanNumber(digits, false)
	}
	if len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || digits[0] == '1' && len(digits) != 11 {
		return "", ErrPhoneNumber
	}
	return "+" + digits, nil
}

// koreanNumber parses a national number, or the part of a number behind the country
// code. Only behind the country code is the trunk prefix 0 optional.
func koreanNumber(digits string, behindCode bool) (string, error) {
	number, trunk := strings.CutPrefix(digits, "0")
	var fits bool
	switch {
	case trunk || behindCode:
		fits = subscriber(number) || !trunk && nationwide(number)
	default:
		fits = nationwide(number) || len(number) == 10 && number[:2] == "10"
	}
	if !fits {
		return "", ErrPhoneNumber
	}
	return "+82" + number, nil
}

// nationwide reports whether number is a nationwide one, such as 15881234.
func nationwide(number string) bool {
	if len(number) != 8 {
		return false
	}
	switch number[:2] {
	case "15", "16", "18":
		return true
	default:
		return false
	}
}

// subscriber reports whether number, without its trunk prefix, has a known area
// or service code and the right length for it.
func subscriber(number string) bool {
	n := len(number)
	if n < 8 {
		return false
	}
	switch number[:2] {
	case "10", "70":
		return n == 10
	case "11", "16", "17", "18", "19",
		"31", "32", "33", "41", "42", "43", "44", "51", "52", "53", "54", "55", "61", "62", "63", "64",
		"60", "80":
		return n == 9 || n == 10
	case "30", "50": // three digits, then 7 or 8
		return n == 10 || n == 11
	default:
		return number[0] == '2' && n <= 9 // Seoul: one digit, then 7 or 8
	}
}

// phoneDigits removes the separators from s. A plus sign may only precede the first
// digit.
func phoneDigits(s string) (digits string, plus, ok bool) {
	if len(s) > maxPhoneText {
		return "", false, false
	}
	var buf [maxPhoneText]byte
	n := 0
	for _, r := range s {
		if r >= '０' && r <= '９' {
			r -= '０' - '0'
		}
		switch {
		case r >= '0' && r <= '9':
			buf[n] = byte(r)
			n++
		case r == '+' || r == '＋':
			if plus || n > 0 {
				return "", false, false
			}
			plus = true
		case !separates(r):
			return "", false, false
		}
	}
	return string(buf[:n]), plus, true
}

func separates(r rune) bool {
	switch r {
	case ' ', '\t', '\u00a0', '\u3000', // spaces, also those of Korean keyboards
		'-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2212', '－',
		'.', '/', '(', ')', '（', '）':
		return true
	default:
		return false
	}
}
