package events

import "time"

// isResident reports whether the digits are a resident number: the date of birth, a digit for
// gender and century from 1 to 8, and six digits. The last of these, once a check digit, is
// random since October 2020, so it tells nothing.
func (w *window) isResident(d string) bool {
	if len(d) != 13 || d[6] < '1' || d[6] > '8' {
		return false
	}
	if !w.cutAt(6) && !w.cutAt(2, 4, 6) && !w.cutAt(6, 7) && !w.spaced() {
		return false
	}
	if w.groups == 1 && isMillis(d) {
		return false
	}
	century := "19"
	switch d[6] {
	case '3', '4', '7', '8':
		century = "20"
	}
	_, err := time.Parse("20060102", century+d[:6])
	return err == nil
}

// isMillis reports whether 13 digits are a time in milliseconds since 1970, from 2017 to 2036:
// ids are made of these. Read as resident numbers they are those of persons above a hundred
// years, and of children.
func isMillis(d string) bool { return d >= "1483228800000" && d < "2114380800000" }

// spaced reports whether every digit of the run stands alone, all in the same way.
func (w *window) spaced() bool { return w.whole && w.even && w.groups == w.n }
