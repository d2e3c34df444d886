package dashboard_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestPaper: what is printed has everything: all rows of a list with their headings on every
// page, every interval of a trend with its date, when it was printed, of what, and where it
// came from; and none of what only a screen has.
//
// JANGBU_TEST_SCREENSHOTS names a directory for the pages.
func TestPaper(t *testing.T) {
	t.Parallel()
	a := answering(t)
	var cards []any
	for n := range 120 {
		cards = append(cards, cardOf(n))
	}
	a.lists["store-1"] = cards
	kst := time.FixedZone("KST", 9*60*60)
	today := time.Now().In(kst).Truncate(time.Hour)
	today = today.Add(-time.Duration(today.Hour()) * time.Hour)
	for id, c := range map[string]struct {
		days, step int
		interval   string
	}{"evt-15": {15, 1, "day"}, "evt-60": {60, 1, "day"}, "evt-730": {728, 7, "week"}} {
		v := watched(id, "running", 0, 1)
		var trend []any
		sum := 0
		first := today.AddDate(0, 0, 1-c.days)
		for c.step == 7 && first.Weekday() != time.Monday {
			first = first.AddDate(0, 0, 1)
		}
		v["startsAt"] = first.Format(time.RFC3339)
		for n := 0; !first.AddDate(0, 0, n).After(today); n += c.step {
			trend = append(trend, map[string]any{"from": first.AddDate(0, 0, n).Format(time.RFC3339), "participants": 3 + n%17})
			sum += 3 + n%17
		}
		v["trend"], v["interval"] = trend, c.interval
		v["summary"].(map[string]any)["totalParticipants"] = sum
		v["profile"] = map[string]any{"gender": map[string]int{"female": sum - 9, "male": 9}, "ageGroup": map[string]int{"30s": sum}, "region": map[string]int{"서울": sum}, "customer": map[string]int{"new": sum}}
		a.set(v, nil)
	}

	tb := open(t, 1280, "light", a.URL+"/#/stores/store-1")
	tb.shows(t, ".count", "이벤트 120개")
	text := tb.printed(t, "list")
	for _, c := range cards {
		if title := c.(map[string]any)["title"].(string); !strings.Contains(text, squeezed(title)) {
			t.Errorf("the list on paper lacks %q", title)
		}
	}
	pages := strings.Count(text, "\f")
	for _, heading := range []string{"1명당비용", "매출증가율"} {
		if n := strings.Count(text, heading); pages > 1 && n < pages {
			t.Errorf("%q is on %d of %d pages", heading, n, pages)
		}
	}
	for id, interval := range map[string]string{"evt-15": "day", "evt-60": "day", "evt-730": "week"} {
		tb.goTo(t, a.URL+"/")
		tb.goTo(t, a.URL+"/#/events/"+id)
		tb.shows(t, ".pill", "실시간")
		tb.wait(t, `document.querySelector('.counts rect')`)
		text := tb.printed(t, id)
		dates := eval[[]string](t, tb, `(async () => { const at = document.querySelector('script[type=module]').src.replace(/[^/]*$/, ''); const {date} = await import(at + 'words.js');
			const {trend} = await (await fetch('api/events/`+id+`/analytics')).json(); return trend.map((b) => date(Date.parse(b.from), Date.now())); })()`)
		if len(dates) < 15 {
			t.Fatalf("%s: %d intervals", id, len(dates))
		}
		for _, d := range dates {
			if !strings.Contains(text, squeezed(d)) {
				t.Errorf("%s (%s) on paper lacks %s", id, interval, d)
			}
		}
		for _, part := range []string{"총참여자", "1명당비용", "채널성과", "네이버", "참여자프로필", "여성", "서울"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s on paper lacks %s", id, part)
			}
		}
	}
	if n := eval[int](t, tb, `document.querySelectorAll('.table[open]').length`); n != 0 {
		t.Errorf("after printing %d tables stay open", n)
	}
}

// squeezed is text without spaces: a PDF has others.
func squeezed(text string) string { return strings.Join(strings.Fields(text), "") }

// printed prints the page as Chrome does by default on A4, and returns the text of the PDF,
// without spaces but for a form feed after each page.
func (tb *tab) printed(t *testing.T, name string) string {
	t.Helper()
	result, err := chromedp.Call(tb.ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69})
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("JANGBU_TEST_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	path := filepath.Join(dir, "paper-"+name+".pdf")
	if err := os.WriteFile(path, result.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{}); err != nil {
			t.Error(err)
		}
	}()
	if got := eval[string](t, tb, `[...document.querySelectorAll('button, input, select, .tools')].filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 80)).join(' ')`); got != "" {
		t.Errorf("%s: controls would be printed: %s", name, got)
	}
	if got := eval[string](t, tb, `document.querySelector('.paper').textContent`); !strings.Contains(got, "에 인쇄") || !strings.Contains(got, "http://") {
		t.Errorf("%s: below it says %q", name, got)
	}
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Log("no pdftotext: what would be printed is read in the page")
		eval[any](t, tb, `(dispatchEvent(new Event('beforeprint')), null)`)
		defer eval[any](t, tb, `(dispatchEvent(new Event('afterprint')), null)`)
		return squeezed(tb.text(t, "body"))
	}
	text, err := exec.CommandContext(t.Context(), tool, "-layout", path, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for p := range strings.SplitSeq(strings.TrimSuffix(string(text), "\f"), "\f") {
		_, _ = fmt.Fprintf(&all, "%s\f", squeezed(p))
	}
	return all.String()
}
