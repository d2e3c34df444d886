package dashboard_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var (
	closing []func()
	// browser starts one, for all tests.
	browser = sync.OnceValues(func() (context.Context, error) {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(os.Getenv("JANGBU_TEST_CHROMIUM")),
			chromedp.Env("LC_ALL=C.UTF-8"), // otherwise a file with a Korean name is saved as "download"
			chromedp.NoSandbox,             // tests may run as root, in which Chromium has none
			chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
		ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		closing = append(closing, cancel)
		ctx, _ = chromedp.NewContext(ctx)
		closing = append(closing, func() {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			_ = chromedp.Cancel(ctx)
		})
		return ctx, chromedp.Do(ctx)
	})
)

func closeBrowser() {
	for _, c := range slices.Backward(closing) {
		c()
	}
}

// tab is a window with a storage of its own.
type tab struct{ ctx context.Context }

// watch runs in every page before anything else does.
const watch = `
window.seen = {violations: [], errors: [], shift: 0, alerts: 0, longest: {}};
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) seen.longest[e.name] = Math.max(seen.longest[e.name] ?? 0, e.duration);
}).observe({type: 'measure'});
addEventListener('securitypolicyviolation', (e) => seen.violations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sourceFile));
addEventListener('error', (e) => seen.errors.push(String(e.message)));
addEventListener('unhandledrejection', (e) => seen.errors.push(String(e.reason)));
window.alert = () => { seen.alerts++; };
addEventListener('click', () => { seen.clicked = performance.now(); }, true);
new MutationObserver(() => {
  if (!seen.list && document.querySelector('tbody tr')) seen.list = performance.now();
  if (!seen.card && document.querySelector('[data-card] .number .figure')?.textContent) seen.card = performance.now();
}).observe(document, {subtree: true, childList: true});
new PerformanceObserver((list) => {
  for (const e of list.getEntries()) if (!e.hadRecentInput) seen.shift += e.value;
}).observe({type: 'layout-shift', buffered: true});`

// open opens a tab of that width, in that theme, at an address.
func open(t testing.TB, width int64, theme, url string) *tab {
	t.Helper()
	parent, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	tb := &tab{ctx: ctx}
	t.Cleanup(func() {
		tb.check(t)
		cancel()
	})
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900)); err != nil {
		t.Fatal(err)
	}
	tb.watch(t)
	tb.theme(t, theme)
	tb.goTo(t, url)
	return tb
}

// watch lets the tab note what happens in its pages.
func (tb *tab) watch(t testing.TB) {
	t.Helper()
	if _, err := chromedp.Call(tb.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch}); err != nil {
		t.Fatal(err)
	}
}

// theme lets the reader's system prefer a theme.
func (tb *tab) theme(t testing.TB, theme string) {
	t.Helper()
	_, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func (tb *tab) goTo(t testing.TB, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
}

// check fails the test where the page broke its policy or threw something.
func (tb *tab) check(t testing.TB) {
	t.Helper()
	type seen struct {
		Violations, Errors []string
		Alerts             int
	}
	if got := eval[seen](t, tb, `seen`); len(got.Violations)+len(got.Errors)+got.Alerts > 0 {
		t.Errorf("the page: violations of its policy %q, errors %q, %d alerts", got.Violations, got.Errors, got.Alerts)
	}
}

// eval evaluates an expression in the page; a promise is waited for.
func eval[T any](t testing.TB, tb *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 30*time.Second)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.200s: %v", expression, err)
	}
	return got
}

// wait waits until an expression is true. A look takes the browser's time from what it waits for,
// so a pause follows each, twice as long.
func (tb *tab) wait(t testing.TB, expression string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		looked := time.Now()
		if eval[bool](t, tb, "Boolean("+expression+")") {
			return
		}
		time.Sleep(min(max(10*time.Millisecond, 2*time.Since(looked)), 100*time.Millisecond))
	}
	t.Fatalf("never true: %s\nthe page:\n%s", expression, tb.text(t, "body"))
}

// text is what can be read of an element, or of nothing where there is none.
func (tb *tab) text(t testing.TB, selector string) string {
	t.Helper()
	return eval[string](t, tb, `document.querySelector(`+quote(selector)+`)?.innerText ?? ''`)
}

// shows waits until an element can be seen that has the text in it.
func (tb *tab) shows(t testing.TB, selector, text string) {
	t.Helper()
	tb.wait(t, `[...document.querySelectorAll(`+quote(selector)+`)].some((e) => e.checkVisibility() && e.innerText.includes(`+quote(text)+`))`)
}

// still is true once an element stands where it stood 30 ms earlier.
const still = `(async () => {
  const place = () => JSON.stringify(document.querySelector(%[1]s)?.getBoundingClientRect());
  const before = place();
  await new Promise((resolve) => setTimeout(resolve, 30));
  return before !== undefined && before === place();
})()`

// click clicks an element that can be seen, as a mouse would: where it stands when it has come to
// rest. A click that is meant for where it stood a moment ago is lost.
func (tb *tab) click(t testing.TB, selector string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !eval[bool](t, tb, fmt.Sprintf(still, quote(selector))); {
		if time.Now().After(deadline) {
			t.Fatalf("click %s: it does not come to rest", selector)
		}
	}
	ctx, cancel := context.WithTimeout(tb.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		t.Fatalf("click %s: %v", selector, err)
	}
}

// press presses keys, whatever has the focus.
func (tb *tab) press(t testing.TB, keys string) {
	t.Helper()
	if err := chromedp.Do(tb.ctx, chromedp.KeyEvent(keys)); err != nil {
		t.Fatal(err)
	}
}

// quote writes a string of JavaScript.
func quote(text string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "$", "\\$").Replace(text) + "`"
}

// card is the exact number on a card, as it is read aloud.
const participantsSaid = `document.querySelector('[data-card=totalParticipants] .number .unseen')?.textContent`
