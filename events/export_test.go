package events

import "time"

// CutFast cuts a JSON object into its members, as the fast decoder does; false where it gives up.
func CutFast(src []byte) (names, values []string, ok bool) {
	var o object
	ok = o.cut(src)
	names, values = o.listed()
	return names, values, ok
}

// CutStrictly cuts a JSON object as the strict decoder does.
func CutStrictly(src []byte) (names, values []string, err error) {
	strict, err := cutStrictly(src)
	names, values = strict.listed()
	return names, values, err
}

func (m *members) listed() (names, values []string) {
	for _, one := range append(append([]member(nil), m.room[:m.n]...), m.more...) {
		names, values = append(names, string(one.name)), append(values, string(one.value))
	}
	return names, values
}

// ParseUsualInstant is the fast parser of times.
func ParseUsualInstant(s string) (time.Time, bool) { return parseUsualInstant([]byte(s)) }

// ParseAnyInstant is the strict parser of times.
func ParseAnyInstant(s string) (time.Time, bool) { return parseAnyInstant([]byte(s)) }

// AppendInstant appends a time as stored forms have it.
func AppendInstant(dst []byte, t time.Time) []byte { return appendInstant(dst, t) }
