package dashboard_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"jangbu/events"
)

//go:embed testdata/axe.min.js
var axe string

// shop is a service that wants tokens, with an owner's two shops: one has six
// campaigns, the other none.
type shop struct {
	*service
	token string
	gate  *gate // between a browser and the service
}

// openShop starts it.
func openShop(t testing.TB) *shop {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "jwt.secret")
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	token, err := exec.CommandContext(t.Context(), path, "token", "--jwt-secret-file", secret, "--create", "--shop", "store-1", "--shop", "store-2").Output()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{service: startServe(t, "--jwt-secret-file", secret, "--jwt-issuer", "jangbu", "--jwt-audience", "jangbu"), token: strings.TrimSpace(string(token))}
	records := []events.Record{
		created(t, "evt-1", "store-1", "행복분식 가을 감사 경품 이벤트"),
		created(t, "evt-2", "store-1", "골목책방 신메뉴 출시 할인 쿠폰 이벤트"),
		created(t, "evt-3", "store-1", "이름이 아주 긴 캠페인: 우리동네 소문난 햇살베이커리 개업 1주년 기념 단골 손님 감사 친구 초대 방문 인증 이벤트"),
	}
	records = append(records, distributed(t, "evt-1")...)
	records = append(records, startedAt(t, "evt-4", "store-1", "크리스마스 케이크 예약 이벤트", 5), startedAt(t, "evt-5", "store-1", "여름 시원한 이벤트", -60), startedAt(t, "evt-6", "store-1", "봄 이벤트", -90))
	records = append(records, registered(t, "evt-5", 0, 200, daysFromNow(-55), 3*time.Hour)...)
	for hour, n := range []int{3, 2, 1, 1, 0, 2, 6, 14, 22, 31, 38, 52, 61, 44, 30, 33, 38, 49, 66, 74, 60, 41, 22, 9, 4, 2, 1, 0, 1, 3, 8, 17, 24, 35, 40, 58, 70, 48, 31} {
		records = append(records, registered(t, "evt-1", 1000*hour, n, time.Now().Truncate(time.Hour).Add(time.Duration(hour-38)*time.Hour), time.Second)...)
	}
	s.produce(t, append(records, registered(t, "evt-2", 0, 5, time.Now(), 0)...)...)
	s.gate = newGate(t, s.api)
	s.until(t, "/api/events/evt-2/analytics", func(status int, body map[string]any) bool { return status == http.StatusUnauthorized })
	return s
}

// address is a page's, with the token.
func (s *shop) address(page string) string {
	sign := "?"
	if strings.Contains(page, "?") {
		sign = "&"
	}
	return s.gate.URL + "/#" + page + sign + "token=" + s.token
}

// gate passes requests on, or holds those of the API, or breaks them off.
type gate struct {
	*httptest.Server

	mu   sync.Mutex
	mode string        // "", "hold" or "drop"
	held chan struct{} // closed when what is held may go on
	cut  context.CancelFunc
	open context.Context
}

func newGate(t testing.TB, to string) *gate {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{held: make(chan struct{})}
	g.open, g.cut = context.WithCancel(context.Background())
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		mode, held, open := g.mode, g.held, g.open
		g.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/api/") {
			switch mode {
			case "hold":
				select {
				case <-held:
				case <-r.Context().Done():
				}
			case "drop":
				panic(http.ErrAbortHandler)
			}
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(open, cancel)()
			r = r.WithContext(ctx)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.set(""); g.CloseClientConnections(); g.Close() })
	return g
}

// set sets what is done with the API's requests; "drop" breaks off those that are open.
func (g *gate) set(mode string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mode = mode; mode != "hold" {
		close(g.held)
		g.held = make(chan struct{})
	}
	if mode == "drop" {
		g.cut()
		g.open, g.cut = context.WithCancel(context.Background())
	}
}

// TestStates: each state of the page is accessible: axe finds nothing
// against it, in either theme, on a desk and on a telephone, and nothing is wider than
// the window, from 360 pixels to 4K.
//
// JANGBU_TEST_SCREENSHOTS names a directory for a picture of each.
func TestStates(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	loaded := func(t *testing.T, tb *tab) {
		tb.shows(t, ".pill", "실시간")
		tb.wait(t, `document.querySelector('.counts rect')`)
	}
	// One tab shows them all: a new one for each compiles axe anew.
	tb := open(t, 1440, "light", s.gate.URL+"/none")
	for _, st := range []struct {
		name  string
		page  string
		gate  string
		reach func(*testing.T, *tab)
	}{
		{"start", "none", "", func(t *testing.T, tb *tab) { tb.shows(t, "h1", "이벤트 성과 보기") }},
		{"login", "none/#/stores/store-1", "", func(t *testing.T, tb *tab) { tb.shows(t, "h1", "로그인이 필요합니다") }},
		{"list", "/stores/store-1", "", func(t *testing.T, tb *tab) { tb.shows(t, ".count", "이벤트 6개") }},
		{"list-none", "/stores/store-1", "", func(t *testing.T, tb *tab) {
			tb.shows(t, ".count", "이벤트 6개")
			tb.click(t, "#search")
			tb.press(t, "없는 이름")
			tb.shows(t, ".empty", "찾는 이벤트가 없습니다")
		}},
		{"list-comparing", "/stores/store-1", "", func(t *testing.T, tb *tab) {
			tb.shows(t, ".count", "이벤트 6개")
			tb.click(t, "[data-campaign=evt-1] .pick input")
			tb.shows(t, ".comparing", "하나 더 고르면")
			tb.click(t, "[data-campaign=evt-5] .pick input")
			tb.shows(t, ".comparing", "2개를 골랐습니다")
		}},
		{"compare", "/compare?events=evt-1,evt-5,evt-4&shop=store-1", "", func(t *testing.T, tb *tab) { tb.shows(t, ".against th", "1명당 비용") }},
		{"compare-none", "/compare?events=evt-1", "", func(t *testing.T, tb *tab) { tb.shows(t, "p", "두 개나 세 개 골라 주세요") }},
		{"list-empty", "/stores/store-2", "", func(t *testing.T, tb *tab) { tb.shows(t, ".empty", "아직 이벤트가 없습니다") }},
		{"list-loading", "/stores/store-1", "hold", func(t *testing.T, tb *tab) { tb.wait(t, `document.querySelector('.list.loading')`) }},
		{"list-missing", "/stores/store-3", "", func(t *testing.T, tb *tab) { tb.shows(t, "h1", "볼 수 있는 가게가 아닙니다") }},
		{"list-stale", "/stores/store-2", "", func(t *testing.T, tb *tab) {
			tb.shows(t, ".empty", "아직 이벤트가 없습니다")
			s.gate.set("drop")
			tb.shows(t, ".notice", "마지막으로 본 숫자입니다")
		}},
		{"campaign", "/events/evt-1", "", loaded},
		{"campaign-how", "/events/evt-1", "", func(t *testing.T, tb *tab) {
			loaded(t, tb)
			tb.click(t, ".reasons summary")
			tb.click(t, ".trend > .table summary")
			tb.click(t, ".heat .table summary")
			tb.click(t, "[data-dimension=region] .quiet")
			tb.click(t, ".timeline summary")
		}},
		{"campaign-why", "/events/evt-1", "", func(t *testing.T, tb *tab) {
			loaded(t, tb)
			tb.click(t, "[data-card=roiPercent] .why")
			tb.shows(t, ".sheet .sum", "× 100")
			tb.wait(t, `document.querySelector('.found').textContent !== '불러오는 중'`)
		}},
		{"campaign-files", "/events/evt-1", "", func(t *testing.T, tb *tab) {
			loaded(t, tb)
			tb.click(t, ".actions button:nth-child(2)")
			tb.shows(t, ".files h2", "표 파일로 저장")
		}},
		{"campaign-planned", "/events/evt-4", "", func(t *testing.T, tb *tab) { tb.shows(t, ".coming h2", "시작하면 이렇게 보입니다") }},
		{"campaign-ended", "/events/evt-5", "", func(t *testing.T, tb *tab) { tb.shows(t, ".beside caption", "바로 앞 이벤트와 나란히") }},
		{"campaign-young", "/events/evt-3", "", func(t *testing.T, tb *tab) { tb.shows(t, ".pill", "실시간") }},
		{"campaign-loading", "/events/evt-1", "hold", func(t *testing.T, tb *tab) { tb.wait(t, `document.querySelector('.campaign.loading')`) }},
		{"campaign-waiting", "/events/evt-1", "", func(t *testing.T, tb *tab) {
			loaded(t, tb)
			s.gate.set("drop")
			tb.shows(t, ".pill", "연결이 끊겼습니다")
		}},
		{"campaign-offline", "/events/evt-1", "drop", func(t *testing.T, tb *tab) { tb.shows(t, "h1", "지금은 불러올 수 없습니다") }},
		{"campaign-past", "/events/evt-1", "", func(t *testing.T, tb *tab) {
			loaded(t, tb)
			eval[any](t, tb, `history.replaceState(null, '', '#/events/evt-1?asOf=' + encodeURIComponent(new Date().toISOString().slice(0, 19) + 'Z'))`)
			eval[any](t, tb, `dispatchEvent(new Event('hashchange'))`)
			tb.shows(t, ".pill", "의 기록입니다")
			tb.wait(t, `document.querySelector('.counts rect')`)
		}},
		{"campaign-unknown-then", "/events/evt-1?asOf=2020-01-01T00:00:00Z", "", func(t *testing.T, tb *tab) {
			tb.shows(t, "p", "이 시각에는 아직 알려진 것이 없습니다")
		}},
		{"campaign-english", "/events/evt-1", "", func(t *testing.T, tb *tab) {
			loaded(t, tb)
			tb.click(t, "#language")
			tb.shows(t, ".pill", "Live")
			tb.wait(t, `document.querySelector('.counts rect')`)
		}},
		{"list-english", "/stores/store-1", "", func(t *testing.T, tb *tab) {
			tb.shows(t, ".count", "이벤트 6개")
			tb.click(t, "#language")
			tb.shows(t, ".count", "6 campaigns")
		}},
		{"campaign-missing", "/events/nothing", "", func(t *testing.T, tb *tab) { tb.shows(t, "h1", "볼 수 있는 이벤트가 아닙니다") }},
		{"nowhere", "/x/y", "", func(t *testing.T, tb *tab) { tb.shows(t, "h1", "없는 주소입니다") }},
	} {
		t.Run(st.name, func(t *testing.T) { // one after the other: they share the gate
			s.gate.set(st.gate)
			defer s.gate.set("")
			address := s.address(st.page)
			if rest, ok := strings.CutPrefix(st.page, "none"); ok {
				address = s.gate.URL + rest
			}
			tb.anew(t, s.gate.URL, address)
			st.reach(t, tb)
			tb.judge(t, st.name)
			tb.check(t)
		})
	}
}

// anew opens an address as a reader does who was never here, on a desk.
func (tb *tab) anew(t *testing.T, origin, address string) {
	t.Helper()
	tb.goTo(t, origin+"/none") // no page, of the same origin
	eval[any](t, tb, `(localStorage.clear(), sessionStorage.clear(), null)`)
	tb.theme(t, "light")
	if err := chromedp.Do(tb.ctx, chromedp.EmulateViewport(1440, 900)); err != nil {
		t.Fatal(err)
	}
	tb.goTo(t, address)
}

// judge looks at a state at several widths in both themes. A theme is colours and nothing else:
// in the dark one width is enough, except for pictures.
func (tb *tab) judge(t *testing.T, name string) {
	t.Helper()
	shots := os.Getenv("JANGBU_TEST_SCREENSHOTS")
	for _, theme := range []string{"light", "dark"} {
		tb.theme(t, theme)
		widths := []int64{3840, 1440, 768, 360}
		if theme == "dark" && shots == "" {
			widths = []int64{1440}
		}
		for _, width := range widths {
			if err := chromedp.Do(tb.ctx, chromedp.EmulateViewport(width, 900)); err != nil {
				t.Fatal(err)
			}
			if wide := eval[string](t, tb, `(() => { if (document.documentElement.scrollWidth <= innerWidth) return ''; const e = [...document.querySelectorAll('body *')].find((e) => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility()); return e ? e.outerHTML.slice(0, 200) : 'something'; })()`); wide != "" {
				t.Errorf("%s, %d px: wider than the window: %s", theme, width, wide)
			}
			if width == 1440 || theme == "light" && width == 360 {
				tb.axe(t, fmt.Sprintf("%s, %d px", theme, width))
			}
			if shots != "" {
				tb.shoot(t, filepath.Join(shots, fmt.Sprintf("%s-%s-%d.png", name, theme, width)))
			}
		}
	}
}

// axe fails the test for what axe-core finds against the page.
func (tb *tab) axe(t *testing.T, where string) {
	t.Helper()
	if !eval[bool](t, tb, `Boolean(window.axe)`) {
		eval[any](t, tb, axe+";null")
	}
	found := eval[[]string](t, tb, `axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 200) + ' ' + n.failureSummary)))`)
	for _, f := range found {
		t.Errorf("%s: %s", where, f)
	}
}

// shoot takes a picture of the whole page.
func (tb *tab) shoot(t testing.TB, path string) {
	t.Helper()
	picture, err := chromedp.Run(tb.ctx, chromedp.FullScreenshot(100))
	if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, picture, 0o644)); err != nil {
		t.Fatal(err)
	}
}
