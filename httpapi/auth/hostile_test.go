package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"jangbu/httpapi/auth"
)

// hostile is a request that no service may accept.
type hostile struct {
	name   string
	token  string                              // sent as it should be, unless send says otherwise
	send   func(r *http.Request, token string) // nil: as a bearer token
	bySet  bool                                // sent to the service that trusts the set
	reason string                              // why it is refused
}

// hostiles collects them. Each is as good as can be but for its one fault: those
// of claims are signed by the issuer.
type hostiles struct {
	*issuer
	t        *testing.T
	canary   string // an address that must never be called
	secret   signer
	goodHS   string // a token without a fault
	p384     *ecdsa.PrivateKey
	stranger *ecdsa.PrivateKey
	otherRSA *rsa.PrivateKey
	all      []hostile
}

const plainHeader = `{"alg":"HS256"}`

func noSignature(string) string { return "" }

func (i *issuer) hostiles(t *testing.T, canary string) []hostile {
	t.Helper()
	h := &hostiles{issuer: i, t: t, canary: canary, secret: hs256(testSecret)}
	h.goodHS = compact(plainHeader, i.claims(), h.secret)
	h.p384, h.stranger = newEC(t, elliptic.P384()), newEC(t, elliptic.P256())
	var err error
	if h.otherRSA, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for _, add := range []func(){
		h.algorithms, h.keys, h.signatures, h.kids, h.headers, h.serialisations, h.texts, h.times, h.names, h.roles, h.kinds, h.lengths, h.requests,
	} {
		add()
	}
	return h.all
}

func (h *hostiles) bySecret(name, token, reason string) {
	h.all = append(h.all, hostile{name: name, token: token, reason: reason})
}

func (h *hostiles) bySet(name, token, reason string) {
	h.all = append(h.all, hostile{name: name, token: token, reason: reason, bySet: true})
}

// byClaims adds claims that the issuer signed.
func (h *hostiles) byClaims(name, claims, reason string) {
	h.bySecret(name, compact(plainHeader, claims, h.secret), reason)
}

// sent adds a good token that is sent in another way.
func (h *hostiles) sent(name, reason string, send func(r *http.Request, token string)) {
	h.all = append(h.all, hostile{name: name, token: h.goodHS, send: send, reason: reason})
}

// lengths adds tokens that are too long.
func (h *hostiles) lengths() {
	long := h.goodHS
	for pad := 0; len(long) <= 65536; pad++ {
		long = compact(plainHeader, h.claims("x", `"`+strings.Repeat("x", 48_000+pad)+`"`), h.secret)
	}
	h.bySecret(fmt.Sprint(len(long), " bytes"), long, "longer than 65536")
	h.bySecret("65,537 bytes", strings.Repeat("A", 65537), "longer than 65536")
}

// requests adds anything but one Authorization header with one bearer token.
func (h *hostiles) requests() {
	header := func(values ...string) func(*http.Request, string) {
		return func(r *http.Request, token string) {
			for _, v := range values {
				r.Header.Add("Authorization", strings.ReplaceAll(v, "TOKEN", token))
			}
		}
	}
	h.sent("no header", "no Authorization", func(*http.Request, string) {})
	h.sent("two headers", "several", header("Bearer TOKEN", "Bearer TOKEN"))
	h.sent("Basic and Bearer", "several", header("Basic eDp5", "Bearer TOKEN"))
	for _, value := range []string{"", "TOKEN", "Bearer", "Bearer ", "BearerTOKEN", "Bearer\tTOKEN", "Bearer:TOKEN", "Basic TOKEN", "Token TOKEN", "DPoP TOKEN", "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+h.goodHS)), " Bearer TOKEN", "Bearer\u00a0TOKEN"} {
		h.sent("header "+value, "is not Bearer and a token", header(value))
	}
	for _, value := range []string{"Bearer Bearer TOKEN", "Bearer  TOKEN", "Bearer TOKEN ", `Bearer "TOKEN"`, "Bearer token=TOKEN", "Bearer =TOKEN"} {
		h.sent("header "+value, "not base64url", header(value))
	}
	for _, value := range []string{"Bearer TOKEN TOKEN", "Bearer TOKEN, Bearer TOKEN", "Bearer TOKEN,TOKEN"} {
		h.sent("header "+value, "does not have three parts", header(value))
	}
	h.sent("header written in another way", "no Authorization", func(r *http.Request, token string) { r.Header["AUTHORIZATION"] = []string{"Bearer " + token} })
	h.sent("query", "no Authorization", func(r *http.Request, token string) { r.URL.RawQuery = "access_token=" + token + "&token=" + token })
	h.sent("cookie", "no Authorization", func(r *http.Request, token string) { r.AddCookie(&http.Cookie{Name: "token", Value: token}) })
	for _, name := range []string{"Proxy-Authorization", "X-Authorization", "X-Forwarded-Authorization", "Authentication", "X-Access-Token"} {
		h.sent(name, "no Authorization", func(r *http.Request, token string) { r.Header.Set(name, "Bearer "+token) })
	}
	h.sent("user in the address", "no Authorization", func(r *http.Request, token string) { r.URL.User = url.UserPassword("x", token) })
}

// TestHostileTokens is not parallel: it counts what the process allocates.
func TestHostileTokens(t *testing.T) {
	i := newIssuer(t)
	p384 := newEC(t, elliptic.P384())
	i.publish(
		jwk("rsa", &i.rsa.PublicKey), jwk("p256", &i.p256.PublicKey), jwk("ed", i.ed.Public()),
		jwk("p384", &p384.PublicKey), `{"kty":"oct","kid":"oct","k":"`+encode(testSecret)+`"}`,
	)
	canary := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a token made the service ask for %s", r.URL)
	}))
	defer canary.Close()
	bySecret, bySet := newAuth(t, i.config()), newAuth(t, i.bySet())
	// The one fetch that an unknown key may cause is used up, and the clock stands.
	if _, err := patiently(t, bySet, compact(`{"alg":"RS256","kid":"no-such-key"}`, i.claims(), rs256(i.rsa))); err == nil {
		t.Fatal("an unknown key is accepted")
	}
	asked := i.requests.Load()
	if asked != 2 {
		t.Fatalf("%d requests after the start and one unknown key", asked)
	}

	families := make(map[string]bool)
	all := i.hostiles(t, canary.URL)
	for _, test := range all {
		a, kind := bySecret, "secret"
		if test.bySet {
			a, kind = bySet, "set"
		}
		name := kind + ", " + test.name
		if families[name] {
			t.Errorf("%s: is there twice", name)
		}
		families[name] = true
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if test.send == nil {
			r.Header["Authorization"] = []string{"Bearer " + test.token}
		} else {
			test.send(r, test.token)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		caller, err := a.Authenticate(r)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted as %+v", name, caller)
			continue
		}
		reason := err.Error()
		if caller.Subject != "" || caller.Role != "" || caller.Shops != nil {
			t.Errorf("%s: refused, yet it returns %+v", name, caller)
		}
		if !errors.Is(err, auth.ErrUnauthorized) || reason == "" || !strings.Contains(reason, test.reason) {
			t.Errorf("%s: refused because %q; expected %q", name, reason, test.reason)
		}
		for _, part := range []string{"store-1", "kim", "https://issuer.example", "evil", "no-such-key"} {
			if strings.Contains(reason, part) {
				t.Errorf("%s: the reason repeats a part of the token: %q", name, reason)
			}
		}
		if used := after.TotalAlloc - before.TotalAlloc; used >= 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, used)
		}
	}
	if got := i.requests.Load(); got != asked {
		t.Errorf("%d requests for keys", got-asked)
	}
	t.Logf("%d hostile tokens", len(all))
}

// TestRememberedIsCheap is not parallel: it counts what the process allocates.
func TestRememberedIsCheap(t *testing.T) {
	i := newIssuer(t)
	a := newAuth(t, i.config())
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+i.good()["HS256"])
	if allocations := testing.AllocsPerRun(100, func() {
		if _, err := a.Authenticate(r); err != nil {
			t.Fatal(err)
		}
	}); allocations > 1 {
		t.Errorf("%v allocations for a token that is remembered", allocations)
	}
}
