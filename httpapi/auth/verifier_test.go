package auth_test

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"jangbu/events"
	"jangbu/httpapi/auth"
	"jangbu/readmodel"
)

// pick returns the service that takes tokens of that algorithm.
func pick(alg string, bySecret, bySet *auth.Verifier) *auth.Verifier {
	if alg == "HS256" {
		return bySecret
	}
	return bySet
}

func authenticate(a *auth.Verifier, token string) (auth.Identity, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Authorization"] = []string{"Bearer " + token}
	return a.Authenticate(r)
}

// patiently asks again while the token's key is being fetched.
func patiently(t testing.TB, a *auth.Verifier, token string) (auth.Identity, error) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		caller, err := authenticate(a, token)
		if !errors.Is(err, auth.ErrKeyComing) {
			return caller, err
		}
		if time.Now().After(deadline) {
			t.Fatal("the key does not come")
		}
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	bySecret, bySet := newAuth(t, i.config()), newAuth(t, i.bySet())
	want := auth.Identity{
		Subject: "kim", Role: auth.Owner, Shops: []events.Shop{"store-1", "store-2"},
		Expires: time.Unix(i.later(630), 0),
	}
	for alg, token := range i.good() {
		for _, when := range []string{"first", "again"} {
			caller, err := authenticate(pick(alg, bySecret, bySet), token)
			if err != nil {
				t.Errorf("%s, %s: %v (%v)", alg, when, err, i.reason.Load())
			}
			if diff := gocmp.Diff(want, caller); diff != "" {
				t.Errorf("%s, %s: (-want +got)\n%s", alg, when, diff)
			}
		}
		if _, err := authenticate(pick(alg, bySet, bySecret), token); alg == "HS256" && err == nil {
			t.Errorf("%s is accepted where only keys of the set are trusted", alg)
		}
	}
}

// TestAcceptedTokens is what must not be refused by zeal.
func TestAcceptedTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := newAuth(t, i.config())
	for name, claims := range map[string]string{
		"analyst without stores":    i.claims("role", `"analyst"`, "stores", ""),
		"analyst of one store":      i.claims("role", `"analyst"`, "stores", `["store-1"]`),
		"ops":                       i.claims("role", `"ops"`, "stores", "[]"),
		"one of several audiences":  i.claims("aud", `["other","jangbu"]`),
		"no iat":                    i.claims("iat", ""),
		"unknown claims":            i.claims("jti", `"x"`, "realm_access", `{"roles":["a",{"b":[1e400]}]}`),
		"expired by 29 s":           i.claims("exp", fmt.Sprint(i.later(-29))),
		"not before 29 s from now":  i.claims("nbf", fmt.Sprint(i.later(29))),
		"issued 29 s from now":      i.claims("iat", fmt.Sprint(i.later(29))),
		"of a day":                  i.claims("exp", fmt.Sprint(i.later(24*3600-60))),
		"of a day, without iat":     i.claims("iat", "", "exp", fmt.Sprint(i.later(24*3600))),
		"escaped":                   i.claims("role", `"\u006fwner"`),
		"a store with 200 bytes":    i.claims("stores", `["`+strings.Repeat("x", 200)+`"]`),
		"a store in Korean":         i.claims("stores", `["가게, 1호점"]`),
		"white space between parts": " \n" + i.claims() + "\t ",
	} {
		if _, err := authenticate(a, compact(`{"alg":"HS256"}`, claims, hs256(testSecret))); err != nil {
			t.Errorf("%s: %v (%v)", name, err, i.reason.Load())
		}
	}
	for name, header := range map[string]string{
		"unknown members":          `{"alg":"HS256","ver":1,"nonce":["x"]}`,
		"a kid, where all is one":  `{"alg":"HS256","kid":"any"}`,
		"a kid of 200 bytes":       `{"alg":"HS256","kid":"` + strings.Repeat("x", 200) + `"}`,
		"members in another order": `{"typ":"JWT", "alg":"HS256"}`,
		"an access token's type":   `{"alg":"HS256","typ":"at+jwt"}`,
		"its media type":           `{"alg":"HS256","typ":"application/AT+JWT"}`,
		"a nonce in the header":    `{"alg":"HS256","typ":"JWT","nonce":"x"}`,
	} {
		if _, err := authenticate(a, compact(header, i.claims(), hs256(testSecret))); err != nil {
			t.Errorf("%s: %v (%v)", name, err, i.reason.Load())
		}
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("authorization", scheme+i.good()["HS256"])
		if _, err := a.Authenticate(r); err != nil {
			t.Errorf("%s: %v (%v)", scheme, err, i.reason.Load())
		}
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	shops := []events.Shop{"store-1"}
	for role, want := range map[auth.Role]readmodel.Scope{
		auth.Owner: readmodel.Shops("store-1"), auth.Analyst: readmodel.Shops("store-1"), auth.Ops: readmodel.Shops("store-1"),
		"": {}, "OWNER": {}, "admin": {},
	} {
		got := auth.Identity{Role: role, Shops: shops}.Scope()
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(readmodel.Scope{})); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", role, diff)
		}
	}
	for _, role := range []auth.Role{auth.Analyst, auth.Ops} {
		if got := (auth.Identity{Role: role}).Scope(); !got.AllowsShop("any") {
			t.Errorf("%q without shops does not see all", role)
		}
	}
	if got := (auth.Identity{Role: auth.Owner}).Scope(); got.AllowsShop("") || got.Allows(readmodel.CampaignStats{}) {
		t.Error("an owner of nothing sees something")
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := newAuth(t, i.config())
	many := func(n int) (shops []events.Shop) {
		for s := range n {
			shops = append(shops, events.Shop(fmt.Sprint(s)))
		}
		return shops
	}
	uuids := func(n int) (shops []events.Shop) {
		for s := range n {
			shops = append(shops, events.Shop(fmt.Sprintf("%08x-0000-7000-8000-000000000000", s)))
		}
		return shops
	}
	long := func(n int) (shops []events.Shop) {
		for s := range n {
			shops = append(shops, events.Shop(fmt.Sprintf("%0200d", s)))
		}
		return shops
	}
	for name, test := range map[string]struct {
		caller auth.Identity
		secret string
		err    string
	}{
		"owner":        {auth.Identity{Subject: "kim", Role: auth.Owner, Shops: many(200)}, "", ""},
		"analyst":      {auth.Identity{Subject: "김", Role: auth.Analyst}, "", ""},
		"no subject":   {auth.Identity{Role: auth.Ops}, "", "sub: expected"},
		"no role":      {auth.Identity{Subject: "kim"}, "", "role: expected"},
		"no stores":    {auth.Identity{Subject: "kim", Role: auth.Owner}, "", "at least one"},
		"a bad store":  {auth.Identity{Subject: "kim", Role: auth.Ops, Shops: []events.Shop{"a\x00"}}, "", "stores: expected 1 to 200"},
		"1,001 stores": {auth.Identity{Subject: "kim", Role: auth.Owner, Shops: many(1001)}, "", "at most 1000"},
		"1,000 stores": {auth.Identity{Subject: "kim", Role: auth.Owner, Shops: uuids(1000)}, "", ""},
		"too long":     {auth.Identity{Subject: "kim", Role: auth.Owner, Shops: long(1000)}, "", "expected at most 65536"},
		"short secret": {auth.Identity{Subject: "kim", Role: auth.Ops}, strings.Repeat("x", 31), "31 bytes; expected at least 32"},
	} {
		token, err := test.caller.Sign(auth.Secret{Text: []byte(cmp.Or(test.secret, testSecret))}, "https://issuer.example", "jangbu", i.now(), i.now().Add(time.Hour))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v; expected %q", name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := authenticate(a, token)
		if err != nil {
			t.Errorf("%s: %v (%v)", name, err, i.reason.Load())
		}
		test.caller.Expires = time.Unix(i.later(3630), 0)
		if diff := gocmp.Diff(test.caller, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// TestEveryBitCounts flips each bit of good tokens, also of one that is
// remembered.
func TestEveryBitCounts(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	bySecret, bySet := newAuth(t, i.config()), newAuth(t, i.bySet())
	for alg, token := range i.good() {
		a := pick(alg, bySecret, bySet)
		if _, err := authenticate(a, token); err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		for bit := range 8 * len(token) {
			flipped := []byte(token)
			flipped[bit/8] ^= 1 << (bit % 8)
			if _, err := authenticate(a, string(flipped)); err == nil {
				t.Errorf("%s: accepted with bit %d of byte %d flipped", alg, bit%8, bit/8)
			}
		}
		for length := range len(token) {
			if _, err := authenticate(a, token[:length]); err == nil {
				t.Errorf("%s: accepted with only %d bytes of %d", alg, length, len(token))
			}
		}
	}
}

func TestRememberedTokensExpire(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := newAuth(t, i.config())
	token := compact(`{"alg":"HS256"}`, i.claims("exp", fmt.Sprint(i.later(10))), hs256(testSecret))
	for _, step := range []struct {
		second int64
		ok     bool
	}{{0, true}, {39, true}, {40, false}, {41, false}} {
		i.clock.Store(testSecond + step.second)
		if _, err := authenticate(a, token); (err == nil) != step.ok {
			t.Errorf("at second %d of 10: %v", step.second, err)
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	secure := httptest.NewUnstartedServer(i.server.Config.Handler)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for name, test := range map[string]struct {
		change func(*auth.Config)
		err    string
	}{
		"neither":       {func(c *auth.Config) { c.Secrets = nil }, "exactly one"},
		"both":          {func(c *auth.Config) { c.JWKSURL = i.server.URL }, "exactly one"},
		"short secret":  {func(c *auth.Config) { c.Secrets[0].Text = c.Secrets[0].Text[:31] }, "31 bytes; expected at least 32"},
		"no issuer":     {func(c *auth.Config) { c.Issuer = "" }, "required"},
		"no audience":   {func(c *auth.Config) { c.Audience = "" }, "required"},
		"no logger":     {func(c *auth.Config) { c.Logger = nil }, "required"},
		"plain http":    {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, "http://issuer.example/keys" }, "JWKS URL: expected https://"},
		"a password":    {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, "https://me:5ecret@issuer.example/" }, "without user"},
		"no host":       {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, "https:///keys" }, "expected https://HOST"},
		"a file":        {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, "file://localhost/etc/passwd" }, "expected https://"},
		"no URL":        {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, ":5ecret" }, "is no URL"},
		"no server":     {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, "http://127.0.0.1:1/" }, "fetch keys"},
		"a stranger":    {func(c *auth.Config) { c.Secrets, c.JWKSURL = nil, secure.URL }, "certificate"},
		"its own roots": {func(c *auth.Config) { c.Secrets, c.JWKSURL, c.Roots = nil, secure.URL, roots }, ""},
		"Now is given":  {func(c *auth.Config) { c.Now = nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := i.config()
			test.change(&cfg)
			a, err := auth.New(t.Context(), cfg)
			if err == nil {
				a.Close()
				a.Close() // twice is no harm
			}
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v; expected %q", err, test.err)
			}
			if err != nil && strings.Contains(err.Error(), "5ecret") {
				t.Errorf("the error repeats a password: %v", err)
			}
		})
	}
}

// BenchmarkAuthenticate is what a token costs that is remembered, and one that is new.
func BenchmarkAuthenticate(b *testing.B) {
	i := newIssuer(b)
	bySecret, bySet := newAuth(b, i.config()), newAuth(b, i.bySet())
	run := func(name, alg string, a *auth.Verifier, fresh bool) {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+i.good()[alg])
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if fresh {
					b.StopTimer()
					r.Header.Set("Authorization", "Bearer "+i.good("jti", fmt.Sprintf("%d", n))[alg])
					b.StartTimer()
				}
				if _, err := a.Authenticate(r); err != nil {
					b.Fatal(err, i.reason.Load())
				}
			}
		})
	}
	run("remembered", "HS256", bySecret, false)
	for alg := range i.good() {
		run(alg, alg, pick(alg, bySecret, bySet), true)
	}
}
