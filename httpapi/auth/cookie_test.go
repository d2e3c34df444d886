package auth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"jangbu/httpapi/auth"
)

// TestTokenCookie: a cookie holds the token only where that is configured, only for requests of
// this host's pages and of those origins that may use it, and only in the place of a header.
func TestTokenCookie(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	cfg := i.config()
	cfg.Cookie, cfg.Origins = "session", []string{"https://shop.example"}
	with, without := newAuth(t, cfg), newAuth(t, i.config())
	good := i.good()["HS256"]
	expired := compact(`{"alg":"HS256"}`, i.claims("exp", "1700000000"), hs256(testSecret))
	for name, c := range map[string]struct {
		auth   *auth.Verifier
		method string // empty: GET
		header []string
		ok     bool
	}{
		"the cookie":                {with, "", []string{"Cookie: session=" + good}, true},
		"among others":              {with, "", []string{"Cookie: a=b; session=" + good + "; sessions=c"}, true},
		"of its page":               {with, "", []string{"Cookie: session=" + good, "Sec-Fetch-Site: same-origin", "Origin: https://jangbu.example"}, true},
		"typed into the address":    {with, "", []string{"Cookie: session=" + good, "Sec-Fetch-Site: none"}, true},
		"HEAD":                      {with, http.MethodHead, []string{"Cookie: session=" + good}, true},
		"not configured":            {without, "", []string{"Cookie: session=" + good}, false},
		"another cookie":            {with, "", []string{"Cookie: token=" + good}, false},
		"no cookie":                 {with, "", nil, false},
		"an empty one":              {with, "", []string{"Cookie: session="}, false},
		"two of the name":           {with, "", []string{"Cookie: session=" + good + "; session=" + good}, false},
		"too long":                  {with, "", []string{"Cookie: session=" + strings.Repeat("A", 65537)}, false},
		"expired":                   {with, "", []string{"Cookie: session=" + expired}, false},
		"POST":                      {with, http.MethodPost, []string{"Cookie: session=" + good}, false},
		"another site":              {with, "", []string{"Cookie: session=" + good, "Sec-Fetch-Site: cross-site"}, false},
		"a neighbour":               {with, "", []string{"Cookie: session=" + good, "Sec-Fetch-Site: same-site"}, false},
		"another origin":            {with, "", []string{"Cookie: session=" + good, "Origin: https://evil.example"}, false},
		"a friend's page":           {with, "", []string{"Cookie: session=" + good, "Sec-Fetch-Site: cross-site", "Origin: https://shop.example"}, true},
		"a friend's image":          {with, "", []string{"Cookie: session=" + good, "Sec-Fetch-Site: cross-site"}, false},
		"a friend and another":      {with, "", []string{"Cookie: session=" + good, "Origin: https://shop.example", "Origin: https://evil.example"}, false},
		"a friend without TLS":      {with, "", []string{"Cookie: session=" + good, "Origin: http://shop.example"}, false},
		"no origin":                 {with, "", []string{"Cookie: session=" + good, "Origin: null"}, false},
		"a header without a cookie": {with, "", []string{"Authorization: Bearer " + good}, true},
		"a header of another site":  {with, "", []string{"Authorization: Bearer " + good, "Origin: https://other.example"}, true},
		"a bad header, a good one":  {with, "", []string{"Authorization: Bearer " + expired, "Cookie: session=" + good}, false},
		"an empty header":           {with, "", []string{"Authorization: ", "Cookie: session=" + good}, false},
		"a good header, a bad one":  {with, "", []string{"Authorization: Bearer " + good, "Cookie: session=" + expired}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method := c.method
			if method == "" {
				method = http.MethodGet
			}
			r := httptest.NewRequestWithContext(t.Context(), method, "https://jangbu.example/api/events/evt-1/analytics", nil)
			for _, line := range c.header {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Add(name, value)
			}
			if caller, err := c.auth.Authenticate(r); (err == nil) != c.ok || c.ok && caller.Subject != "kim" {
				t.Errorf("%+v, %v (%v)", caller, err, i.reason.Load())
			}
		})
	}
}
