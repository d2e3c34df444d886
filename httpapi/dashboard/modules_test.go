package dashboard_test

import (
	"testing"
	"time"
)

func noon() time.Time { return time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC) } // in Seoul

// TestModules: what the page's modules compute, by the page's own modules in the browser.
func TestModules(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	tb := open(t, 1280, "light", s.api+"/")
	tb.shows(t, "h1", "캠페인 성과 보기")
	const load = `const at = document.querySelector('script[type=module]').src.replace(/[^/]*$/, ''); const m = (name) => import(at + name);`
	for name, tc := range map[string]struct{ js, want string }{
		"만 on a card":            {`(await m('words.js')).large(12345)`, "1만 2,345"},
		"억 on a card":            {`(await m('words.js')).large(123456789)`, "1억 2,345만"},
		"just 만 on a card":       {`(await m('words.js')).large(10000)`, "1만"},
		"조 on a card":            {`(await m('words.js')).large(1200000000001)`, "1조 2,000억"},
		"below 만":                {`(await m('words.js')).large(9999)`, "9,999"},
		"negative on a card":     {`(await m('words.js')).large(-12345)`, "-1만 2,345"},
		"만 in a table":           {`(await m('words.js')).short(12999)`, "1.2만"},
		"never rounded up":       {`(await m('words.js')).short(99999999)`, "9,999.9만"},
		"억 in a table":           {`(await m('words.js')).short(123456789)`, "1.2억"},
		"a moment ago":           {`(await m('words.js')).ago(0, 4000)`, "방금"},
		"minutes ago":            {`(await m('words.js')).ago(0, 12.5 * 60000)`, "12분 전"},
		"days ago":               {`(await m('words.js')).ago(Date.parse('2026-11-20T05:02:00Z'), Date.parse('2026-11-23T05:02:00Z'))`, "11월 20일 14:02"},
		"today":                  {`(await m('words.js')).moment(Date.parse('2026-11-23T05:02:00Z'), Date.parse('2026-11-23T14:00:00Z'))`, "14:02"},
		"yesterday":              {`(await m('words.js')).moment(Date.parse('2026-11-22T05:02:00Z'), Date.parse('2026-11-23T05:02:00Z'))`, "11월 22일 14:02"},
		"in Korea":               {`(await m('words.js')).isoInKorea(Date.parse('2026-11-23T15:02:03Z'))`, "2026-11-24T00:02:03+09:00"},
		"names of the language":  {`(await m('words.js')).valueName('region', 'constructor') + (await m('words.js')).valueName('gender', '__proto__')`, "constructor__proto__"},
		"ages":                   {`(await m('words.js')).valueName('ageGroup', '20s')`, "20대"},
		"a sheet":                {`(await m('sheet.js')).csv([['a', 'b,"c"', null, 1.5], ['=1+1', '+x', -3, '@y']])`, "\ufeffa,\"b,\"\"c\"\"\",,1.5\r\n'=1+1,'+x,-3,'@y\r\n"},
		"events in pieces":       {`(() => { const got = []; const p = s.parser((e) => got.push(e.name, e.id, e.data)); for (const c of ': hi\n\nevent: dashboard\r\nid: W/"1"\ndata: {"a":1}\ndata: 2\n\ndata: x\n\n') p(c); return JSON.stringify(got); })()`, `["dashboard","W/\"1\"","{\"a\":1}\n2","message","W/\"1\"","x"]`},
		"the unknown last":       {`(await m('profile.js')).ordered('region', {unknown: 9, 서울: 1, 부산: 2}).join(' ')`, "부산,2 서울,1 unknown,9"},
		"ages by age":            {`(await m('profile.js')).ordered('ageGroup', {'60s': 1, unknown: 1, '10s': 2, '100s': 1}).join(' ')`, "10s,2 60s,1 100s,1 unknown,1"},
		"hours":                  {`JSON.stringify((await m('trend.js')).buckets([{from: '2026-11-23T10:00:00+09:00', participants: 2}, {from: '2026-11-23T11:00:00+09:00', participants: 3}], false, Date.parse('2026-11-23T11:30:00+09:00')))`, `{"xs":[1795395600,1795399200],"ys":[2,3],"step":3600,"running":true}`},
		"hours without anyone":   {`JSON.stringify((await m('trend.js')).buckets([{from: '2026-11-23T10:00:00+09:00', participants: 2}], false, Date.parse('2026-11-23T12:00:00+09:00')).ys)`, `[2,0,0]`},
		"long ago":               {`JSON.stringify((await m('trend.js')).buckets([{from: '2026-11-23T10:00:00+09:00', participants: 2}], false, Date.parse('2027-11-23T12:00:00+09:00')))`, `{"xs":[1795395600],"ys":[2],"step":3600,"running":false}`},
		"days that the API made": {`JSON.stringify((await m('trend.js')).buckets([{from: '2026-11-22T00:00:00+09:00', participants: 2}, {from: '2026-11-23T00:00:00+09:00', participants: 3}], false, Date.parse('2026-11-23T11:30:00+09:00'), 'day'))`, `{"xs":[1795273200,1795359600],"ys":[2,3],"step":86400,"running":true}`},
		"weeks":                  {`JSON.stringify((await m('trend.js')).buckets([{from: '2026-11-16T00:00:00+09:00', participants: 2}], true, Date.parse('2026-11-23T11:30:00+09:00'), 'week'))`, `{"xs":[1794754800,1795359600],"ys":[2,0],"step":604800,"running":true}`},
		"days":                   {`JSON.stringify((await m('trend.js')).buckets([{from: '2026-11-22T23:00:00+09:00', participants: 2}, {from: '2026-11-23T00:00:00+09:00', participants: 3}, {from: '2026-11-23T01:00:00+09:00', participants: 4}], true, Date.parse('2026-11-23T11:30:00+09:00')).ys)`, `[2,7]`},
		"steps of the slider":    {`[1, 200, 5000].map((minutes) => t.stepOf(minutes * 60000) / 60000).join(' ')`, "1 10 60"},
		"a moment in an address": {`t.withAsOf('a/b', Date.parse('2026-11-23T05:02:00Z')) + ' ' + t.asOfIn(new URLSearchParams('asOf=2026-11-23T14:02:00%2B09:00')) + ' ' + t.asOfIn(new URLSearchParams('asOf=x'))`, "#/events/a%2Fb?asOf=2026-11-23T14%3A02%3A00%2B09%3A00 1795410120000 null"},
	} {
		got := eval[string](t, tb, `(async () => { `+load+` const s = await m('stream.js'), t = await m('timeline.js'); return `+tc.js+`; })()`)
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
