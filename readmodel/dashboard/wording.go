package dashboard

import (
	"fmt"
	"strconv"
	"time"

	"jangbu/events"
)

// dateKo returns a date as it is said in Korean, with the year unless it is this one.
func (f findings) dateKo(t time.Time) string {
	s := fmt.Sprintf("%d월 %d일(%s)", t.Month(), t.Day(), weekdayKo(t))
	if t.Year() != f.now.Year() {
		s = fmt.Sprintf("%d년 %s", t.Year(), s)
	}
	return s
}

// dateEn returns a date as it is said in English, with the year unless it is this one.
func (f findings) dateEn(t time.Time) string {
	if t.Year() != f.now.Year() {
		return t.Format("Mon, Jan 2, 2006")
	}
	return t.Format("Mon, Jan 2")
}

func weekdayKo(t time.Time) string {
	return [...]string{"일", "월", "화", "수", "목", "금", "토"}[t.Weekday()]
}

// people returns a number of people.
func people(n int64, why Reason) slot {
	return slot{koreanNumber(n) + "명", plural(n, "person", "people"), why}
}

func koreanWon(w events.Won) string { return koreanNumber(int64(w)) + "원" }

func englishWon(w events.Won) string { return "₩" + grouped(int64(w)) }

// koreanNumber returns a number as it is read: in full up to 99,999, and by 만, 억 and 조
// above. From 억 on, the last four digits are left out, and from 조 on the last eight.
func koreanNumber(n int64) string {
	const man, eok, jo = 1_0000, 1_0000_0000, 1_0000_0000_0000
	of := func(n int64, unit string) string {
		if n == 0 {
			return ""
		}
		return " " + grouped(n) + unit
	}
	switch {
	case n < 10*man:
		return grouped(n)
	case n < eok:
		return (of(n/man, "만") + of(n%man, ""))[1:]
	case n < jo:
		return (of(n/eok, "억") + of(n%eok/man, "만"))[1:]
	default:
		return (of(n/jo, "조") + of(n%jo/eok, "억"))[1:]
	}
}

// grouped returns a number with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}
