package dashboard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// TestOwnerWatches: an owner opens what a demo says to open, clicks a campaign, and sees
// it move; nothing jumps.
func TestOwnerWatches(t *testing.T) {
	t.Parallel()
	demo := start(t, "demo")
	tb := open(t, 1280, "light", demo.open)
	tb.shows(t, "tbody tr th a", "이벤트")
	tb.wait(t, `document.querySelectorAll('tbody tr').length === 5`) // at first, as many as are folded
	kib, requests := tb.transferred(t)
	tb.click(t, "tbody a[href*=cafe-ongi-3]") // the one that ends today
	tb.wait(t, participantsSaid)
	t.Logf("%.0f KiB in %.0f requests; list after %.0f ms, campaign %.0f ms after the click", kib, requests, eval[float64](t, tb, `seen.list`), eval[float64](t, tb, `seen.card - seen.clicked`))
	tb.shows(t, ".pill", "실시간")
	for _, panel := range []string{"참여 추이", "채널 성과", "참여자 프로필"} {
		tb.shows(t, "h2", panel)
	}
	tb.wait(t, `document.querySelector('.counts rect')`)
	tb.shows(t, "[data-dimension=gender] li", "알 수 없음")

	mine := created(t, "evt-mine", "store-mine", "나의 이벤트")
	demo.produce(t, append(registered(t, "evt-mine", 0, 12_344, time.Now().Add(-50*time.Hour), 10*time.Second), mine)...)
	demo.participants(t, "evt-mine", 12_344)
	tb.goTo(t, demo.api+"/#/events/evt-mine")
	tb.shows(t, "h1", "나의 이벤트")
	tb.shows(t, "[data-card=totalParticipants] .number", "12,344")
	eval[int](t, tb, `(seen.shift = 0)`)
	eval[bool](t, tb, `(window.card = document.querySelector('[data-card=totalParticipants] .number')) !== null`)
	demo.produce(t, registered(t, "evt-mine", 12_344, 1, time.Now(), 0)...)
	tb.wait(t, participantsSaid+` === '12,345명'`)
	tb.shows(t, "[data-card=totalParticipants] .number", "12,345")
	if !eval[bool](t, tb, `window.card.isConnected`) {
		t.Error("the card was made anew: it flickers")
	}
	if shift := eval[float64](t, tb, `seen.shift`); shift >= 0.02 {
		t.Errorf("layout shift %.3f, want below 0.02", shift)
	}
	// It stays open for days: nothing may be left behind by a change.
	const size = `document.querySelectorAll('*').length + performance.getEntriesByType('measure').length`
	before := eval[int](t, tb, size)
	for n := range 8 {
		demo.produce(t, registered(t, "evt-mine", 12_345+n, 1, time.Now(), 0)...)
		tb.wait(t, participantsSaid+fmt.Sprintf(" === '12,%d명'", 346+n))
	}
	if after := eval[int](t, tb, size); after != before {
		t.Errorf("%d elements and measures after 8 changes, %d before", after, before)
	}
	tb.click(t, "[data-card=roiPercent] .why")
	tb.shows(t, ".sheet .sum", "÷ 1,200,000 × 100")
	tb.press(t, kb.Escape)
	tb.click(t, "[data-card=salesGrowthPercent] .why")
	tb.shows(t, ".sheet .sum", "3,000,000 ÷ 24,000,000 × 100 = 12.5%")
}

// TestChannelHangs: of a channel that does not answer the page says so and shows its
// last figure.
func TestChannelHangs(t *testing.T) {
	t.Parallel()
	demo := start(t, "demo")
	demo.campaigns(t, "카페온기", 5)
	tb := open(t, 1280, "light", demo.api+"/#/events/cafe-ongi-3")
	const state = `(document.querySelector('[data-channel=naver] .said')?.textContent ?? '')`
	const exposure = `document.querySelector('[data-channel=naver] .exposure .unseen').textContent`
	tb.wait(t, state+`.endsWith('집계')`)
	demo.order(t, "sns", "hang")
	tb.wait(t, state+`.startsWith('네이버 집계가 늦어지고 있습니다 (마지막 ')`)
	last := eval[string](t, tb, exposure)
	if last == "" || last == "0" || last == "–" {
		t.Errorf("exposure %q, want the last figure", last)
	}
	if got := eval[string](t, tb, `document.querySelector('[data-card=totalExposure] .number .unseen').textContent`); got == "" || got == "0회" {
		t.Errorf("total exposure %q", got)
	}
}

// TestServerComesBack: while the server is away the page says so and keeps its numbers;
// once it is there again the page is live by itself.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startServe(t, "--insecure-no-auth", "--data-dir", dir)
	s.produce(t, append(registered(t, "evt-1", 0, 7, time.Now(), 0), created(t, "evt-1", "store-1", "가을 감사 이벤트"))...)
	s.participants(t, "evt-1", 7)
	tb := open(t, 1280, "light", s.api+"/#/events/evt-1")
	tb.wait(t, participantsSaid+` === '7명'`)
	s.kill()
	tb.shows(t, ".pill", "연결이 끊겼습니다")
	if got := eval[string](t, tb, participantsSaid); got != "7명" {
		t.Errorf("meanwhile the card says %q", got)
	}
	again := start(t, "serve", "--insecure-no-auth", "--data-dir", dir, "--http-addr", s.api[len("http://"):], "--admin-addr", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--log-level", "error")
	again.produce(t, registered(t, "evt-1", 7, 1, time.Now(), 0)...)
	tb.wait(t, participantsSaid+` === '8명'`)
	tb.shows(t, ".pill", "실시간")
}
