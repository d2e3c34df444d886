package dashboard_test

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkPage measures what an owner waits for, in milliseconds, with everything on one
// machine: from opening what a demo prints to the list, from a click to the campaign's
// numbers, from a registration's being produced to its being on the card, from the
// server's being started again to the page's being live, from a letter typed to the list
// of 2,000 campaigns filtered, and to draw a trend of sixty days of hours. Besides: what
// is transferred for the list, in KiB, in how many requests, and the layout shift.
func BenchmarkPage(b *testing.B) {
	for b.Loop() {
		figures := func(unit string, ms float64) { b.ReportMetric(ms, unit) }
		firstLook(b, figures)
		many(b, figures)
		restart(b, figures)
	}
}

func firstLook(b *testing.B, report func(string, float64)) {
	demo := start(b, "demo")
	tb := open(b, 1280, "light", demo.open)
	tb.wait(b, `seen.list`)
	report("list-ms", eval[float64](b, tb, `seen.list`))
	kib, requests := tb.transferred(b)
	report("transfer-KiB", kib)
	report("requests", requests)
	tb.click(b, "tbody tr:first-child a")
	tb.wait(b, `seen.card`)
	report("campaign-ms", eval[float64](b, tb, `seen.card - seen.clicked`))

	demo.produce(b, append(registered(b, "evt-mine", 0, 1, time.Now(), 0), created(b, "evt-mine", "store-mine", "나의 이벤트"))...)
	demo.participants(b, "evt-mine", 1)
	tb.goTo(b, demo.api+"/#/events/evt-mine")
	tb.shows(b, ".pill", "실시간")
	tb.wait(b, participantsSaid+` === '1명'`)
	var all []float64
	for n := 1; n <= 20; n++ {
		next := registered(b, "evt-mine", n, 1, time.Now(), 0)
		began := time.Now()
		demo.produce(b, next...)
		tb.wait(b, participantsSaid+fmt.Sprintf(" === '%d명'", n+1))
		all = append(all, time.Since(began).Seconds()*1000)
	}
	report("registration-max-ms", maximum(all))
	report("shift", eval[float64](b, tb, `seen.shift`))
}

// transferred is what the page has asked for so far.
func (tb *tab) transferred(t testing.TB) (kib, requests float64) {
	t.Helper()
	got := eval[[]float64](t, tb, `(() => { const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; return [all.reduce((s, e) => s + e.transferSize, 0), all.length]; })()`)
	return got[0] / 1024, got[1]
}

func many(b *testing.B, report func(string, float64)) {
	s := startServe(b)
	s.fill(b)
	s.campaigns(b, "store-1", 2_000)
	tb := open(b, 1280, "light", s.api+"/#/stores/store-1")
	tb.shows(b, ".count", "이벤트 2,000개")
	eval[any](b, tb, `seen.longest = {}`)
	tb.click(b, "#search")
	for _, letter := range "책방 이벤트 1" {
		tb.press(b, string(letter))
	}
	tb.wait(b, `document.querySelector('.count').textContent.startsWith('2,000개 가운데 ')`)
	report("filter-max-ms", eval[float64](b, tb, `seen.longest['jangbu:list']`))
	tb.goTo(b, s.api+"/")
	tb.goTo(b, s.api+"/#/events/evt-0007")
	tb.wait(b, `seen.longest['jangbu:trend']`)
	report("trend-max-ms", eval[float64](b, tb, `seen.longest['jangbu:trend']`))
}

func restart(b *testing.B, report func(string, float64)) {
	dir := b.TempDir()
	s := startServe(b, "--insecure-no-auth", "--data-dir", dir)
	s.produce(b, append(registered(b, "evt-1", 0, 7, time.Now(), 0), created(b, "evt-1", "store-1", "가을 감사 이벤트"))...)
	s.participants(b, "evt-1", 7)
	tb := open(b, 1280, "light", s.api+"/#/events/evt-1")
	tb.shows(b, ".pill", "실시간")
	s.kill()
	tb.shows(b, ".pill", "연결이 끊겼습니다")
	time.Sleep(10 * time.Second) // it has waited for its longest
	start(b, "serve", "--insecure-no-auth", "--data-dir", dir, "--http-addr", s.api[len("http://"):], "--admin-addr", "127.0.0.1:0", "--kafka-listen", "127.0.0.1:0", "--log-level", "error")
	began := time.Now()
	tb.shows(b, ".pill", "실시간")
	report("recovery-ms", time.Since(began).Seconds()*1000)
}

func maximum(all []float64) (most float64) {
	for _, v := range all {
		most = max(most, v)
	}
	return most
}
