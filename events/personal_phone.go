package events

import "strings"

// isPhone reports whether the digits are a phone number. In a text for readers only a mobile
// number is, and one of another country.
func (w *window) isPhone(d string, s strictness) bool {
	if w.isKorean(d, s) || w.whole && w.isBareMobile(d) {
		return true
	}
	// Numbers of other countries are told by their plus sign alone.
	if !w.plus || !w.last || d[:2] == "82" || len(d) > 15 || d[0] == '0' || d[0] == '1' && (len(d) != 11 || d[1] < '2') {
		return false
	}
	return s == ofID || len(d) >= 10 && !w.comma
}

// isKorean reports whether the digits are a Korean number, in national form or behind the
// country code.
func (w *window) isKorean(d string, s strictness) bool {
	code := 0 // digits before the national number
	for _, prefix := range []string{"82", "0082", "00182", "00282", "00582", "00682", "00882", "0070082"} {
		if strings.HasPrefix(d, prefix) {
			code = len(prefix)
			break
		}
	}
	number, trunk := strings.CutPrefix(d[code:], "0")
	if !trunk && code == 0 {
		return false
	}
	line, area := lineOf(number)
	switch line {
	case mobile:
	case internet, personal:
		if s == ofText || line == personal && (number[0] != '5' || number[1] != '0' || number[2] < '2' || number[2] > '8') {
			return false
		}
	case land:
		// No exchange begins with 0 or 1. Behind a date, the time of a day, and the day and a
		// counter, are as long.
		if s == ofText || number[area] < '2' || !w.first && (w.groups < 3 || w.afterDate) {
			return false
		}
	default:
		return false
	}
	if code == 2 && !w.plus && line != mobile {
		return false
	}
	// Where a number may be cut: behind country code, trunk prefix, area and exchange.
	start := len(d) - len(number)
	if w.cutAt(code, code-2, start, start+area, len(d)-4) {
		return true
	}
	return w.spaced() || line == mobile && w.whole && w.even && (w.cuts[1] == start+area || w.pairs(d))
}

// pairs reports whether the digits are written two by two, as "01 07 77 71 00 9", and are no
// list of days.
func (w *window) pairs(d string) bool {
	days := true
	for i := range w.groups {
		if i > 0 && w.cuts[i] != 2*i {
			return false
		}
		days = days && (2*i+2 > len(d) || d[2*i:2*i+2] <= "31")
	}
	return !days
}

// isBareMobile reports whether the digits are a mobile number without its 0 in the usual groups,
// as "10-1234-5678". A year and a day are as long.
func (w *window) isBareMobile(d string) bool {
	return len(d) == 10 && d[:2] == "10" && w.groups == 3 && w.cutAt(2, 6) && !isYear(d[2:6])
}

// findSpoken finds a mobile number that is read out: "공일공 칠칠칠칠 일공공구", or partly so.
func findSpoken(s string) found {
	if isASCII(s) {
		return found{}
	}
	const enough = 4 // digits that are read out
	var digits []byte
	start, end, spoken := 0, 0, 0
	judge := func() found {
		number, trunk := strings.CutPrefix(string(digits), "0")
		said := spoken
		digits, spoken = digits[:0], 0
		if line, _ := lineOf(number); trunk && line == mobile && said >= enough {
			return found{PersonalPhone, start, end}
		}
		return found{}
	}
	for i, r := range s {
		d := spokenDigit(r)
		switch {
		case d >= 0:
			if len(digits) == 0 {
				start = i
			}
			digits, end = append(digits, byte('0'+d)), i+len(string(r))
			if r >= 0x80 {
				spoken++
			}
		case r == ' ' || r == '-' || r == '.' || r == '에':
		default:
			if at := judge(); at.kind != NothingPersonal {
				return at
			}
		}
	}
	return judge()
}

// spokenDigit returns the digit, also one as it is read out in Korean or Chinese, or -1.
func spokenDigit(r rune) int {
	switch r {
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return int(r - '0')
	case '공', '영', '零', '〇':
		return 0
	case '일', '一':
		return 1
	case '이', '二':
		return 2
	case '삼', '三':
		return 3
	case '사', '四':
		return 4
	case '오', '五':
		return 5
	case '육', '륙', '六':
		return 6
	case '칠', '七':
		return 7
	case '팔', '八':
		return 8
	case '구', '九':
		return 9
	default:
		return -1
	}
}
