package events

import "strings"

// Regions returns the short names of the seventeen 시도, in the order of their official
// codes.
func Regions() []string {
	return []string{"서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종", "경기", "강원", "충북", "충남", "전북", "전남", "경북", "경남", "제주"}
}

// RegionNamed returns the short name of the 시도 that the text names, in Korean or English,
// in its short or long form and with what lies in it ("서울 강남구"), [UnknownName] or
// [OtherName].
func RegionNamed(text string) string {
	first, _, _ := strings.Cut(text, " ") // as [DistrictNamed] returns it
	if name := listedRegion(first); name != "" {
		return name
	}
	name := named(text, regionOf)
	if name == OtherName {
		if first, _, more := strings.Cut(strings.TrimSpace(text), " "); more {
			if part := named(first, regionOf); part != UnknownName {
				return part
			}
		}
	}
	return name
}

// listedRegion returns the short name that the text is; empty where it is none.
func listedRegion(text string) string {
	if name := shortRegion(text); name == text {
		return name
	}
	return ""
}

func regionOf(key string) string {
	if name := shortRegion(key); name != "" {
		return name
	}
	for _, kind := range []string{
		"특별자치도", "특별자치시", "특별시", "광역시", "도", "시",
		"metropolitancity", "specialcity", "province", "city", "island", "do", "si",
	} {
		if rest, ok := strings.CutSuffix(key, kind); ok {
			return shortRegion(rest)
		}
	}
	return ""
}

func shortRegion(key string) string {
	switch key {
	case "서울", "seoul":
		return "서울"
	case "부산", "busan", "pusan":
		return "부산"
	case "대구", "daegu", "taegu":
		return "대구"
	case "인천", "incheon", "inchon":
		return "인천"
	case "광주", "gwangju", "kwangju":
		return "광주"
	case "대전", "daejeon", "taejon":
		return "대전"
	case "울산", "ulsan":
		return "울산"
	case "세종", "sejong":
		return "세종"
	case "경기", "gyeonggi", "kyonggi":
		return "경기"
	case "강원", "gangwon", "kangwon":
		return "강원"
	case "충북", "충청북", "chungbuk", "chungcheongbuk", "northchungcheong":
		return "충북"
	case "충남", "충청남", "chungnam", "chungcheongnam", "southchungcheong":
		return "충남"
	case "전북", "전라북", "jeonbuk", "jeollabuk", "northjeolla":
		return "전북"
	case "전남", "전라남", "jeonnam", "jeollanam", "southjeolla":
		return "전남"
	case "경북", "경상북", "gyeongbuk", "gyeongsangbuk", "northgyeongsang":
		return "경북"
	case "경남", "경상남", "gyeongnam", "gyeongsangnam", "southgyeongsang":
		return "경남"
	case "제주", "jeju", "cheju":
		return "제주"
	default:
		return ""
	}
}
