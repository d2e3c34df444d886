package dashboard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"jangbu/events"
)

// telephone opens an address as a telephone of 360 × 740 does, with a finger.
func telephone(t testing.TB, url string) *tab {
	t.Helper()
	tb := open(t, 360, "light", url)
	if _, err := chromedp.Call(tb.ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(tb.ctx, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch), chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
	return tb
}

// season is a shop with campaigns of every kind: one comes, two run, two are over, one runs
// without anyone, and one has run for two years and a registration of long before.
func season(t testing.TB) *service {
	t.Helper()
	s := startServe(t)
	goal := func(r events.Record, target int) events.Record {
		r.Value = []byte(strings.Replace(string(r.Value), `{`, fmt.Sprintf(`{"goal":{"metric":"participants","target":%d},`, target), 1))
		return r
	}
	records := []events.Record{
		lasting(t, "evt-planned", "store-1", "크리스마스 케이크 예약 이벤트", 5, 35),
		goal(lasting(t, "evt-running", "store-1", "행복분식 가을 감사 경품 이벤트", -15, 15), 2_000),
		lasting(t, "evt-none", "store-1", "오늘 시작한 이벤트", 0, 30),
		lasting(t, "evt-ended", "store-1", "골목책방 신메뉴 출시 할인 쿠폰 이벤트", -60, -30),
		lasting(t, "evt-before", "store-1", "봄 개업 이벤트", -100, -70),
		lasting(t, "evt-years", "store-1", "두 해 동안 하는 단골 이벤트", -730, 100),
		record(t, "event-created", fact{"eventId": "evt-silent", "storeId": "store-1", "title": "비용을 모르는 이벤트", "objective": "x", "startsAt": daysFromNow(-3).Format(time.RFC3339), "endsAt": daysFromNow(1).Format(time.RFC3339)}),
	}
	records = append(records, registered(t, "evt-running", 0, 30, daysFromNow(-15).Add(time.Hour), 30*time.Minute)...)
	records = append(records, registered(t, "evt-running", 100, 24, daysFromNow(-8), time.Hour)...)
	records = append(records, registered(t, "evt-running", 200, 23, daysFromNow(-1), time.Hour)...)
	for i, channel := range []string{"현장", "길거리 전단", ""} { // on site, another one, unknown
		f := fact{"eventId": "evt-running", "participantId": fmt.Sprintf("q-%d", i), "phoneNumber": fmt.Sprintf("010-9999-%04d", i), "registeredAt": daysFromNow(-2).Format(time.RFC3339)}
		if channel != "" {
			f["channel"] = channel
		}
		records = append(records, record(t, "participant-registered", f))
	}
	records = append(records, distributed(t, "evt-running")...)
	records = append(records, registered(t, "evt-ended", 0, 300, daysFromNow(-55), 2*time.Hour)...)
	records = append(records, registered(t, "evt-before", 0, 40, daysFromNow(-90), 2*time.Hour)...)
	records = append(records, registered(t, "evt-years", 0, 1400, daysFromNow(-729), 12*time.Hour)...)
	records = append(records, registered(t, "evt-years", 5000, 1, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), 0)...)
	records = append(records, registered(t, "evt-silent", 0, 2, daysFromNow(-1), time.Hour)...)
	s.produce(t, records...)
	s.participants(t, "evt-silent", 2)
	s.participants(t, "evt-years", 1401)
	s.campaigns(t, "store-1", 7)
	return s
}

// TestCampaign is what an owner sees of campaigns of every kind.
func TestCampaign(t *testing.T) {
	t.Parallel()
	s := season(t)
	page := func(id string) string { return s.api + "/#/events/" + id }

	t.Run("the first screen of a telephone", func(t *testing.T) {
		tb := telephone(t, page("evt-planned"))
		for id, want := range map[string]string{"evt-planned": "예정 D-5", "evt-running": "진행 중 D-14", "evt-none": "진행 중 D-29", "evt-ended": "종료", "evt-years": "진행 중 D-99", "evt-silent": "오늘 끝나요"} {
			tb.goTo(t, page(id))
			tb.shows(t, ".chip", want)
			tb.wait(t, `document.querySelector('.sentence').textContent !== ''`)
			for _, e := range []string{".chip", ".sentence", "[data-card=totalParticipants] .number", "[data-card=totalExposure] .number", "[data-card=roiPercent] .number", "[data-card=salesGrowthPercent] .number"} {
				box := eval[[]float64](t, tb, `(() => { const r = document.querySelector(`+quote(e)+`).getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom, r.height]; })()`)
				if box[0] < 0 || box[1] < 0 || box[2] > 360 || box[3] > 740 || box[4] == 0 {
					t.Errorf("%s: %s is at %v, not on the first screen of 360 × 740", id, e, box)
				}
			}
			if small := eval[[]string](t, tb, `[...document.querySelectorAll('main :is(button, a, input, summary, [tabindex="0"]), header :is(button, a)')].filter((e) => e.checkVisibility() && !e.matches('.why')).map((e) => [e, e.getBoundingClientRect()]).filter(([, r]) => r.height < 43.5 || r.width < 43.5).map(([e, r]) => e.outerHTML.slice(0, 80) + ' ' + Math.round(r.width) + '×' + Math.round(r.height))`); len(small) > 0 {
				t.Errorf("%s: too small for a finger: %q", id, small)
			}
		}
	})
	t.Run("a number that is not known says why", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-silent"))
		tb.shows(t, "[data-card=roiPercent] .note", "경품 비용을 알려 주면 계산됩니다")
		tb.shows(t, "[data-card=totalExposure] .note", "노출을 알 수 없습니다")
		tb.shows(t, "[data-card=salesGrowthPercent] .note", "평소 매출을 알려 주면 계산됩니다")
		tb.goTo(t, page("evt-planned"))
		tb.shows(t, "[data-card=roiPercent] .note", "시작하면 계산합니다")
		tb.shows(t, "[data-card=salesGrowthPercent] .tag", "예상")
		tb.shows(t, ".coming", "첫 참여자가 오면")
	})
	t.Run("channels sum to the card", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-running"))
		tb.shows(t, "[data-channel=onsite]", "현장")
		tb.shows(t, "[data-channel=sum] .participants", "80명")
		rows := eval[map[string]int](t, tb, `Object.fromEntries([...document.querySelectorAll('.channels tr[data-channel]')].map((tr) => [tr.dataset.channel, Number(tr.querySelector('.participants .unseen').textContent.replace(/[^0-9]/g, ''))]))`)
		sum := 0
		for channel, n := range rows {
			if channel != "sum" {
				sum += n
			}
		}
		if sum != 80 || rows["sum"] != 80 || rows["onsite"] != 1 || rows["other"] != 1 || rows["unknown"] != 1 || eval[string](t, tb, participantsSaid) != "80명" {
			t.Errorf("channels %v sum to %d, the card says %s", rows, sum, eval[string](t, tb, participantsSaid))
		}
		tb.shows(t, "[data-channel=kakao] .exposure", "알 수 없음")
		tb.shows(t, "[data-channel=naver] .conversion", "노출 가운데")
		tb.shows(t, "[data-channel=instagram] .conversion", "반응 가운데")
		tb.shows(t, "[data-channel=genietv] .said", "광고는 계속 나갑니다")
		if got := tb.text(t, "[data-channel=genietv] .costEach"); got != "" {
			t.Errorf("cost of each of none: %q", got)
		}
		// The bars are as long as the people are many.
		longest := eval[[]string](t, tb, `[...document.querySelectorAll('.channels tbody tr')].map((tr) => tr.querySelector('.meter rect').getAttribute('width'))`)
		if !strings.Contains(strings.Join(longest, " "), "100.00%") {
			t.Errorf("bars %q", longest)
		}
	})
	t.Run("compared by the time of taking part", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-running"))
		tb.shows(t, ".compare", "최근 7일")
		if got := eval[string](t, tb, `document.querySelectorAll('.compare dd')[1].innerText`); !strings.Contains(got, "23명 ▼ 1명 덜") {
			t.Errorf("yesterday: %q, want 23 and one fewer than the 24 of a week before", got)
		}
		changes := eval[[]string](t, tb, `[...document.querySelectorAll('.compare .change')].map((e) => e.dataset.change ?? '')`)
		if strings.Join(changes, " ") != " down up" && strings.Join(changes, " ") != " down down" {
			t.Errorf("changes %q: today is to have no colour, yesterday is a fall", changes)
		}
		for _, card := range []string{"roiPercent", "salesGrowthPercent"} {
			if got := tb.text(t, "[data-card="+card+"]"); strings.ContainsAny(got, "▲▼") {
				t.Errorf("%s has an arrow: %q", card, got)
			}
		}
		tb.shows(t, ".goal .said", "참여자 2,000명 가운데 80명 (4%)")
	})
	t.Run("an ended campaign", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-ended"))
		tb.shows(t, ".closing .facts", "가장 좋았던 날")
		tb.shows(t, ".closing .beside", "봄 개업 이벤트")
		tb.shows(t, ".closing .beside td", "40명")
		if eval[bool](t, tb, `document.querySelector('.compare').checkVisibility()`) {
			t.Error("it is still compared with before")
		}
	})
	t.Run("why a number is what it is", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-running"))
		tb.click(t, "[data-card=totalParticipants] .why")
		tb.shows(t, ".found h3", "채널별")
		if sum := eval[int](t, tb, `[...document.querySelector('.found table').querySelectorAll('tbody td')].reduce((s, e) => s + Number.parseInt(e.textContent), 0)`); sum != 80 {
			t.Errorf("the channels of the evidence sum to %d, want 80", sum)
		}
		tb.shows(t, ".records td", "participant-registered/") // who needs no token is an operator
		tb.wait(t, `document.querySelectorAll('.records tbody tr').length === 50`)
		tb.click(t, ".records > .quiet")
		tb.wait(t, `document.querySelectorAll('.records tbody tr').length === 80`)
		if got := tb.text(t, ".sheet"); strings.Contains(got, "010-") || strings.Contains(got, "p-100") {
			t.Errorf("a person is in the evidence: %s", got)
		}
		tb.press(t, kb.Escape)
		tb.wait(t, `!document.querySelector('dialog') && document.activeElement.matches('[data-card=totalParticipants] .why')`)
		tb.click(t, "[data-card=totalExposure] .why")
		tb.shows(t, ".records td", "노출 123,456,789")
	})
	t.Run("two years and one of long before", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-years"))
		tb.wait(t, `document.querySelectorAll('.counts rect').length > 20`)
		if n := eval[int](t, tb, `document.querySelectorAll('.counts rect').length`); n > 150 {
			t.Errorf("%d bars", n)
		}
		years := eval[string](t, tb, `[...document.querySelectorAll('.chart text')].map((e) => e.textContent).join(' ')`)
		for _, year := range []int{time.Now().Year() - 1, time.Now().Year()} {
			if !strings.Contains(years, fmt.Sprint(year)) {
				t.Errorf("no %d below the bars: %s", year, years)
			}
		}
		tb.shows(t, ".trend .note", "1명은 그래프에 없습니다")
		tb.shows(t, ".when", fmt.Sprintf("%d년", daysFromNow(-730).Year()))
		// A bar is looked into by the keys until there are hours, and left.
		eval[any](t, tb, `document.querySelector('.chart').focus()`)
		tb.press(t, kb.End)
		tb.press(t, kb.Home)
		tb.press(t, kb.ArrowRight)
		tb.press(t, kb.Enter)
		tb.wait(t, `document.querySelector('.choice [data-unit=day]').ariaPressed === 'true' && document.querySelectorAll('.counts rect').length === 7`)
		tb.press(t, kb.Home)
		tb.press(t, kb.Enter)
		tb.wait(t, `document.querySelector('.choice [data-unit=hour]').ariaPressed === 'true' && document.querySelectorAll('.counts rect').length === 24`)
		eval[any](t, tb, `(() => { document.querySelector('.trend > .table').open = true; })()`)
		tb.wait(t, `document.querySelectorAll('.trend > .table tbody tr').length === 24`)
		if sum := eval[int](t, tb, `[...document.querySelectorAll('.trend > .table tbody td')].reduce((s, e) => s + Number(e.textContent), 0)`); sum != 2 {
			t.Errorf("the day has %d, want 2", sum)
		}
		tb.press(t, kb.Escape)
		tb.press(t, kb.Escape)
		tb.wait(t, `document.querySelectorAll('.counts rect').length > 20`)
	})
	t.Run("a finger reads a bar", func(t *testing.T) {
		tb := telephone(t, page("evt-running"))
		tb.wait(t, `document.querySelector('.counts rect')`)
		type point struct{ X, Y float64 }
		at := eval[point](t, tb, `(() => { const e = document.querySelector('.chart'); e.scrollIntoView({block: 'center'}); const r = e.querySelectorAll('.counts rect')[0].getBoundingClientRect(); return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()`)
		for _, kind := range []input.DispatchTouchEventType{input.DispatchTouchEventTypeTouchStart, input.DispatchTouchEventTypeTouchEnd} {
			points := []*input.TouchPoint{}
			if kind == input.DispatchTouchEventTypeTouchStart {
				points = append(points, &input.TouchPoint{X: at.X, Y: at.Y})
			}
			if _, err := chromedp.Call(tb.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: points}); err != nil {
				t.Fatal(err)
			}
		}
		tb.shows(t, ".trend .readout", "· 30명")
	})
	t.Run("on paper", func(t *testing.T) {
		tb := open(t, 1280, "light", page("evt-running"))
		tb.wait(t, `document.querySelector('.counts rect')`)
		tb.click(t, ".zoom button:nth-child(3)")
		eval[any](t, tb, `dispatchEvent(new Event('beforeprint'))`)
		tb.wait(t, `document.querySelectorAll('.counts rect').length === 16 && document.querySelector('.trend > .table').open && document.querySelector('.chart svg').viewBox.baseVal.width < 700`)
		eval[any](t, tb, `dispatchEvent(new Event('afterprint'))`)
		tb.wait(t, `document.querySelectorAll('.counts rect').length < 16 && document.querySelector('.chart svg').viewBox.baseVal.width > 700`)
	})
}
