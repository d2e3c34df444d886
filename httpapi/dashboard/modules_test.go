package dashboard_test

import (
	"testing"
	"time"
)

// noon is one of the last days' in Seoul.
func noon() time.Time { return daysFromNow(-6).Add(12 * time.Hour) }

// TestModules: what the page's modules compute, by the page's own modules in the browser.
func TestModules(t *testing.T) {
	t.Parallel()
	s := startServe(t)
	tb := open(t, 1280, "light", s.api+"/")
	tb.shows(t, "h1", "이벤트 성과 보기")
	const load = `const at = document.querySelector('script[type=module]').src.replace(/[^/]*$/, ''); const m = (name) => import(at + name);`
	for name, tc := range map[string]struct{ js, want string }{
		"만 on a card":                       {`(await m('words.js')).large(123456)`, "12만 3,456"},
		"five digits on a card":             {`(await m('words.js')).large(10009)`, "10,009"},
		"억 on a card":                       {`(await m('words.js')).large(123456789)`, "1억 2,345만"},
		"just 만 on a card":                  {`(await m('words.js')).large(200000)`, "20만"},
		"조 on a card":                       {`(await m('words.js')).large(1200000000001)`, "1조 2,000억"},
		"below 만":                           {`(await m('words.js')).large(9999)`, "9,999"},
		"negative on a card":                {`(await m('words.js')).large(-123456)`, "-12만 3,456"},
		"만 in a table":                      {`(await m('words.js')).short(12999)`, "1.2만"},
		"never rounded up":                  {`(await m('words.js')).short(99999999)`, "9,999.9만"},
		"억 in a table":                      {`(await m('words.js')).short(123456789)`, "1.2억"},
		"a moment ago":                      {`(await m('words.js')).ago(0, 4000)`, "방금"},
		"minutes ago":                       {`(await m('words.js')).ago(0, 12.5 * 60000)`, "12분 전"},
		"days ago":                          {`(await m('words.js')).ago(Date.parse('2026-11-20T05:02:00Z'), Date.parse('2026-11-23T05:02:00Z'))`, "11월 20일 14:02"},
		"today":                             {`(await m('words.js')).moment(Date.parse('2026-11-23T05:02:00Z'), Date.parse('2026-11-23T14:00:00Z'))`, "14:02"},
		"yesterday":                         {`(await m('words.js')).moment(Date.parse('2026-11-22T05:02:00Z'), Date.parse('2026-11-23T05:02:00Z'))`, "11월 22일 14:02"},
		"in Korea":                          {`(await m('words.js')).isoInKorea(Date.parse('2026-11-23T15:02:03Z'))`, "2026-11-24T00:02:03+09:00"},
		"names of the language":             {`(await m('words.js')).valueName('region', 'constructor') + (await m('words.js')).valueName('gender', '__proto__')`, "constructor__proto__"},
		"ages":                              {`(await m('words.js')).valueName('ageGroup', '20s')`, "20대"},
		"a sheet":                           {`(await m('sheet.js')).csv([['a', 'b,"c"', null, 1.5], ['=1+1', '+x', -3, '@y']])`, "\ufeffa,\"b,\"\"c\"\"\",,1.5\r\n'=1+1,'+x,-3,'@y\r\n"},
		"events in pieces":                  {`(() => { const got = []; const p = s.parser((e) => got.push(e.name, e.id, e.data)); for (const c of ': hi\n\nevent: dashboard\r\nid: W/"1"\ndata: {"a":1}\ndata: 2\n\ndata: x\n\n') p(c); return JSON.stringify(got); })()`, `["dashboard","W/\"1\"","{\"a\":1}\n2","message","W/\"1\"","x"]`},
		"the unknown last":                  {`(await m('profile.js')).ordered('region', {unknown: 9, other: 7, 서울: 1, 부산: 2}).join(' ')`, "부산,2 서울,1 other,7 unknown,9"},
		"an age once":                       {`(await m('profile.js')).ordered('ageGroup', {'30대': 1, '30s': 2, ' 40 대': 3}).join(' ')`, "30s,3 40s,3"},
		"the largest are shown":             {`(await m('profile.js')).largest([['10s', 1], ['20s', 9], ['30s', 2], ['40s', 8], ['unknown', 5]], 3).join(' ')`, "20s,9 40s,8 unknown,5"},
		"ages by age":                       {`(await m('profile.js')).ordered('ageGroup', {'60s': 1, unknown: 1, '10s': 2, '100s': 1}).join(' ')`, "10s,2 60s,1 100s,1 unknown,1"},
		"hours, and those without anyone":   {`JSON.stringify(c.series([{from: '2026-11-23T10:00:00+09:00', participants: 2}], 'hour', Date.parse('2026-11-23T10:20:00+09:00'), Date.parse('2026-11-23T12:00:00+09:00'), Date.parse('2026-11-23T12:30:00+09:00')).map((p) => [p.n, p.running]))`, `[[2,false],[0,false],[0,true]]`},
		"days of hours":                     {`c.series([{from: '2026-11-22T23:00:00+09:00', participants: 2}, {from: '2026-11-23T00:00:00+09:00', participants: 3}], 'day', Date.parse('2026-11-22T00:00:00+09:00'), Date.parse('2026-11-23T00:00:00+09:00'), 0).map((p) => p.n).join()`, "2,3"},
		"weeks begin on Monday":             {`c.series([], 'week', Date.parse('2026-11-22T23:00:00+09:00'), Date.parse('2026-11-23T00:00:00+09:00'), 0).map((p) => words.isoInKorea(p.from).slice(0, 10)).join()`, "2026-11-16,2026-11-23"},
		"months":                            {`c.series([], 'month', Date.parse('2025-12-31T23:00:00+09:00'), Date.parse('2026-02-01T00:00:00+09:00'), 0).map((p) => words.isoInKorea(p.from).slice(0, 10)).join()`, "2025-12-01,2026-01-01,2026-02-01"},
		"a series is bounded":               {`c.series([{from: '2000-01-01T00:00:00+09:00', participants: 1}], 'hour', 0, Date.parse('2026-11-23T12:00:00+09:00'), 0).length`, "2000"},
		"whole lines behind the bars":       {`[0, 1, 4, 30, 99, 1e6].map((n) => c.stepOf(n)).join(' ')`, "1 1 2 10 50 500000"},
		"before the start":                  {`words.standing({state: 'planned', startsAt: '2026-11-28T00:00:00+09:00'}, now)`, "예정 D-5"},
		"running":                           {`words.standing({state: 'running', endsAt: '2026-12-09T00:00:00+09:00'}, now)`, "진행 중 D-15"},
		"the last day":                      {`words.standing({state: 'running', endsAt: '2026-11-24T00:00:00+09:00'}, now)`, "오늘 끝나요"},
		"without an end":                    {`words.standing({state: 'running', endsAt: null}, now)`, "진행 중"},
		"over":                              {`words.standing({state: 'ended', endsAt: '2026-11-01T00:00:00+09:00'}, now)`, "종료"},
		"the year where it is not this one": {`words.date(Date.parse('2025-11-23T00:00:00+09:00'), now) + ' ' + words.date(now, now)`, "2025년 11월 23일(일) 11월 23일(월)"},
		"rounds to nothing but is not":      {`words.ratio(0, 30) + ' ' + words.ratio(0, 0) + ' ' + words.ratio(1.5, 3)`, "< 0.01% 0% 1.5%"},
		"what is not known":                 {`['roiPercent', 'totalExposure', 'salesGrowthPercent', 'costPerParticipant'].map((n) => k.reason(n, {state: 'running', summary: {missing: ['prizeCost', 'baselineSales'], totalParticipants: 1}})).join(' | ')`, "경품 비용을 알려 주면 계산됩니다 | 노출을 알 수 없습니다 | 평소 매출을 알려 주면 계산됩니다 | 경품 비용을 알려 주면 계산됩니다"},
		"not yet":                           {`['roiPercent', 'totalExposure', 'costPerParticipant'].map((n) => k.reason(n, {state: 'planned', summary: {missing: ['prizeCost', 'exposure'], totalParticipants: 0}})).join(' | ')`, "시작하면 계산합니다 | 시작하면 계산합니다 | 시작하면 계산합니다"},
		"labels never touch":                {labelsApart, "true"},
		"steps of the slider":               {`[1, 200, 5000].map((minutes) => t.stepOf(minutes * 60000) / 60000).join(' ')`, "1 10 60"},
		"a moment in an address":            {`words.withAsOf('a/b', Date.parse('2026-11-23T05:02:00Z')) + ' ' + words.asOfIn(new URLSearchParams('asOf=2026-11-23T14:02:00%2B09:00')) + ' ' + words.asOfIn(new URLSearchParams('asOf=x'))`, "#/events/a%2Fb?asOf=2026-11-23T14%3A02%3A00%2B09%3A00 1795410120000 null"},
	} {
		got := eval[string](t, tb, `(async () => { `+load+` const s = await m('stream.js'), t = await m('timeline.js'), c = await m('chart.js'), k = await m('cards.js'), words = await m('words.js'), now = Date.parse('2026-11-23T12:00:00+09:00'); return String(await `+tc.js+`); })()`)
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// labelsApart draws the labels of trends of all lengths, in both languages, at several widths,
// and reports whether any two of a row touch, one is outside, there are none, or the first
// days of hours have no date.
const labelsApart = `(() => {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = '12px sans-serif';
  const width = (text) => pen.measureText(text).width;
  const day = 86400000, at = Date.parse('2026-11-23T12:00:00+09:00');
  const wrong = [];
  for (const language of ['en', 'ko']) {
    localStorage.setItem('jangbu.language', language);
    for (const [unit, days] of [['hour', 0.3], ['hour', 1], ['hour', 3], ['hour', 14], ['day', 1], ['day', 5], ['day', 60], ['day', 90], ['day', 400], ['week', 30], ['week', 730], ['month', 60], ['month', 730], ['month', 5000]]) {
      for (const total of [150, 300, 700, 1200, 3600]) {
        const points = c.series([], unit, at - days * day, at, at);
        const years = words.yearOf(points[0].from) !== words.yearOf(at);
        const all = c.labels(points, unit, total / points.length, width, total, (p, byMonth) => words.tick(p.from, unit, byMonth, at, years));
        const where = [language, unit, days, total].join(' ');
        if (!all.some((l) => l.row === 0)) wrong.push(where + ': none');
        if (years && !all.some((l) => /20\d\d/.test(l.text))) wrong.push(where + ': no year');
        for (const row of [0, 1]) {
          const some = all.filter((l) => l.row === row);
          if (unit === 'hour' && row === 1 && some.length > 0 && some[0].i > 48) wrong.push(where + ': the first days have no date');
          some.forEach((l, i) => {
            if (i > 0 && l.left < some[i - 1].right + 5) wrong.push(where + ': ' + some[i - 1].text + ' touches ' + l.text);
            if (l.left < -1 || l.right > total + 1) wrong.push(where + ': ' + l.text + ' is outside');
          });
        }
      }
    }
  }
  localStorage.removeItem('jangbu.language');
  return wrong.length > 0 ? wrong.slice(0, 20).join('; ') : 'true';
})()`
