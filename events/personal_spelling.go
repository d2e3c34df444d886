package events

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxEncodings bounds how often a text is percent-decoded: what was encoded more often is read
// by no program.
const maxEncodings = 4

// plainSpelling returns the text as its spellings have in common: as plainCharacters does, and with
// the signs of a mail address that are spelled out.
func plainSpelling(s string) string { return atSigns(plainCharacters(s)) }

// plainCharacters returns the text without percent encoding, in the compatibility form (NFKC), with
// ASCII digits, dashes and spaces, and without marks and characters that are not visible.
func plainCharacters(s string) string {
	if isPlain(s) {
		return s
	}
	for range maxEncodings {
		next := percentDecoded(s)
		if !isASCII(next) {
			next = strings.Map(plainRune, norm.NFKC.String(strings.Map(dashRune, next)))
		}
		if next == s {
			break
		}
		s = next
	}
	return s
}

// isPlain reports whether the text is of plain characters: of ASCII without percent signs, and of
// Hangul. Nearly all are.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			return false
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !isSyllable(r) {
				return false
			}
			i += size - 1
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// dashRune makes letters that are typed for a dash one, before NFKC makes others of them.
func dashRune(r rune) rune {
	switch r {
	case 'ㅡ', 'ー', 'ｰ', '\u1173':
		return '-'
	default:
		return r
	}
}

func plainRune(r rune) rune {
	switch {
	case r < utf8.RuneSelf, r >= '가' && r <= '힣':
		return r
	case unicode.Is(unicode.Nd, r):
		return digitOf(r)
	case unicode.In(r, unicode.M, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
		return -1
	case unicode.Is(unicode.Pd, r), r == '\u2212':
		return '-'
	case unicode.Is(unicode.Z, r):
		return ' '
	default:
		return r
	}
}

// digitOf returns the ASCII digit of a decimal digit of any script. Unicode keeps the ten of
// each script together, in their order.
func digitOf(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	return r
}

// percentDecoded decodes what is percent-encoded, and leaves other signs as they are.
func percentDecoded(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			high, low := hexOf(s[i+1]), hexOf(s[i+2])
			if high >= 0 && low >= 0 {
				b = append(b, byte(high<<4|low))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func hexOf(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

// atSigns writes the signs of a mail address that are spelled out.
func atSigns(s string) string {
	if !strings.ContainsAny(s, "([") && !strings.Contains(s, "골뱅이") {
		return s
	}
	return strings.NewReplacer(
		" (at) ", "@", "(at)", "@", "(AT)", "@", " [at] ", "@", "[at]", "@", "[AT]", "@", " 골뱅이 ", "@", "골뱅이", "@",
		" (dot) ", ".", "(dot)", ".", "(DOT)", ".", " [dot] ", ".", "[dot]", ".", "[DOT]", ".",
	).Replace(s)
}
