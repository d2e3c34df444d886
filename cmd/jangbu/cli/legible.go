package cli

import "strconv"

// Legible returns a name that a producer chose, in quotes if it holds a space, a quote or a
// character that does not print.
func Legible(s string) string {
	for _, r := range s {
		if r == ' ' || r == '"' || !strconv.IsPrint(r) {
			return strconv.Quote(s)
		}
	}
	return s
}
