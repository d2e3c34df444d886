package events_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"jangbu/events"
)

// spellings are the ways in which a number with separators is spelled, in ids and texts.
func spellings(national string) []string {
	digits := func(zero rune) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return zero + r - '0'
			}
			return r
		}, national)
	}
	percent := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		return b.String()
	}
	with := func(separator string) string { return strings.ReplaceAll(national, "-", separator) }
	return []string{
		national, with(""), with(" "), with("."), with("/"), with("_"), with(" - "), with("–"), with("ㅡ"), with("\u00a0"), with("+"),
		digits('０'), digits('٠'), digits('०'), digits('𝟘'),
		percent(national), url.QueryEscape(percent(national)), with("%2D"), with("%252D"), percent(digits('０')),
		"tel:" + national, "tel:" + with("") + ";ext=1",
		strings.Join(strings.Split(national, ""), "\u200b"), strings.Join(strings.Split(with(""), ""), "\ufeff"),
		strings.Join(strings.Split(with(""), ""), " "), strings.Join(strings.Split(with(""), ""), "-"),
		"p-" + national, "추천인 " + national, "x" + with("") + "y", "20261129-" + with(""), "2026-11-29 " + national, national + "-7", "(" + national + ")",
	}
}

func TestPersonalNumbersAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   events.Personal
		number string
		texts  bool // also in texts for readers
	}{
		{events.PersonalPhone, "010-7777-1009", true},
		{events.PersonalPhone, "010-2000-0175", true},
		{events.PersonalPhone, "011-234-5678", true},
		{events.PersonalPhone, "0502-1234-5678", false},
		{events.PersonalPhone, "070-8765-4321", false},
		{events.PersonalPhone, "82-10-7777-1009", true},
		{events.PersonalPhone, "0082-10-7777-1009", true},
		{events.PersonalPhone, "00700-82-10-7777-1009", true},
		{events.PersonalResident, "900101-1234567", true},
		{events.PersonalResident, "030405-4234567", true},
		{events.PersonalResident, "880229-5123456", true},
		{events.PersonalCard, "4111-1111-1111-1111", true},
		{events.PersonalCard, "5555-5555-5555-4444", true},
		{events.PersonalCard, "9410-0000-0000-0005", true},
		{events.PersonalCard, "3782-822463-10005", true},
	} {
		for _, s := range spellings(c.number) {
			if got := events.PersonalInID(s); got != c.want {
				t.Errorf("the id %q is or holds %v, want %v", s, got, c.want)
			}
			want := c.want
			if !c.texts {
				want = events.NothingPersonal
			}
			if got := events.PersonalInText(s); got != want {
				t.Errorf("the text %q holds %v, want %v", s, got, want)
			}
			if masked := events.MaskPersonal(s); events.PersonalInText(masked) != events.NothingPersonal || (masked == s) != (want == events.NothingPersonal) {
				t.Errorf("%q is masked as %q", s, masked)
			}
		}
	}
	for _, c := range []struct {
		want    events.Personal
		in      string
		id, txt bool
	}{
		{events.PersonalPhone, "02-345-6789|02-2345-6789|031-234-5678|(02) 2345-6789|0223456789|p0312345678|shop-051-234-5678|tel:+82-2-2345-6789|+82 31 234 5678", true, false},
		{events.PersonalPhone, "+821077771009|+82-10-7777-1009|+82 (0)10-7777-1009|(+82)10 7777 1009|＋82 10 7777 1009|%2B821077771009|tel:+82-10-2000-0175|821077771009", true, true},
		{events.PersonalPhone, "+1 415 555 0100|+14155550100|+84 90 123 4567|+86-138-0013-8000|p:+4915112345678|tel:+12125550123", true, true},
		{events.PersonalPhone, "10-7777-1009|공일공-칠칠칠칠-일공공구|공일공 칠칠칠칠에 일공공구|010-칠칠칠칠-1009|영일영칠칠칠칠일영영구|①⓪ 010⁃7777⁃1009|0️⃣1️⃣0️⃣7777-1009|01 07 77 71 00 9", true, true},
		{events.PersonalResident, "9001011234567|90-01-01-1234567|900101 1234567|900101-1-234567", true, true},
		{events.PersonalCard, "4111 1111 1111 1111|6212-3456-7890-1232|3056-930902-5904|3530111333300000", true, true},
		{events.PersonalMail, "kim@naver.com|p-kim.cheolsu+x@shop.co.kr|mailto:kim@naver.com|kim%40naver.com|kim%2540naver%252Ecom|ｋｉｍ＠ｎａｖｅｒ．ｃｏｍ|kim(at)naver.com|kim [at] naver [dot] com|kim\u200b@naver.com|KIM@NAVER.COM|kim골뱅이naver.com|문의: kim@메일.한국", true, true},
		{events.PersonalMail, "김철수@naver.com", true, false},
	} {
		for s := range strings.SplitSeq(c.in, "|") {
			for _, of := range []struct {
				what string
				in   func(string) events.Personal
				ok   bool
			}{{"id", events.PersonalInID, c.id}, {"text", events.PersonalInText, c.txt}} {
				want := events.NothingPersonal
				if of.ok {
					want = c.want
				}
				if got := of.in(s); got != want {
					t.Errorf("the %s %q is or holds %v, want %v", of.what, s, got, want)
				}
			}
		}
	}
}

// TestIDsThatPrograms make are legitimate: none is refused for the digits that it is made of.
func TestIDsOfProgramsAreNotPersonal(t *testing.T) {
	t.Parallel()
	innocent := []string{
		"", "e", "evt-1", "evt-10-0003", "store-1", "이벤트-1", "카페온기", "가을 맞이-7", "p_17", "1234-5678", "0101234", "119", "p-119",
		"20261129", "20261129-0001", "20261129-000123", "2026-11-29-01", "EVT-20261129-0001", "20261129000123", "20261129093015", "2026112909301512",
		"20261129-093015-0001", "2026-11-29T09:30:15Z", "2026-11-29T09:30:15.123456Z", "2026-11-29T09:30:15+09:00", "20261129T093015", "29.11.2026/77",
		"01-01-2026-1234", "ORD-0000012345", "ORD-00000123456", "0000000001", "00000000001", "1000000001", "2026-02-0001-0002", "20260228-023015123",
		"1764409240123", "p-1764409240123", "1801015123456", "1764409240", "1764409240123456", "1764409240123456789",
		"2026112912345678", "2026112912345671", "127.0.0.1", "192.168.100.200", "10.0.0.1:9092", "v1.2.3", "1.10.100.1000",
		"01ARZ3NDEKTSV4RRFFQ69G5FAV", "V1StGXR8_Z5jdHi6B-myT", "507f1f77bcf86cd799439011", "clh3x2k5d0000qzrm1234abcd",
		"urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057", "evt:01012345-6781-4234-8234-010123456789", "projects/1/events/20261129-1",
		"@cafe.seoul", "p@shop-1", "root@localhost", "a@b", "@", "%", "%zz", "100%", "evt+1", "evt+20261129", "1+1", "1+1=2",
		"12345678901", "98765432109", "123456789012", "110-123-456789", "2026-1129-0001-0002", "0-0-0-0-0-0-0-0-0-0-0",
	}
	for _, s := range innocent {
		if got := events.PersonalInID(s); got != events.NothingPersonal {
			t.Errorf("the id %q is or holds %v", s, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check := func(s string) {
			if got := events.PersonalInID(s); got != events.NothingPersonal {
				t.Fatalf("the id %q is or holds %v", s, got)
			}
		}
		prefix := rapid.SampledFrom([]string{"", "p-", "evt-", "p", "EVT", "참여자-"}).Draw(t, "prefix")
		at := time.UnixMilli(rapid.Int64Range(time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()).Draw(t, "at"))
		number := rapid.Uint64().Draw(t, "number")
		check(prefix + uuid.Must(uuid.FromBytes(rapid.SliceOfN(rapid.Byte(), 16, 16).Filter(func(b []byte) bool {
			b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
			return true
		}).Draw(t, "uuid"))).String())
		check(prefix + fmt.Sprint(at.UnixMilli()))
		check(prefix + fmt.Sprint(at.UnixMicro()))
		check(prefix + fmt.Sprint(at.UnixNano()))
		check(prefix + fmt.Sprint(number%9e18+1e16)) // snowflakes of 17 to 19 digits
		check(prefix + at.Format("20060102"))
		check(prefix + at.Format("20060102150405"))
		check(prefix + at.Format("2006-01-02-15-04-05"))
		for digits := 1; digits <= 8; digits++ {
			counter := fmt.Sprintf("%0*d", digits, number%uint64(pow10(digits)))
			check(prefix + at.Format("20060102-") + counter)
			check(prefix + at.Format("2006-01-02-") + counter)
			check(prefix + at.Format("20060102") + counter)
		}
		for digits := 1; digits <= 6; digits++ {
			check(prefix + at.Format("060102-") + fmt.Sprintf("%0*d", digits, number%uint64(pow10(digits))))
		}
	})
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// TestTextsOfShopsAreNotPersonal holds what a shop writes of itself and of its offer.
func TestTextsOfShopsAreNotPersonal(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"가을 맞이 할인", "1+1 행사", "아메리카노 4,500원 → 3,000원", "2026.11.29 ~ 2026.12.31 (33일간)", "11/29(일) 10:00~22:00", "문의 02-345-6789",
		"전화 주문 1588-1234", "예약 031-234-5678, 070-1234-5678", "수신자 부담 080-123-4567", "선착순 100명, 1,000,000원 상당", "+10,000원 할인", "+20000000 포인트",
		"사업자등록번호 123-45-67890", "통신판매업 2026-서울강남-01234", "계좌 110-123-456789", "@cafe.seoul 팔로우", "인스타@cafe.official 팔로우", "www.cafe.kr/event?id=20261129",
		"01.01~01.31 매일 999원", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11", "01·02·03·04·05·06일", "공영주차장 2시간 무료", "영일만 이벤트 공일", "100% 당첨", "오이무침 이이이", "99.9% 50%",
		"0.5kg 1.5kg 2.5kg", "우편번호 06236", "서울 강남구 테헤란로 152 3층 301호", "2026-11-29 09:30:15", "24,000,000 → 27,000,000 (12.5%)",
	} {
		if got := events.PersonalInText(s); got != events.NothingPersonal {
			t.Errorf("the text %q holds %v", s, got)
		}
		if got := events.MaskPersonal(s); got != s {
			t.Errorf("%q is masked as %q", s, got)
		}
	}
}

// TestMaskLeavesTheRest holds that of a text only what is personal goes.
func TestMaskLeavesTheRest(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"문의 010-7777-1009 (평일)":                         "문의 *** (평일)",
		"kim@naver.com, 010-7777-1009; 02-345-6789":     "***, ***; 02-345-6789",
		"추천 900101-1234567·4111 1111 1111 1111 2026년 끝": "추천 ***·*** 2026년 끝",
		"공일공 칠칠칠칠 일공공구로":                                "***로",
	} {
		if got := events.MaskPersonal(in); got != want {
			t.Errorf("%q is masked as %q, want %q", in, got, want)
		}
	}
}

// TestEveryMobileNumberIsFound draws numbers, spellings and what surrounds them.
func TestEveryMobileNumberIsFound(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(17, 17))
	for range 2_000 {
		national := fmt.Sprintf("010-%04d-%04d", random.IntN(1e4), random.IntN(1e4))
		for _, s := range spellings(national) {
			if events.PersonalInID(s) == events.NothingPersonal || events.PersonalInText(s) == events.NothingPersonal {
				t.Fatalf("%q is not found", s)
			}
		}
	}
}

// FuzzPersonal holds that no text takes the search down, that masking ends and leaves nothing,
// and that digits of another script are as good as ours.
func FuzzPersonal(f *testing.F) {
	for _, s := range []string{"010-7777-1009", "%3%330", "공일공", "+82", "a@b.c", "01012345-6781-4234-8234-010123456789", "\xff0\xfe1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		masked := events.MaskPersonal(s)
		if got := events.PersonalInText(masked); got != events.NothingPersonal {
			t.Errorf("%q is masked as %q, which holds %v", s, masked, got)
		}
		wide := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '０' + r - '0'
			}
			return r
		}, s)
		if !strings.Contains(s, "%") && !strings.ContainsFunc(s, unicode.IsNumber) || slices.Contains([]rune(s), unicode.ReplacementChar) {
			return
		}
		if !strings.Contains(s, "%") && (events.PersonalInID(s) == events.NothingPersonal) != (events.PersonalInID(wide) == events.NothingPersonal) {
			t.Errorf("%q and %q differ", s, wide)
		}
	})
}
