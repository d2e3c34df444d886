package events

import "strings"

// isCard reports whether the digits are the number of a payment card: of an issuer, of the
// length that its numbers have, and right by its last digit (ISO/IEC 7812-1, Luhn). Numbers of 17
// to 19 digits are one only if they are written in groups: ids of programs have as many.
func (w *window) isCard(d string) bool {
	switch n := len(d); {
	case n == 16 && (w.cutAt(4, 8, 12) || w.spaced()):
		if inKorea := d[0] == '9' && (w.groups > 1 || d[1] == '4'); !issuer16(d) && !inKorea {
			return false
		}
	case n == 15 && (w.cutAt(4, 10) || w.spaced()):
		if d[:2] != "34" && d[:2] != "37" {
			return false
		}
	case n == 14 && (w.cutAt(4, 10) || w.spaced()):
		if d[:2] != "36" && d[:2] != "38" && d[:2] != "39" && (d[:2] != "30" || d[2] > '5') {
			return false
		}
	case n >= 17 && n <= 19 && w.groups > 1 && (w.cutAt(4, 8, 12, 16) || w.cutAt(6)):
		if d[0] != '4' && d[:2] != "62" && !maestro(d) {
			return false
		}
	default:
		return false
	}
	return luhn(d)
}

// issuer16 reports whether cards of 16 digits begin so: Visa, Mastercard, UnionPay, JCB, Discover
// and Maestro.
func issuer16(d string) bool {
	two, four := d[:2], d[:4]
	switch {
	case d[0] == '4', two >= "51" && two <= "55", four >= "2221" && four <= "2720":
		return true
	case two == "62", four >= "3528" && four <= "3589", four == "6011", two == "65", d[:3] >= "644" && d[:3] <= "649":
		return true
	}
	return maestro(d)
}

func maestro(d string) bool {
	return strings.Contains("5018 5020 5038 5893 6304 6759 6761 6762 6763", d[:4])
}

func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}
