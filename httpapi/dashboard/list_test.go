package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"jangbu/httpapi/dashboard"
)

// titled is a campaign of a list, in a state, with a title.
func titled(id, state, title string, participants int) map[string]any {
	v := watched(id, state, participants, 1)
	v["title"] = title
	return cardFrom(v)
}

// TestList: what runs is first, with its last days; what a shop has comes to a sum; what the
// reader looks for is found however it is written, and the address says what is shown.
func TestList(t *testing.T) {
	t.Parallel()
	a := answering(t)
	a.lists["store-1"] = []any{
		titled("evt-ended", "ended", "봄 감사제", 500), titled("evt-planned", "planned", "겨울 할인", 0), titled("evt-nfd", "running", norm.NFD.String("가을 경품 이벤트"), 30),
		titled("evt-blank", "running", "\u3164 \u200b", 7), titled("evt-old", "ended", "Summer SALE", 60),
	}
	for _, c := range a.lists["store-1"] {
		a.set(watched(c.(map[string]any)["eventId"].(string), c.(map[string]any)["state"].(string), 30, 1), nil)
	}
	tb := open(t, 1280, "light", a.URL+"/#/stores/store-1")
	const order = `[...document.querySelectorAll('.campaigns tbody tr')].map((tr) => tr.dataset.campaign.slice(4)).join(' ')`
	tb.wait(t, order+` === 'nfd blank planned ended old'`)
	for _, chip := range []string{"진행 중 D-1", "예정 D-", "종료"} {
		tb.shows(t, ".where .chip", chip)
	}
	tb.shows(t, ".overview dd", "597명")
	tb.shows(t, ".overview dd", "4,521원")
	if got := tb.text(t, "[data-campaign=evt-blank] a"); got != "(이름 없음) evt-blank" {
		t.Errorf("a blank title is shown as %q", got)
	}
	tb.wait(t, `document.querySelectorAll('.spark svg[aria-label*="어제"]').length === 2`)

	look := func(words, want string) {
		t.Helper()
		eval[any](t, tb, `(() => { const e = document.querySelector('#search'); e.value = `+quote(words)+`; e.dispatchEvent(new Event('input')); })()`)
		if got := eval[string](t, tb, order); got != want {
			t.Errorf("%q finds %q, want %q", words, got, want)
		}
	}
	look("가을경품", "nfd")
	look(norm.NFD.String("가을 경"), "nfd")
	look("ㅂㄱ", "ended")
	look("ㄱㅅㅈ", "ended")
	look("봄ㄱㅅ", "ended")
	look("summers", "old")
	look("없는 것", "")
	tb.click(t, ".empty button")
	tb.click(t, ".toolbar .choice button:nth-child(2)")
	tb.wait(t, order+` === 'nfd blank'`)
	if got := eval[string](t, tb, `location.hash`); got != "#/stores/store-1?state=running" {
		t.Errorf("the address is %s", got)
	}
	year := time.Now().AddDate(0, 0, -20).In(time.FixedZone("KST", 9*60*60)).Year()
	tb.goTo(t, a.URL+"/")
	tb.goTo(t, fmt.Sprintf("%s/#/stores/store-1?state=ended&period=%d&q=%s&sort=totalParticipants&order=asc", a.URL, year, "ㅅ"))
	tb.wait(t, order+` === 'ended'`)
	tb.goTo(t, a.URL+"/")
	tb.goTo(t, a.URL+"/#/stores/store-1?period=1999")
	tb.shows(t, ".empty", "찾는 이벤트가 없습니다")
	tb.click(t, ".empty button")

	// Two are compared: the campaigns are in the address, one line and one column each.
	for _, id := range []string{"evt-ended", "evt-nfd"} {
		tb.click(t, "[data-campaign="+id+"] .pick input")
	}
	tb.click(t, ".comparing a")
	tb.shows(t, "h1", "이벤트 비교")
	tb.wait(t, `document.querySelectorAll('.lines polyline[points]').length >= 4 && document.querySelectorAll('.against thead th').length === 2`)
	tb.shows(t, ".against th", "1명당 비용")
	if got := eval[string](t, tb, `location.hash`); got != "#/compare?events=evt-ended,evt-nfd&shop=store-1" {
		t.Errorf("the address is %s", got)
	}
}

func doorAt(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := dashboard.ParseDoorURL(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestListKeepsItsNumbers: on expiry the numbers of a list stay, with the way to sign in,
// which leads back here.
func TestListKeepsItsNumbers(t *testing.T) {
	t.Parallel()
	a := answering(t, dashboard.Door{Login: doorAt(t, "https://platform.example/login?from=jangbu")})
	a.lists["store-1"] = []any{}
	tb := open(t, 1280, "light", a.URL+"/#/stores/store-1")
	tb.shows(t, ".empty", "아직 이벤트가 없습니다") // it is asked for again soon
	a.mu.Lock()
	a.lists["store-1"] = []any{titled("evt-1", "running", "가을", 7)}
	a.refuse = func(*http.Request) int { return http.StatusUnauthorized }
	a.mu.Unlock()
	tb.shows(t, ".notice", "로그인이 끝났습니다")
	login := eval[string](t, tb, `document.querySelector('.bar a.button').href`)
	if want := "https://platform.example/login?from=jangbu&return_to="; !strings.HasPrefix(login, want) || !strings.Contains(login, "stores%2Fstore-1") {
		t.Errorf("to sign in leads to %s", login)
	}
	a.refusing(nil)
	eval[any](t, tb, `(document.dispatchEvent(new Event('visibilitychange')), null)`)
	tb.shows(t, "tbody a", "가을")
	if tb.text(t, ".notice") != "" {
		t.Error("it is still said that the login has ended")
	}
}

// TestSignIn: without a right the page leads to the platform's login and back, or says where
// to sign in; where the platform renews quietly, nothing is seen of it.
func TestSignIn(t *testing.T) {
	t.Parallel()
	a := answering(t)
	a.refuse = func(*http.Request) int { return http.StatusUnauthorized }
	tb := open(t, 1280, "light", a.URL+"/#/events/evt-1")
	tb.shows(t, ".state", "이벤트 성과 링크를 다시 열어 주세요")
	if text := tb.text(t, "body"); strings.Contains(text, "토큰") {
		t.Errorf("an owner is told of tokens: %s", text)
	}

	b := answering(t, dashboard.Door{Token: doorAt(t, "/renew")})
	b.set(watched("evt-1", "running", 7, 1), nil)
	b.refuse = func(r *http.Request) int {
		if r.Header.Get("Authorization") == "Bearer "+freshToken {
			return 0
		}
		return http.StatusUnauthorized
	}
	tb = open(t, 1280, "light", b.URL+"/#/events/evt-1?token=old.e30.x")
	tb.shows(t, ".pill", "실시간")
	tb.wait(t, participantsSaid+` === '7명'`)
	if got := eval[string](t, tb, `location.hash`); got != "#/events/evt-1" {
		t.Errorf("the address is %s", got)
	}
}
