package dashboard

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// title is a text as titles are searched: without spaces, composed, and with each letter
// replaced by the first of those that differ from it only in case.
type title []rune

func newTitle(s string) title {
	var t title
	for _, r := range norm.NFC.String(s) {
		if !unicode.IsSpace(r) {
			t = append(t, folded(r))
		}
	}
	return t
}

// contains reports whether the title has the wanted runes one after another. A consonant
// alone also stands for a syllable that begins with it, as Koreans abbreviate: ㅂㄱ is found
// in 봄 감사제.
func (t title) contains(wanted title) bool {
	for start := range len(t) - len(wanted) + 1 {
		n := 0
		for n < len(wanted) && (t[start+n] == wanted[n] || initial(t[start+n]) == wanted[n]) {
			n++
		}
		if n == len(wanted) {
			return true
		}
	}
	return false
}

// initial returns the consonant that the syllable begins with, as it is typed alone; 0 where
// r is no Korean syllable.
func initial(r rune) rune {
	const first, last, each = '가', '힣', 21 * 28 // vowels × finals
	if r < first || r > last {
		return 0
	}
	return [...]rune{'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'}[(r-first)/each]
}

// folded returns the first of the letters that differ from r only in case.
func folded(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next // the orbit is complete
		}
		r = next
	}
}
