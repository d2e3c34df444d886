package dashboard_test

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// slow lets the tab's network be that of a telephone far from its mast: 400 ms to the
// first byte, 50 KB a second.
func (tb *tab) slow(t testing.TB) {
	t.Helper()
	if _, err := chromedp.Call(tb.ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(tb.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: 400, DownloadThroughput: 50_000, UploadThroughput: 50_000}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSlowNetwork: on slow 3G an owner sees the first number within four seconds, of a
// campaign of two years as well, and all of a page is at most 150 KB.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	const wait, weight = 4_000, 150 << 10
	a := answering(t)
	v := watched("evt-1", "running", 8_000, 1)
	var trend []any
	for day := range 2 * 365 / 7 {
		trend = append(trend, map[string]any{"from": time.Now().AddDate(-2, 0, 7*day).Format(time.RFC3339), "participants": 10 + day})
	}
	v["trend"], v["interval"], v["startsAt"] = trend, "week", time.Now().AddDate(-2, 0, 0).Format(time.RFC3339)
	a.set(v, nil)
	var cards []any
	for n := range 120 {
		cards = append(cards, cardOf(n))
	}
	a.lists["store-1"] = cards
	for page, seen := range map[string]string{"/#/events/evt-1": "card", "/#/stores/store-1": "list"} {
		tb := open(t, 360, "light", "about:blank")
		tb.slow(t)
		tb.goTo(t, a.URL+page)
		tb.wait(t, `seen.`+seen)
		took := eval[float64](t, tb, `seen.`+seen)
		tb.wait(t, `document.readyState === 'complete' && performance.getEntriesByType('resource').length > 10`)
		kib, requests := tb.transferred(t)
		t.Logf("%s: the first number after %.0f ms, %.0f KiB in %.0f requests", page, took, kib, requests)
		if took > wait {
			t.Errorf("%s: the first number after %.0f ms, want at most %d", page, took, wait)
		}
		if kib*1024 > weight {
			t.Errorf("%s: %.0f KiB", page, kib)
		}
	}
}
