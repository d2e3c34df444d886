package dashboard_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestTimeSlider: the slider shows the campaign as it was known at an earlier moment, by
// an address that shows the same to every viewer, and goes back to now.
func TestTimeSlider(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	s.produce(t, append(registered(t, "evt-1", 0, 3, time.Now().Add(-2*time.Hour), 0), created(t, "evt-1", "store-1", "가을 감사 이벤트"))...)
	s.participants(t, "evt-1", 3)
	// Moments in an address are whole seconds: one must pass between the two states.
	then := time.Now().Truncate(time.Second).Add(time.Second)
	time.Sleep(time.Until(then.Add(time.Second)))
	s.produce(t, registered(t, "evt-1", 3, 4, time.Now(), 0)...)
	s.participants(t, "evt-1", 7)

	address := "/#/events/evt-1?asOf=" + url.QueryEscape(then.In(time.FixedZone("KST", 9*60*60)).Format(time.RFC3339))
	tb := open(t, 1280, "light", s.api+address)
	tb.wait(t, participantsSaid+` === '3명'`)
	tb.shows(t, ".pill", "의 기록입니다")
	tb.click(t, ".timeline .primary")
	tb.wait(t, participantsSaid+` === '7명'`)
	tb.shows(t, ".pill", "실시간")
	if got := eval[string](t, tb, `location.hash`); got != "#/events/evt-1" {
		t.Errorf("the address of now is %s", got)
	}
	// With the keys: one step back is a minute, and nothing was known then.
	eval[any](t, tb, `document.querySelector('#moment').focus()`)
	tb.press(t, kb.ArrowLeft)
	tb.shows(t, ".toast", "이 시각에는 아직 알려진 것이 없습니다")
	if got := eval[string](t, tb, `location.hash`); !strings.HasPrefix(got, "#/events/evt-1?asOf=") {
		t.Errorf("the address of the past is %s", got)
	}
	// Numbers of now would be taken for those of then.
	if eval[bool](t, tb, `[...document.querySelectorAll('.cards, .panel')].some((e) => e.checkVisibility())`) {
		t.Error("numbers are shown at a moment at which nothing was known")
	}
	tb.press(t, kb.End)
	tb.shows(t, ".pill", "실시간")
	tb.shows(t, "[data-card=totalParticipants] .number", "7")
	// The exact moment, typed.
	eval[any](t, tb, `(() => { const e = document.querySelector('#exact'); e.value = '2020-01-01T00:00'; e.dispatchEvent(new Event('change')); })()`)
	tb.shows(t, ".toast", "이 시각에는 아직 알려진 것이 없습니다")
	// What is asked for beyond now is now.
	tb.goTo(t, s.api+"/")
	tb.goTo(t, s.api+"/#/events/evt-1?asOf=2100-01-01T00:00:00Z")
	tb.wait(t, participantsSaid+` === '7명'`)
}

// TestManyCampaigns: of 2,000 campaigns those that are looked for are found, in the order
// that is asked for, the unknown last; and sixty days of hours are drawn and can be
// looked into.
func TestManyCampaigns(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	s.produce(t, record(t, "event-created", fact{"eventId": "evt-free", "storeId": "store-1", "title": "돈 없는 이벤트", "objective": "x"}))
	s.fill(t)
	s.campaigns(t, "store-1", 2_001)

	tb := open(t, 1280, "light", s.api+"/#/stores/store-1")
	tb.shows(t, ".count", "이벤트 2,001개")
	const first = `document.querySelector('tbody tr').dataset.campaign`
	tb.wait(t, first+` === 'evt-0007'`) // the one with participants
	const drawn = `document.querySelectorAll('tbody tr').length`
	if n := eval[int](t, tb, drawn); n != 100 {
		t.Errorf("%d rows are drawn, want 100", n)
	}
	tb.click(t, "#search")
	tb.press(t, "책방 이벤트 19")
	tb.wait(t, `document.querySelector('.count').textContent.startsWith('2,001개 가운데 ')`)
	if n := eval[int](t, tb, drawn); n != 26+2 { // 1902, 1906 … 1998, then 190 … 199 and 19
		titles := eval[[]string](t, tb, `[...document.querySelectorAll('tbody tr a bdi')].map((e) => e.textContent)`)
		t.Errorf("%d rows: %q", n, titles)
	}
	eval[any](t, tb, `(() => { const e = document.querySelector('#search'); e.value = ''; e.dispatchEvent(new Event('input')); })()`)
	tb.click(t, "th.salesGrowthPercent button")
	tb.click(t, "th.salesGrowthPercent button") // the lowest first
	if got := eval[string](t, tb, `document.querySelector('th.salesGrowthPercent').ariaSort`); got != "ascending" {
		t.Errorf("sorted %s", got)
	}
	for range 20 {
		tb.click(t, ".list > .quiet")
	}
	tb.wait(t, drawn+` === 2001`)
	if got := eval[string](t, tb, `document.querySelector('tbody tr:last-child').dataset.campaign`); got != "evt-free" {
		t.Errorf("last is %s, want the one whose growth is unknown", got)
	}

	tb.goTo(t, s.api+"/#/events/evt-0007")
	tb.wait(t, `document.querySelector('.counts rect')`)
	tb.click(t, ".trend > .table summary")
	const bars, rows = `document.querySelectorAll('.counts rect').length`, `document.querySelectorAll('.trend > .table tbody tr').length`
	tb.wait(t, bars+` === 61 && `+rows+` === 61`)
	if got := tb.text(t, ".trend > .table tbody tr:first-child td"); !strings.HasSuffix(got, " (집계 중)") {
		t.Errorf("the day that is still running: %q", got)
	}
	tb.click(t, ".choice [data-unit=week]")
	tb.wait(t, bars+` <= 10 && `+bars+` === `+rows)
	tb.click(t, ".choice [data-unit=day]")
	// Nearer, until hours are read, and out again.
	const whole = `document.querySelector('.zoom').children[0].hidden`
	const nearer = `document.querySelector('.choice [data-unit=hour]').ariaPressed === 'true'`
	for range 4 {
		tb.click(t, ".zoom button:nth-child(3)")
	}
	tb.wait(t, nearer+` && `+bars+` > 80 && `+bars+` === `+rows)
	for _, button := range []int{1, 4, 2, 5} {
		tb.click(t, fmt.Sprintf(".zoom button:nth-child(%d)", button))
	}
	tb.wait(t, whole)
	type point struct{ X, Y float64 }
	at := eval[point](t, tb, `(() => { const e = document.querySelector('.chart'); e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); return {x: r.x, y: r.y + r.height / 2}; })()`)
	if err := chromedp.Do(tb.ctx, chromedp.DragAndDropXY(at.X+100, at.Y, at.X+300, at.Y, 10)); err != nil {
		t.Fatal(err)
	}
	tb.wait(t, "!("+whole+")")
	tb.click(t, ".zoom button:nth-child(5)")
	tb.wait(t, whole)
	label := eval[string](t, tb, `document.querySelector('.chart').ariaLabel`)
	if !strings.Contains(label, "참여자 1,441") {
		t.Errorf("the chart is read as %q", label)
	}
}

// TestReaderChooses: language and theme are the reader's, and stay; without a choice the
// page is Korean and follows the system.
func TestReaderChooses(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	s.produce(t, append(append(registered(t, "evt-1", 0, 12_345, noon(), time.Second), created(t, "evt-1", "store-1", "가을 감사 이벤트")), distributed(t, "evt-1")...)...)
	s.participants(t, "evt-1", 12_345)
	s.until(t, "/api/events/evt-1/analytics", func(_ int, body map[string]any) bool { all, _ := body["channels"].([]any); return len(all) == 5 })
	tb := open(t, 1280, "dark", s.api+"/#/events/evt-1")
	tb.shows(t, "[data-card=totalParticipants] h2", "총참여자")
	const paper = `getComputedStyle(document.body).backgroundColor`
	const dark, light = "rgb(18, 22, 20)", "rgb(245, 244, 239)"
	if got := eval[string](t, tb, paper); got != dark {
		t.Errorf("where the system is dark: %s", got)
	}
	tb.click(t, "#theme")
	if got := eval[string](t, tb, paper); got != light {
		t.Errorf("light by choice: %s", got)
	}
	tb.click(t, "#language")
	tb.shows(t, "[data-card=totalParticipants] h2", "Participants")
	tb.shows(t, ".pill", "Live")
	tb.shows(t, "[data-channel=genietv] .said", "Figures of Genie TV are late")
	if got := eval[string](t, tb, participantsSaid); got != "12,345" {
		t.Errorf("in English: %q", got)
	}
	// A word that was forgotten would be Korean. The campaign's own stay.
	rest := eval[string](t, tb, `(() => { const own = new Set(['h1', '.objective', '.title .objective', '[data-dimension=region] .name', '#language'].flatMap((s) => [...document.querySelectorAll(s)]));
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); const left = [];
		while (walk.nextNode()) if (/[가-힣]/.test(walk.currentNode.data) && ![...own].some((e) => e.contains(walk.currentNode)) && walk.currentNode.parentElement.tagName !== 'NOSCRIPT') left.push(walk.currentNode.data);
		return left.join('|'); })()`)
	if rest != "" {
		t.Errorf("still Korean: %s", rest)
	}
	if err := chromedp.Do(tb.ctx, chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
	tb.shows(t, "[data-card=totalParticipants] h2", "Participants")
	if got := eval[string](t, tb, paper+` + document.documentElement.lang`); got != light+"en" {
		t.Errorf("after a reload: %s", got)
	}
}

// TestKeyboard: without a mouse a reader gets from the list to how a number came about.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	s.produce(t, append(registered(t, "evt-1", 0, 7, noon(), time.Second), created(t, "evt-1", "store-1", "가을 감사 이벤트"), created(t, "evt-2", "store-1", "봄 이벤트"))...)
	s.participants(t, "evt-1", 7)
	s.campaigns(t, "store-1", 2)
	tb := open(t, 1280, "light", s.api+"/#/stores/store-1")
	tb.shows(t, ".count", "이벤트 2개")
	// tabTo presses Tab until what is wanted has the focus, and sees it marked.
	tabTo := func(selector string) {
		t.Helper()
		for range 60 {
			tb.press(t, kb.Tab)
			if eval[bool](t, tb, `document.activeElement.matches(`+quote(selector)+`)`) {
				if style := eval[string](t, tb, `getComputedStyle(document.activeElement).outlineStyle`); style == "none" {
					t.Errorf("%s: the focus cannot be seen", selector)
				}
				return
			}
		}
		t.Fatalf("%s is not reached", selector)
	}
	tabTo("#skip")
	tb.press(t, kb.Enter)
	if got := eval[string](t, tb, `document.activeElement.id + location.hash`); got != "main#/stores/store-1" {
		t.Errorf("skipped to %s", got)
	}
	tabTo("#search")
	tabTo("th.title button")
	tb.press(t, kb.Enter)
	tb.wait(t, `document.querySelector('tbody tr').dataset.campaign === 'evt-1' && document.querySelector('th.title').ariaSort === 'ascending'`)
	tabTo("tbody tr:first-child a")
	tb.press(t, kb.Enter)
	tb.wait(t, participantsSaid+` === '7명'`)
	if got := eval[string](t, tb, `document.activeElement.id`); got != "main" {
		t.Errorf("on a new page the focus is on %q", got)
	}
	tabTo("[data-card=roiPercent] .why")
	tb.press(t, kb.Enter)
	tb.shows(t, ".sheet dt", "총비용")
	tb.press(t, kb.Escape)
	tb.wait(t, `document.activeElement.matches('[data-card=roiPercent] .why')`)
	tabTo(".zoom button")
	tabTo(".chart")
	tb.press(t, kb.Home)
	tb.wait(t, `document.activeElement.ariaValueNow === '0' && document.querySelector('.trend .readout').textContent === document.activeElement.ariaValueText`)
	tabTo(".table summary")
	if err := chromedp.Do(tb.ctx, chromedp.NavigateBack()); err != nil {
		t.Fatal(err)
	}
	tb.shows(t, ".count", "이벤트 2개")
}
