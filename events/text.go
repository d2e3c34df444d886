package events

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxTextRunes is the maximum length of a title and of an objective, in characters.
const MaxTextRunes = 500

const wantShops = "a text without the mobile, resident or card number or the mail address of a person"

const wantText = "at most 500 characters, without control and bidi characters"

// text takes a required text. Tab and line break are allowed in it; characters that turn
// the direction of text are not, because they make one text look like another.
func (o *object) text(name string) string {
	return o.textWith(name, wantText, func(r rune) bool { return unicode.IsControl(r) && !isBreak(r) })
}

const wantTitle = "1 to 500 characters, some of them visible, without control and bidi characters"

// title takes a required text of one line that readers can see.
func (o *object) title(name string) string {
	failed := len(o.errs)
	s := o.textWith(name, wantTitle, unicode.IsControl)
	if len(o.errs) == failed && isBlank(s) {
		o.fail(name, "is blank", wantTitle)
	}
	return s
}

func isBreak(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }

// isBlank reports whether nothing of the text is visible: it is of white space, of
// characters without width, and of fillers, such as U+3164 and U+2800.
func isBlank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '\u2800' && !unicode.In(r, unicode.White_Space, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
	})
}

// PlainText returns a text without its characters that a text may not have: control
// characters other than tab and line break, and those that turn the direction of text.
// Earlier releases stored them in titles and objectives. It returns "" where nothing
// visible is left.
func PlainText(s string) string {
	if isBlank(s) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !isBreak(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
}

// textWith takes a required text without the characters that are refused.
func (o *object) textWith(name, want string, refused func(rune) bool) string {
	v := o.take(name)
	if v == nil {
		o.missing(name, want)
		return ""
	}
	raw, ok := o.stringOf(name, v, want)
	s := o.keep(raw)
	switch {
	case !ok:
	case utf8.RuneCountInString(s) > MaxTextRunes:
		o.fail(name, "is longer than 500 characters", want)
	case strings.ContainsFunc(s, refused):
		o.fail(name, "contains a control character", want)
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }):
		o.fail(name, "contains a bidi character", want)
	default:
		if p := PersonalInText(s); p != NothingPersonal {
			o.fail(name, "holds "+p.String(), wantShops)
		}
	}
	return s
}
