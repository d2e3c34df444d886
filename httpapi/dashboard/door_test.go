package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"jangbu/httpapi/dashboard"
)

func TestParseDoorURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://id.example.com/login?app=jangbu", "http://127.0.0.1:9000/login", "/login", "/login?x=%3Cb%3E", "https://xn--9d0bm53a.example/", "https://id.example.com/#/login"} {
		if u, err := dashboard.ParseDoorURL(good); err != nil || u.String() != good {
			t.Errorf("%q: %v, %v", good, u, err)
		}
	}
	for _, bad := range []string{
		"", "login", "//evil.example/login", "javascript:alert(1)", "data:text/html,x", "ftp://id.example.com/", "https:///login", "https://", "https:login",
		`/\evil.example`, `https://id.example.com\@evil.example/`, "https://me:5ecret@id.example.com/", "https://id.example.com;script-src *", "https://id.example.com'/", "https://a,b/",
		"https://id example.com/", "/log\nin", "https://id.example.com:x/", "%zz",
	} {
		if u, err := dashboard.ParseDoorURL(bad); err == nil || strings.Contains(err.Error(), "5ecret") {
			t.Errorf("%q: %v, %v", bad, u, err)
		}
	}
}

// TestDoorAddress: the page tells its script where the door is, and may ask the token's host, and only
// where it is known.
func TestDoorAddress(t *testing.T) {
	t.Parallel()
	at := func(s string) *url.URL {
		u, err := dashboard.ParseDoorURL(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	const plain = "connect-src 'self';"
	for name, c := range map[string]struct {
		door   dashboard.Door
		metas  []string
		policy string
	}{
		"none": {dashboard.Door{}, nil, plain},
		"of this host": {
			dashboard.Door{Login: at("/login?a=1&b=\"'<x>"), Token: at("/token")},
			[]string{`<meta name="jangbu:login" content="/login?a=1&amp;b=&#34;&#39;&lt;x&gt;">`, `<meta name="jangbu:token" content="/token">`},
			plain,
		},
		"of another": {
			dashboard.Door{Login: at("https://id.example.com/login"), Token: at("https://gate.example.com:8443/token?x=1")},
			[]string{`content="https://id.example.com/login"`, `content="https://gate.example.com:8443/token?x=1"`},
			"connect-src 'self' https://gate.example.com:8443;",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := dashboard.New(c.door)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			p.Index(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			index := w.Body.String()
			if got := strings.Count(index, `name="jangbu:`); got != len(c.metas) {
				t.Errorf("%d elements, want %d", got, len(c.metas))
			}
			for _, meta := range c.metas {
				if at := strings.Index(index, meta); at < 0 || at > strings.Index(index, "<script") {
					t.Errorf("no %s before the scripts: %s", meta, index)
				}
			}
			if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, c.policy) || strings.Contains(got, "id.example.com") {
				t.Errorf("policy %s", got)
			}
		})
	}
}
