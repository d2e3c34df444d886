package events_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"jangbu/events"
)

func TestNormalizePhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		// One number, as people write it.
		"010-1234-5678":    "+821012345678",
		"01012345678":      "+821012345678",
		"010 1234 5678":    "+821012345678",
		"010.1234.5678":    "+821012345678",
		"(010) 1234-5678":  "+821012345678",
		" 010-1234-5678\t": "+821012345678",
		"０１０－１２３４－５６７８":        "+821012345678",
		"010–1234–5678":        "+821012345678",
		"+82 10-1234-5678":     "+821012345678",
		"+82-010-1234-5678":    "+821012345678",
		"+82 (0)10-1234-5678":  "+821012345678",
		"(+82) 10 1234 5678":   "+821012345678",
		"82 10 1234 5678":      "+821012345678",
		"821012345678":         "+821012345678",
		"82 010 1234 5678":     "+821012345678",
		"0082 10 1234 5678":    "+821012345678",
		"0082 (0)10 1234 5678": "+821012345678",
		"1012345678":           "+821012345678",
		"＋82 10 1234 5678":     "+821012345678",
		"011-123-4567":         "+82111234567",
		"016-1234-5678":        "+821612345678",
		"017-123-4567":         "+82171234567",
		"018-123-4567":         "+82181234567",
		"019-1234-5678":        "+821912345678",
		"02-123-4567":          "+8221234567",
		"02-1234-5678":         "+82212345678",
		"+82 2 1234 5678":      "+82212345678",
		"031-123-4567":         "+82311234567",
		"064-1234-5678":        "+826412345678",
		"070-1234-5678":        "+827012345678",
		"0505-123-4567":        "+825051234567",
		"0507-1234-5678":       "+8250712345678",
		"080-123-4567":         "+82801234567",
		"1588-1234":            "+8215881234",
		"1661-1234":            "+8216611234",
		"+82 1899-1234":        "+8218991234",
		"+1 (212) 555-0123":    "+12125550123",
		"001-82-10-1234-5678":  "", // a carrier's dialling prefix
		"0044 20 7946 0958":    "+442079460958",
		"+86 138 0013 8000":    "+8613800138000",
		"+223456789012345":     "+223456789012345",
		"+22345678":            "+22345678",
		"+12345678":            "",
		"tel:010-1234-5678":    "+821012345678",
		"tel:+82-10-2000-0175": "+821020000175",
		"TEL:+82-10-2000-0175;ext=7;phone-context=x": "+821020000175",
		"tel:010%2D7777%2D1009":                      "+821077771009",
		"010%252D7777%252D1009":                      "+821077771009",
		"\u202a010-1234-5678\u202c":                  "+821012345678", // as iOS copies it
		"٠١٠-١٢٣٤-٥٦٧٨":                              "+821012345678",
		"tel:":                                       "",
		"tel:tel:01012345678":                        "",
		"sip:01012345678":                            "",
		"01012345678;ext=1":                          "",
		"":                                           "",
		"-":                                          "",
		"+":                                          "",
		"010-1234-567":                               "", // 010 has 8 digits
		"010-1234-56789":                             "",
		"0101234567a":                                "",
		"010-1234-5678 내선 1":                         "",
		"1234-5678":                                  "", // no area code
		"2123-4567":                                  "",
		"212345678":                                  "", // an area code is known by its 0
		"034-123-4567":                               "", // no such area
		"01588-1234":                                 "", // a nationwide number has no trunk prefix
		"1788-1234":                                  "",
		"00010-1234-5678":                            "",
		"+010-1234-5678":                             "",
		"+0082 10 1234 5678":                         "",
		"82":                                         "",
		"+82":                                        "",
		"++821012345678":                             "",
		"010+12345678":                               "",
		"+2234567":                                   "",
		"+2234567890123456":                          "",
		"2125550123":                                 "", // a foreign number without its plus sign
		"010-1234-5678\x00":                          "",
		"010-1234-5678\xff":                          "",
		strings.Repeat(" ", 99):                      "",
	} {
		got, err := events.NormalizePhone(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("NormalizePhone(%q) = %q, %v; want %q", in, got, err, want)
		}
		if err != nil && !errors.Is(err, events.ErrPhoneNumber) {
			t.Errorf("NormalizePhone(%q): %v is not ErrPhoneNumber", in, err)
		}
	}
}

// koreanMobile draws a number of 010, as its eight digits.
func koreanMobile() *rapid.Generator[string] { return rapid.StringMatching(`[0-9]{8}`) }

func TestAllSpellingsHaveOneForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		subscriber := koreanMobile().Draw(t, "subscriber")
		separator := rapid.SampledFrom([]string{"", " ", "-", ".", "  ", " - ", "\u00a0", "－"})
		front := rapid.SampledFrom([]string{
			"010", "(010)", "+82 10", "+8210", "+82-010", "+82 (0)10", "(+82)10", "82 10", "82010", "0082 10", "0082(0)10", "10", "０１０",
		}).Draw(t, "front")
		spelled := front + separator.Draw(t, "separator") + subscriber[:4] + separator.Draw(t, "separator") + subscriber[4:]
		got, err := events.NormalizePhone(spelled)
		if want := "+8210" + subscriber; err != nil || got != want {
			t.Errorf("NormalizePhone(%q) = %q, %v; want %q", spelled, got, err, want)
		}
	})
}

func FuzzNormalizePhone(f *testing.F) {
	for _, seed := range []string{"010-1234-5678", "+82 (0)10 1234 5678", "0082 2 123 4567", "1588-1234", "+1 212 555 0123", "０１０", "(", "+82+"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		form, err := events.NormalizePhone(s)
		if err != nil {
			if form != "" || err.Error() != events.ErrPhoneNumber.Error() {
				t.Fatalf("NormalizePhone(%q) = %q, %v", s, form, err)
			}
			return
		}
		if again, err := events.NormalizePhone(form); err != nil || again != form {
			t.Errorf("NormalizePhone(%q) = %q, but of that %q, %v", s, form, again, err)
		}
		if len(form) < 9 || len(form) > 16 || form[0] != '+' || strings.Trim(form[1:], "0123456789") != "" || form[1] == '0' {
			t.Errorf("NormalizePhone(%q) = %q, which is not E.164", s, form)
		}
	})
}
