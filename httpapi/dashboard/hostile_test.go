package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"jangbu/events"
)

// hostileTitles are titles of campaigns that attack the page.
func hostileTitles() []string {
	seeds := []string{
		`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `"><script>alert(1)</script>`, `'-alert(1)-'`, `javascript:alert(1)`,
		`<iframe srcdoc="<script>parent.alert(1)</script>">`, `<style>*{display:none}</style>`, `<base href=//evil.example>`, `<form action=//evil.example><input name=q>`,
		`<a href="javascript:alert(1)">x</a>`, `{{constructor.constructor('alert(1)')()}}`, `${alert(1)}`, "`${alert(1)}`", `<math><mi//xlink:href="data:x,<script>alert(1)</script>">`,
		`<!--<img src="--><img src=x onerror=alert(1)//">`, `]]><script>alert(1)</script>`, `&lt;script&gt;alert(1)&lt;/script&gt;`, `\u003cscript\u003ealert(1)\u003c/script\u003e`,
		"a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\u200b\u200c\u200d\ufeff", strings.Repeat("가", 60),
		strings.Repeat("W", 180), "=HYPERLINK(\"//evil.example\")", "+1+1", "@SUM(1)", "-2", `__proto__`, `constructor`, `toString`, `'; DROP TABLE event_stats; --`,
		`<link rel=stylesheet href=//evil.example>`, `<meta http-equiv=refresh content="0;url=//evil.example">`, `<object data=//evil.example>`, `<template><script>alert(1)</script></template>`, `<details open ontoggle=alert(1)>`,
	}
	titles := make([]string, 0, 500)
	for i := range 500 {
		titles = append(titles, fmt.Sprintf("%s %d", seeds[i%len(seeds)], i))
	}
	return titles
}

// TestHostileTitles: 500 titles that would be markup, formulas or names of the language's
// own are shown as what they are, on the list, on their pages and in the sheet.
func TestHostileTitles(t *testing.T) {
	t.Parallel()
	titles := hostileTitles()
	s := startServe(t)
	records := make([]events.Record, len(titles))
	for i, title := range titles {
		records[i] = created(t, fmt.Sprintf("evt-%04d", i), "store-1", title)
	}
	s.produce(t, append(records, registered(t, "evt-0001", 0, 1, noon(), 0)...)...)
	s.participants(t, "evt-0001", 1)
	s.campaigns(t, "store-1", len(titles))

	tb := open(t, 1280, "light", s.api+"/#/stores/store-1")
	tb.shows(t, ".count", "이벤트 500개")
	for range 4 {
		tb.click(t, ".list > .quiet")
	}
	tb.wait(t, `document.querySelectorAll('tbody tr').length === 500`)
	shown := eval[map[string]string](t, tb, `Object.fromEntries([...document.querySelectorAll('tbody tr')].map((tr) => [tr.dataset.campaign, tr.querySelector('a bdi').textContent]))`)
	for i, title := range titles {
		if got := shown[fmt.Sprintf("evt-%04d", i)]; got != title {
			t.Errorf("title %q is shown as %q", title, got)
		}
	}
	const foreign = `document.querySelectorAll('main :is(script, img, iframe, object, embed, style, link, meta, base, math, template, form), main bdi *').length`
	if n := eval[int](t, tb, foreign); n > 0 {
		t.Errorf("%d elements that a title has brought", n)
	}
	for i := range 40 {
		tb.goTo(t, fmt.Sprintf("%s/#/events/evt-%04d", s.api, i))
		tb.wait(t, `document.querySelector('h1 bdi')?.textContent === `+quote(titles[i]))
		if n := eval[int](t, tb, foreign); n > 0 {
			t.Errorf("%q: %d elements that the title has brought", titles[i], n)
		}
		if overflow := eval[bool](t, tb, `document.documentElement.scrollWidth > innerWidth`); overflow {
			t.Errorf("%q: the page is wider than the window", titles[i])
		}
	}
}
