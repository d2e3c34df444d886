package events

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Ways in which people come to a campaign that are not one of the five channels.
const (
	Onsite         Channel = "onsite"    // 현장: at the shop itself
	OtherChannel   Channel = OtherName   // none of the others
	UnknownChannel Channel = UnknownName // the registration names none
)

// What names of every kind come to that are not on the list of the kind.
const (
	OtherName   = "other"
	UnknownName = "unknown" // no name, or one that says that there is none
)

// ChannelNamed returns the way that the text of a registration names: one of the five
// channels, in Korean or English and in common spellings, [Onsite], [UnknownChannel] or
// [OtherChannel].
func ChannelNamed(text string) Channel {
	if c := listedChannel(text); c != "" {
		return c // most registrations, at once: every fold asks
	}
	return Channel(named(text, func(key string) string { return string(channelOf(key)) }))
}

// listedChannel returns the channel with the name; empty where there is none. What it returns
// does not share the memory of the text, which may be that of a whole event, nor do the
// functions below: rows keep these names.
func listedChannel(name string) Channel {
	switch Channel(name) {
	case WooridongneTV:
		return WooridongneTV
	case GenieTV:
		return GenieTV
	case Instagram:
		return Instagram
	case Naver:
		return Naver
	case Kakao:
		return Kakao
	default:
		return ""
	}
}

func channelOf(key string) Channel {
	switch key {
	case "wooridongnetv", "wooridongne", "우리동네tv", "우리동네티비", "우리동네텔레비전", "우리동네":
		return WooridongneTV
	case "genietv", "genie", "ktgenietv", "지니tv", "지니티비", "지니", "kt지니tv", "kt지니티비":
		return GenieTV
	case "instagram", "insta", "ig", "인스타그램", "인스타":
		return Instagram
	case "naver", "navercom", "naverblog", "naverplace", "navermap", "navercafe",
		"네이버", "네이버블로그", "네이버플레이스", "네이버지도", "네이버카페":
		return Naver
	case "kakao", "kakaotalk", "kakaochannel", "kakaotalkchannel",
		"카카오", "카카오톡", "카톡", "카카오채널", "카카오톡채널":
		return Kakao
	case "onsite", "walkin", "instore", "offline", "visit",
		"현장", "현장접수", "현장방문", "현장참여", "매장", "매장방문", "방문", "방문접수", "오프라인", "워크인":
		return Onsite
	default:
		return ""
	}
}

// GenderNamed returns "female", "male", [UnknownName] or [OtherName].
func GenderNamed(text string) string {
	if name := listedGender(text); name != "" {
		return name
	}
	return named(text, func(key string) string {
		switch key {
		case "female", "f", "woman", "women", "girl", "여", "여성", "여자":
			return "female"
		case "male", "m", "man", "men", "boy", "남", "남성", "남자":
			return "male"
		default:
			return ""
		}
	})
}

// listedGender returns the name that the text is; empty where it is none.
func listedGender(text string) string {
	switch text {
	case "female":
		return "female"
	case "male":
		return "male"
	default:
		return ""
	}
}

// named returns what of gives for the text, as it is or for its key. Programs send few
// spellings, most of them listed ones, which are found without the key.
func named(text string, of func(key string) string) string {
	if text == "" {
		return UnknownName
	}
	if name := of(text); name != "" {
		return name
	}
	key := nameKey(text)
	if key != text {
		if name := of(key); name != "" {
			return name
		}
	}
	switch key {
	case "", "unknown", "none", "null", "na", "undefined", "unspecified", "notspecified",
		"미상", "무응답", "응답안함", "선택안함", "미선택", "미입력", "모름", "없음", "알수없음":
		return UnknownName
	default:
		return OtherName
	}
}

// nameKey returns what the spellings of one name share: its letters and digits in the
// compatibility form (NFKC), in lower case, without white space, punctuation and
// characters that are not visible.
func nameKey(text string) string {
	key := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', isSyllable(r):
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r < utf8.RuneSelf:
			return -1
		case !unicode.In(r, unicode.L, unicode.N, unicode.M), unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		default:
			return unicode.ToLower(r)
		}
	}
	// Texts of these characters only, which are nearly all, are in the form already.
	if strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf && !isSyllable(r) }) {
		text = norm.NFKC.String(text)
	}
	return strings.Map(key, text)
}

// isSyllable reports whether r is a composed syllable of Hangul.
func isSyllable(r rune) bool { return r >= '가' && r <= '힣' }
