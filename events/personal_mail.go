package events

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// findMail finds a mail address: a local part, an @, and a domain whose last label is of
// letters. "@shop.kr", which names an account of a social network, and "p@shop-1" are none. In a
// text for readers the local part is of ASCII: "팔로우@shop.kr" names an account too.
func findMail(s string, r strictness) found {
	for from := 0; ; {
		at := strings.IndexByte(s[from:], '@')
		if at < 0 {
			return found{}
		}
		at += from
		from = at + 1
		start := at
		for start > 0 {
			c, size := utf8.DecodeLastRuneInString(s[:start])
			if !isLocal(c, r) {
				break
			}
			start -= size
		}
		if start == at {
			continue
		}
		if end := domainEnd(s, at+1); end > 0 {
			return found{PersonalMail, start, end}
		}
	}
}

func isLocal(c rune, r strictness) bool {
	if c < utf8.RuneSelf {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._%+-'&=", c)
	}
	return r == ofID && (unicode.IsLetter(c) || unicode.IsNumber(c))
}

// domainEnd returns where the domain that begins there ends; 0 if none does. Its last label is
// of at least two letters.
func domainEnd(s string, start int) int {
	end, label, labels, letters := 0, start, 0, true
	for i, c := range s[start:] {
		at := start + i
		switch {
		case c == '.':
			if at == label {
				return end
			}
			labels++
			label, letters = at+1, true
			continue
		case unicode.IsLetter(c):
		case c >= '0' && c <= '9', c == '-':
			letters = false
		default:
			return end
		}
		next := at + utf8.RuneLen(c)
		if named := strings.HasPrefix(s[label:], "xn--"); labels > 0 && (letters || named) && utf8.RuneCountInString(s[label:next]) >= 2 {
			end = next
		}
	}
	return end
}
