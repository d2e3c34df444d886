package events

import "strings"

// AgeGroupNamed returns the decade of life that the text names, "10s" to "80s": in Korean
// or English ("30대", "30s", "삼십대", "thirties"), as an age ("34세") or as a range within
// the decade ("30-39"). A group that is open at its end ("60대 이상") has the name of its
// first decade. Every other group is [OtherName], and no group is [UnknownName].
func AgeGroupNamed(text string) string {
	if name := listedAgeGroup(text); name != "" {
		return name
	}
	return named(text, ageGroupOf)
}

// listedAgeGroup returns the group that the text is; empty where it is none.
func listedAgeGroup(text string) string {
	if len(text) == len("10s") && text[1:] == "0s" && text[0] >= '1' && text[0] <= '8' {
		return decade(text[0])
	}
	return ""
}

func ageGroupOf(key string) string {
	switch key {
	case "teens", "teenager", "teenagers", "십대":
		return "10s"
	case "twenties", "이십대":
		return "20s"
	case "thirties", "삼십대":
		return "30s"
	case "forties", "사십대":
		return "40s"
	case "fifties", "오십대":
		return "50s"
	case "sixties", "육십대":
		return "60s"
	case "seventies", "칠십대":
		return "70s"
	case "eighties", "팔십대":
		return "80s"
	}
	key = strings.ReplaceAll(strings.ReplaceAll(key, "세", ""), "살", "")
	rest := strings.TrimLeft(key, "0123456789")
	digits := key[:len(key)-len(rest)]
	switch rest {
	case "", "s", "대", "대초반", "대중반", "대후반", "대이상", "이상", "plus", "andover":
	default:
		return ""
	}
	if len(digits) == 4 && digits[0] == digits[2] && digits[1] < digits[3] { // the key of "30-39"
		digits = digits[:2]
	}
	if len(digits) != 2 || digits[0] < '1' || digits[0] > '8' {
		return ""
	}
	return decade(digits[0])
}

// decade returns the group of the ages that begin with the digit, from 1 to 8.
func decade(digit byte) string {
	const all = "10s20s30s40s50s60s70s80s"
	at := int(digit-'1') * len("10s")
	return all[at : at+len("10s")]
}
