package events_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"jangbu/events"
)

// TestNamesOfTexts holds the spellings of each name, and of each kind some texts that are near
// to a name and are none.
func TestNamesOfTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, name, spellings string }{
		{"channel", "wooridongnetv", "wooridongnetv|우리동네TV|우리동네 티비|우리동네|WOORIDONGNE-TV|Woori Dongne TV|우리동네ＴＶ"},
		{"channel", "genietv", "genietv|지니TV|지니 티비|지니tv |GENIE TV|Genie-TV|genie_tv|KT 지니 TV"},
		{"channel", "instagram", "instagram|Instagram|인스타|인스타그램|insta|INSTA|IG| instagram\n|ｉｎｓｔａｇｒａｍ"},
		{"channel", "naver", "naver|NAVER|Naver|naver |네이버|네이버 블로그|네이버플레이스|naver.com|ＮＡＶＥＲ|n\u200baver|네\u3164이버"},
		{"channel", "kakao", "kakao|Kakao|kakaotalk|KakaoTalk|카카오|카카오톡|카톡|카카오톡 채널|\u212Aakao"},
		{"channel", "onsite", "onsite|on-site|On Site|walk-in|Walk In|walkin|현장|현장 접수|매장|매장방문|방문|in-store|offline|오프라인"},
		{"channel", "unknown", "|unknown|UNKNOWN| |-|\u3164|N/A|null|알 수 없음|미상|무응답|없음"},
		{"channel", "other", "other|기타|전단지|facebook|tiktok|youtube|지인 추천|naverr|네이버웹툰|🎁 x|Unknown Pleasures"},
		{"gender", "female", "female|F|f|Female|FEMALE|여|여성|여자|woman|여 성"},
		{"gender", "male", "male|M|남|남성|남자|Man|ＭＡＬＥ"},
		{"gender", "unknown", "|unknown|무응답|선택 안 함|n/a"},
		{"gender", "other", "other|기타|논바이너리|nonbinary|1"},
		{"age", "10s", "10s|10대|10 대|teens|십대|13-19|15세|１０대"},
		{"age", "20s", "20s|20S|20대|20's|20대 초반|twenties|20-29|20~29|20세~29세|24|29세"},
		{"age", "30s", "30s|30대|30 대|30대후반|thirties|삼십대|30–39|35살|30"},
		{"age", "60s", "60s|60대|60대 이상|60+|60세 이상|60s+"},
		{"age", "80s", "80s|80대|팔십대|89"},
		{"age", "unknown", "|unknown|미상|모름"},
		{"age", "other", "other|90s|90대|9|5세|0-9|20-39|20대-30대|29-20|1990|2000|120|100대|청년|30대x|3 0 0|s|대"},
		{"region", "서울", "서울|서울특별시|서울시|Seoul|SEOUL|Seoul-si|Seoul Metropolitan City|서울 강남구|서울특별시 마포구| 서울 "},
		{"region", "부산", "부산|부산광역시|부산시|Busan|Pusan"},
		{"region", "대구", "대구|대구광역시|Daegu"},
		{"region", "인천", "인천|인천광역시|Incheon"},
		{"region", "광주", "광주|광주광역시|Gwangju"},
		{"region", "대전", "대전|대전광역시|대전시|Daejeon"},
		{"region", "울산", "울산|울산광역시|Ulsan"},
		{"region", "세종", "세종|세종특별자치시|세종시|Sejong City"},
		{"region", "경기", "경기|경기도|Gyeonggi|Gyeonggi-do|gyeonggi province|경기도 성남시 분당구"},
		{"region", "강원", "강원|강원도|강원특별자치도|Gangwon-do|Gangwon State"},
		{"region", "충북", "충북|충청북도|Chungbuk|Chungcheongbuk-do|North Chungcheong Province"},
		{"region", "충남", "충남|충청남도|Chungnam|South Chungcheong"},
		{"region", "전북", "전북|전라북도|전북특별자치도|Jeonbuk|Jeollabuk-do|Jeonbuk State"},
		{"region", "전남", "전남|전라남도|Jeonnam|Jeollanam-do"},
		{"region", "경북", "경북|경상북도|Gyeongbuk|North Gyeongsang"},
		{"region", "경남", "경남|경상남도|Gyeongnam|Gyeongsangnam-do"},
		{"region", "제주", "제주|제주도|제주특별자치도|제주시|Jeju|Jeju-do|Jeju Island"},
		{"region", "unknown", "|unknown|미상|알수없음"},
		{"region", "other", "other|해외|Tokyo|강남구|서울역|도|시|특별시|Seoulite|미상 서울구"},
	} {
		for spelling := range strings.SplitSeq(c.spellings, "|") {
			for form, text := range map[string]string{"NFC": spelling, "NFD": norm.NFD.String(spelling)} {
				if got := named(c.kind, text); got != c.name {
					t.Errorf("%s %q (%s) is %q, want %q", c.kind, spelling, form, got, c.name)
				}
			}
		}
	}
	for _, r := range events.Regions() {
		if got := events.RegionNamed(r); got != r {
			t.Errorf("region %q is %q", r, got)
		}
	}
}

// TestNamesAreClosed holds that whatever a text is, its name is on the list, and that a
// name stands for itself: a fold makes a bounded number of rows of any log (I14).
func TestNamesAreClosed(t *testing.T) {
	t.Parallel()
	channels := []string{"onsite", "other", "unknown"}
	for _, c := range events.Channels() {
		channels = append(channels, string(c))
	}
	lists := map[string][]string{
		"channel": channels,
		"gender":  {"female", "male", "other", "unknown"},
		"age":     {"10s", "20s", "30s", "40s", "50s", "60s", "70s", "80s", "other", "unknown"},
		"region":  append(events.Regions(), "other", "unknown"),
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"네이버", "naver", "TV", "지니", "30", "대", "s", "-", "서울", "도", "특별시", "여", "F", " ", "세", "Gyeonggi", "\u3164", "\u0301",
		})), 0, 4)
		text := strings.Join(parts.Draw(t, "text"), "")
		for kind, list := range lists {
			name := named(kind, text)
			if !slices.Contains(list, name) {
				t.Fatalf("%s %q is %q", kind, text, name)
			}
			if again := named(kind, name); again != name {
				t.Fatalf("%s %q is %q, which is %q", kind, text, name, again)
			}
			if loud := named(kind, " "+strings.ToUpper(name)+"\t"); loud != name {
				t.Fatalf("%s %q in capitals is %q", kind, name, loud)
			}
		}
	})
}

func named(kind, text string) string {
	switch kind {
	case "channel":
		return string(events.ChannelNamed(text))
	case "gender":
		return events.GenderNamed(text)
	case "age":
		return events.AgeGroupNamed(text)
	default:
		return events.RegionNamed(text)
	}
}
