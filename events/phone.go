package events

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
// Spaces, hyphens, dots, slashes and parentheses may separate digits; those of every script
// are digits, and what is percent-encoded or not visible is no hindrance. The number of a "tel"
// URI (RFC 3966) is taken without its parameters. A leading "00" means "+". A Korean number may be in national
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
	var room [maxPhoneText]byte
	raw, international, ok := phoneDigits(room[:0], subscriberOf(s))
	if !ok {
		return "", ErrPhoneNumber
	}
	digits := string(raw)
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
	line, _ := lineOf(number)
	var fits bool
	switch {
	case trunk || behindCode:
		fits = line != noLine && line != nationwide || !trunk && line == nationwide
	default:
		fits = line == nationwide || line == mobile && len(number) == 10 && number[:2] == "10"
	}
	if !fits {
		return "", ErrPhoneNumber
	}
	return "+82" + number, nil
}

// line is what a Korean number leads to.
type line uint8

const (
	noLine     line = iota
	mobile          // 010, 011, 016 to 019
	internet        // 070
	personal        // 030 and 050: lead on to another number
	land            // an area code
	service         // 060 and 080: who calls, or who is called, pays
	nationwide      // 15, 16 or 18, and six digits: has no trunk prefix
)

// lineOf returns what the number, without its trunk prefix, leads to, and how many digits its
// area or service code has. It is the numbering plan of South Korea (ITU-T E.164, national
// numbering plan +82).
func lineOf(number string) (line, int) {
	n := len(number)
	if n < 8 {
		return noLine, 0
	}
	switch number[:2] {
	case "10":
		if n == 10 {
			return mobile, 2
		}
	case "11", "17", "19":
		if n == 9 || n == 10 {
			return mobile, 2
		}
	case "16", "18", "15":
		switch {
		case n == 8:
			return nationwide, 0
		case number[:2] != "15" && (n == 9 || n == 10):
			return mobile, 2
		}
	case "70":
		if n == 10 {
			return internet, 2
		}
	case "31", "32", "33", "41", "42", "43", "44", "51", "52", "53", "54", "55", "61", "62", "63", "64":
		if n == 9 || n == 10 {
			return land, 2
		}
	case "60", "80":
		if n == 9 || n == 10 {
			return service, 2
		}
	case "30", "50":
		if n == 10 || n == 11 {
			return personal, 3
		}
	default:
		if number[0] == '2' && n <= 9 {
			return land, 1
		}
	}
	return noLine, 0
}

// subscriberOf returns a number without what surrounds it in a "tel" URI (RFC 3966), and in the
// spelling that all have in common: what is copied from a telephone has marks of its direction,
// which are not visible.
func subscriberOf(s string) string {
	if len(s) > MaxIDBytes {
		return s
	}
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < 0x80 && s[i] != '%' && s[i] != ':' && s[i] != ';'
	}
	if plain {
		return s
	}
	s = strings.TrimSpace(plainSpelling(s))
	const scheme = "tel:"
	if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		s, _, _ = strings.Cut(s[len(scheme):], ";")
	}
	return s
}

// phoneDigits appends the digits of s, which is in the plain spelling, without the separators. A
// plus sign may only precede the first digit.
func phoneDigits(dst []byte, s string) (digits []byte, plus, ok bool) {
	if len(s) > maxPhoneText {
		return nil, false, false
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			dst = append(dst, c)
		case '+':
			if plus || len(dst) > 0 {
				return nil, false, false
			}
			plus = true
		case ' ', '\t', '-', '.', '/', '(', ')':
		default:
			return nil, false, false
		}
	}
	return dst, plus, true
}
