package service

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/events"
	"jangbu/events/eventstest/services"
	"jangbu/httpapi/auth"
)

// TestBehindNginx serves below a base path behind nginx, with the settings of the documentation,
// and has Chromium open the page there, follow a campaign, and read it from a page of an origin
// that may and of one that may not.
func TestBehindNginx(t *testing.T) {
	t.Parallel()
	program, chromium := services.Nginx(t), services.Chromium(t)
	authority := services.NewAuthority(t)
	cert, key := authority.Issue(t, "gateway")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	another := func() string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprint(w, "<!doctype html><title>another origin</title>")
		}))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s.URL
	}
	// Two are of the gateway's site, and one of them is listed; a friend is of another site.
	stranger, sibling := another(), another()
	friend := strings.Replace(stranger, "127.0.0.1", "localhost", 1)

	cfg := testConfig(t.TempDir())
	cfg.authConfig = authConfig{JWTSecretFile: []string{filepath.Join(t.TempDir(), "secret")}, JWTIssuer: "i", JWTAudience: "a", TokenCookie: "session"}
	cfg.BasePath, cfg.CORSOrigins, cfg.TrustedProxies = "/analytics", []string{friend, sibling}, []string{"127.0.0.1/32"}
	if err := tokens.CreateSecret(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	secrets, err := tokens.ReadSecrets(cfg.JWTSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Identity{Subject: "kim", Role: auth.Owner, Shops: []events.Shop{"store-1"}}.Sign(secrets[0], "i", "a", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, cfg)
	b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"봄 이벤트","objective":"x"}`))
	gateway := startNginx(t, program, b.httpAddr, cert, key)

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool}}}
	defer client.CloseIdleConnections()
	waitFor(t, time.Minute, func() string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway+"/analytics/api/events/evt-1/analytics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(req)
		if err != nil {
			return err.Error()
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK && res.Header.Get("Strict-Transport-Security") == "" {
			t.Fatal("the gateway's HTTPS is not believed")
		}
		return strings.TrimPrefix(res.Status, "200 OK")
	})

	tab := openBrowser(t, chromium)
	show := func(url string) {
		t.Helper()
		if err := chromedp.Do(tab, chromedp.Navigate(url)); err != nil {
			t.Fatalf("open %s: %v", url, err)
		}
	}
	const participants = `document.querySelector('[data-card=totalParticipants] .number .unseen')?.textContent ?? ''`
	show(gateway + "/analytics/#/events/evt-1?token=" + token)
	said := func(want string) {
		t.Helper()
		waitFor(t, time.Minute, func() string {
			if got := evaluate[string](tab, t, participants); got != want {
				return fmt.Sprintf("the card says %q, want %q: %s", got, want, evaluate[string](tab, t, `document.body.innerText`))
			}
			return ""
		})
	}
	said("0명")
	b.produce(t, record(cfg.TopicParticipantRegistered, "evt-1", `{"eventId":"evt-1","participantId":"p-1","phoneNumber":"010-1234-5678"}`))
	said("1명") // by the stream

	// What the page of another site gets: the campaign's title, and its first news.
	read := fmt.Sprintf(`(async () => {
	const headers = {Authorization: 'Bearer %s', 'If-None-Match': '"0"'};
	try {
		const answer = await fetch('%[2]s', {headers});
		const reader = (await fetch('%[2]s/stream', {headers})).body.getReader();
		let news = '';
		for (let end = false; !end && !news.includes('"evt-1"');) {
			const {done, value} = await reader.read();
			news += new TextDecoder().decode(value);
			end = done;
		}
		await reader.cancel();
		return [(await answer.json()).title, answer.headers.get('ETag') !== null, news.includes('"evt-1"')].join(' ');
	} catch (e) {
		return String(e);
	}
})()`, token, gateway+"/analytics/api/events/evt-1/analytics")
	show(friend)
	if got := evaluate[string](tab, t, read); got != "봄 이벤트 true true" {
		t.Errorf("the page of %s reads %q", friend, got)
	}
	// The gateway's cookie, which a browser sends for any page of the gateway's site.
	byCookie := fmt.Sprintf(`(async credentials => {
	try {
		const answer = await fetch('%s', {credentials});
		return answer.status + ' ' + ((await answer.json()).title ?? '');
	} catch (e) {
		return String(e);
	}
})`, gateway+"/analytics/api/events/evt-1/analytics")
	if got := evaluate[string](tab, t, byCookie+`('omit')`); got != "401 A valid token is needed" {
		t.Errorf("the page of %s without the cookie reads %q", friend, got)
	}
	show(gateway + "/analytics/")
	evaluate[string](tab, t, `document.cookie = 'session=`+token+`; path=/; Secure; SameSite=Lax'`)
	if got := evaluate[string](tab, t, byCookie+`('same-origin')`); got != "200 봄 이벤트" {
		t.Errorf("the page itself reads %q", got)
	}
	show(sibling)
	if got := evaluate[string](tab, t, byCookie+`('include')`); got != "200 봄 이벤트" {
		t.Errorf("the page of %s with the cookie reads %q", sibling, got)
	}
	show(stranger)
	for _, script := range []string{read, byCookie + `('include')`, byCookie + `('omit')`} {
		if got := evaluate[string](tab, t, script); got != "TypeError: Failed to fetch" {
			t.Errorf("the page of %s reads %q", stranger, got)
		}
	}
}

// startNginx starts nginx with the settings of the documentation and returns its origin.
func startNginx(t *testing.T, program, api, cert, key string) (origin string) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("..", "..", "..", "httpapi", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(document), "```nginx\n")
	server, _, closed := strings.Cut(after, "```")
	if !ok || !closed {
		t.Fatal("the documentation has no settings of nginx")
	}
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	_ = free.Close()
	for from, to := range map[string]string{
		"listen 443": "listen " + at, "shop.example.com": "127.0.0.1", "127.0.0.1:8080": api,
		"/etc/nginx/tls/cert.pem": cert, "/etc/nginx/tls/key.pem": key,
	} {
		if strings.Count(server, from) != 1 {
			t.Fatalf("the documentation's settings name %s other than once:\n%s", from, server)
		}
		server = strings.Replace(server, from, to, 1)
	}
	dir := t.TempDir()
	var conf strings.Builder
	fmt.Fprintf(&conf, "daemon off;\npid %[1]s/pid;\nerror_log %[1]s/error.log;\nevents {}\nhttp {\naccess_log off;\n", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&conf, "%s_temp_path %s/%[1]s;\n", kind, dir)
	}
	conf.WriteString(server + "}\n")
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-c", file, "-e", filepath.Join(dir, "error.log"))
	nginx.Stderr = os.Stderr
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM) // so that it ends its workers
		_ = nginx.Wait()
		if text, err := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() && err == nil {
			t.Logf("nginx says:\n%s", text)
		}
	})
	waitFor(t, 10*time.Second, func() string {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", at)
		if err != nil {
			return err.Error()
		}
		_ = conn.Close()
		return ""
	})
	return "https://" + at
}

// openBrowser opens a tab of a browser that takes every certificate.
func openBrowser(t *testing.T, program string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program),
		chromedp.NoSandbox, // tests may run as root, in which Chromium has none
		chromedp.Flag("disable-component-update", true), chromedp.Flag("ignore-certificate-errors", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// evaluate evaluates an expression in the tab; a promise is waited for.
func evaluate[T any](tab context.Context, t *testing.T, expression string) T {
	t.Helper()
	got, err := chromedp.Run(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.200s: %v", expression, err)
	}
	return got
}
