package dashboard_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// promised is how soon the page says what has happened, and a second for a slow machine.
const promised = 7 * time.Second

// within waits for what the pill says, and fails where that takes longer than the six
// seconds that are promised.
func (tb *tab) within(t *testing.T, text string) {
	t.Helper()
	began := time.Now()
	tb.shows(t, ".pill", text)
	if took := time.Since(began); took > promised {
		t.Errorf("%q is said after %v", text, took)
	}
}

// TestLiveIsLive: the page is called live while it is. It says what is late, that the
// server is silent and for how long, and that a right has ended; then it is live again.
func TestLiveIsLive(t *testing.T) {
	t.Parallel()
	a := answering(t)
	a.set(watched("evt-1", "running", 7, 1), nil)
	tb := open(t, 1280, "light", a.URL+"/#/events/evt-1")
	tb.shows(t, ".pill", "실시간")
	tb.wait(t, participantsSaid+` === '7명'`)
	if n := a.asked["/api/events/evt-1/analytics?tz=Asia%2FSeoul"]; n != 1 {
		t.Errorf("the first numbers were asked for %d times, want once, by the first script", n)
	}

	for _, delayed := range []struct{ reason, said string }{
		{"paused", "집계를 잠시 멈췄습니다"}, {"rows", "집계가 늦어지고 있습니다"}, {"log", "기록이 늦어지고 있습니다"}, {"unknown", "숫자가 늦어지고 있습니다"},
	} {
		a.delay(map[string]any{"seconds": 37, "reason": delayed.reason})
		tb.within(t, delayed.said+" · 3")
	}
	a.delay(nil)
	tb.within(t, "실시간")

	// A patch changes what it names, and a stream that begins anew asks for what it lacks.
	v := watched("evt-1", "running", 8, 2)
	a.set(v, view{"position": 2, "summary": map[string]any{"totalParticipants": 8, "roiPercent": 50}, "channelRows": []any{v["channels"].([]any)[0]}, "heatCells": [][]int{{2, 14, 8}}})
	tb.wait(t, participantsSaid+` === '8명'`)
	tb.shows(t, "[data-card=roiPercent] .number", "50%")
	tb.shows(t, "[data-channel=naver] td.participants", "8")

	a.freeze()
	tb.within(t, "서버가 응답하지 않습니다")
	tb.shows(t, ".pill", "초 전 숫자")
	a.thaw()
	tb.within(t, "실시간")

	// A key that is withdrawn: the numbers stay. A campaign that has moved away: they go.
	a.refusing(func(*http.Request) int { return http.StatusUnauthorized })
	tb.within(t, "로그인이 끝났습니다")
	tb.wait(t, participantsSaid+` === '8명'`)
	a.refusing(nil)
	tb.goTo(t, a.URL+"/")
	tb.goTo(t, a.URL+"/#/events/evt-1")
	tb.shows(t, ".pill", "실시간")
	began := time.Now()
	a.refusing(func(*http.Request) int { return http.StatusNotFound })
	tb.shows(t, "h1", "볼 수 있는")
	if took := time.Since(began); took > promised {
		t.Errorf("a campaign that has moved is shown for %v more", took)
	}
	if n := eval[int](t, tb, `document.querySelectorAll('[data-card]').length`); n != 0 {
		t.Error("a campaign that has moved is still shown")
	}
}

// TestStatesAreNotLive: a campaign that has not begun, or has ended, is never called live.
func TestStatesAreNotLive(t *testing.T) {
	t.Parallel()
	a := answering(t)
	a.set(watched("evt-1", "planned", 0, 1), nil)
	a.set(watched("evt-2", "ended", 70, 1), nil)
	tb := open(t, 1280, "light", a.URL+"/#/events/evt-1")
	tb.shows(t, ".pill", "시작 전입니다")
	tb.goTo(t, a.URL+"/#/events/evt-2")
	tb.shows(t, ".pill", "끝난 이벤트입니다")
	if text := tb.text(t, "main"); strings.Contains(text, "실시간") {
		t.Errorf("an ended campaign is called live:\n%s", text)
	}
}

// TestUnpainted: what cannot be drawn is said and reported, is not called live, and is not
// acknowledged as seen: once it can be drawn it is, by itself or when the reader asks.
func TestUnpainted(t *testing.T) {
	t.Parallel()
	a := answering(t)
	a.set(watched("evt-1", "running", 7, 1), nil)
	tb := open(t, 1280, "light", a.URL+"/#/events/evt-1")
	tb.shows(t, ".pill", "실시간")
	eval[any](t, tb, `(console.error = (e) => { seen.reported = String(e); }, null)`)
	broken := watched("evt-1", "running", 8, 2)
	broken["profile"] = nil
	a.set(broken, nil)
	tb.within(t, "화면을 그리지 못했습니다")
	if got := eval[string](t, tb, `seen.reported`); !strings.Contains(got, "TypeError") {
		t.Errorf("reported: %q", got)
	}
	for deadline := time.Now().Add(promised); a.open() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d streams are open", a.open())
			break
		}
	}
	a.set(watched("evt-1", "running", 9, 3), nil)
	tb.click(t, ".bar .primary")
	tb.wait(t, participantsSaid+` === '9명'`)
	tb.shows(t, ".pill", "실시간")

	// From the beginning.
	a.set(broken, nil)
	tb.goTo(t, a.URL+"/")
	tb.goTo(t, a.URL+"/#/events/evt-1")
	tb.shows(t, "h1", "화면을 그리지 못했습니다")
	a.set(watched("evt-1", "running", 10, 4), nil)
	tb.click(t, ".state .primary")
	tb.wait(t, participantsSaid+` === '10명'`)
}

// manyTabs is how many tabs TestManyTabs opens, unless JANGBU_TEST_TABS says otherwise.
const manyTabs = 12

// TestManyTabs: many tabs of one browser are open and live with four streams, a third of
// them by the one of their campaign; a tab that cannot be seen has none. The campaigns are
// twice as many as the streams.
func TestManyTabs(t *testing.T) {
	t.Parallel()
	count := manyTabs
	if n, err := strconv.Atoi(os.Getenv("JANGBU_TEST_TABS")); err == nil {
		count = max(n, manyTabs)
	}
	a := answering(t)
	shared := count / 3
	campaign := func(n int) string { return fmt.Sprintf("evt-%d", max(0, n-shared+1)) }
	for n := range count {
		a.set(watched(campaign(n), "running", 7, 1), nil)
	}
	tabs := []*tab{open(t, 1280, "light", a.URL+"/#/events/"+campaign(0))}
	for n := 1; n < count; n++ {
		tabs = append(tabs, tabs[0].another(t, a.URL+"/#/events/"+campaign(n)))
	}
	for _, tb := range tabs {
		tb.shows(t, ".pill", "실시간")
	}
	for n := range count {
		a.set(watched(campaign(n), "running", 8, 2), nil)
	}
	for _, tb := range tabs {
		tb.wait(t, participantsSaid+` === '8명'`)
		tb.shows(t, ".pill", "실시간")
	}
	if a.most > 4 {
		t.Errorf("%d streams at once, want at most 4", a.most)
	}
	// What a stream hears is said in the tabs that have none.
	a.delay(map[string]any{"seconds": 3, "reason": "paused"})
	for _, tb := range tabs {
		tb.shows(t, ".pill", "집계를 잠시 멈췄습니다")
	}
	a.delay(nil)

	// All are hidden, and let go of their streams; one of those that shared theirs is seen
	// again, and gets one.
	const hide = `(Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true}), document.dispatchEvent(new Event('visibilitychange')), null)`
	for _, tb := range tabs {
		eval[any](t, tb, hide)
	}
	for deadline := time.Now().Add(10 * time.Second); a.open() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d streams of tabs that cannot be seen", a.open())
		}
	}
	seen := tabs[shared/2]
	eval[any](t, seen, `(delete document.visibilityState, document.dispatchEvent(new Event('visibilitychange')), null)`)
	a.set(watched(campaign(shared/2), "running", 9, 3), nil)
	seen.wait(t, participantsSaid+` === '9명'`)
	seen.shows(t, ".pill", "실시간")
	if n := a.open(); n != 1 {
		t.Errorf("%d streams of one tab that can be seen", n)
	}
}

// another opens one more tab in the same window.
func (tb *tab) another(t testing.TB, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(tb.ctx)
	another := &tab{ctx: ctx}
	t.Cleanup(func() { another.check(t); cancel() })
	another.watch(t)
	another.goTo(t, url)
	return another
}
