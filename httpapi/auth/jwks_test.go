package auth_test

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"jangbu/httpapi/auth"
)

// by returns a good token that a key of the curve P-256 signed.
func (i *issuer) by(t *testing.T, kid string) (public, token string) {
	t.Helper()
	key := newEC(t, elliptic.P256())
	return jwk(kid, &key.PublicKey), compact(fmt.Sprintf(`{"alg":"ES256","kid":%q}`, kid), i.claims(), es256(key))
}

func TestRotation(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	oldKey, oldToken := i.by(t, "old")
	newKey, newToken := i.by(t, "new")
	_, lateToken := i.by(t, "late")
	i.publish(oldKey)
	a := newAuth(t, i.bySet())
	for _, step := range []struct {
		name     string
		publish  []string
		second   int64
		token    string
		ok       bool
		requests int64 // in all, after it
	}{
		{"the start", []string{oldKey}, 0, oldToken, true, 1},
		{"an early token of the new key", nil, 0, newToken, false, 2},
		{"the new key, but it is too early to ask", []string{oldKey, newKey}, 9, newToken, false, 2},
		{"the new key", nil, 10, newToken, true, 3},
		{"the old key beside it", nil, 10, oldToken, true, 3},
		{"the old key is withdrawn, before the next fetch", []string{newKey}, 50, oldToken, true, 3},
		{"an unknown key, which tells", nil, 50, lateToken, false, 4},
		{"the old key's token is not remembered", nil, 59, oldToken, false, 4},
		{"nor is it later", nil, 60, oldToken, false, 5},
		{"the new key serves on", nil, 100, newToken, true, 5},
		{"all keys are withdrawn", []string{}, 160, lateToken, false, 6},
		{"and the new key with them", nil, 160, newToken, false, 6},
	} {
		if step.publish != nil {
			i.publish(step.publish...)
		}
		i.clock.Store(testSecond + step.second)
		if _, err := patiently(t, a, step.token); (err == nil) != step.ok {
			t.Errorf("%s: %v (%v)", step.name, err, i.reason.Load())
		}
		if got := i.requests.Load(); got != step.requests {
			t.Errorf("%s: %d requests for keys; expected %d", step.name, got, step.requests)
		}
	}
}

func TestManyUnknownKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	a := newAuth(t, i.bySet())
	var group sync.WaitGroup
	for n := range 1000 {
		token := compact(fmt.Sprintf(`{"alg":"RS256","kid":"%d"}`, n), i.claims(), func(string) string { return "x" })
		group.Go(func() {
			if _, err := patiently(t, a, token); err == nil {
				t.Error("an unknown key is accepted")
			}
		})
	}
	group.Wait()
	if got := i.requests.Load(); got != 2 {
		t.Errorf("%d requests for keys; expected one at the start and one", got)
	}
}

// TestKeysAreRefreshed runs by a clock of its own. The host of the keys is
// outside, so that time stands still while it is asked.
func TestKeysAreRefreshed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.clock.Store(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()) // where that clock begins
	oldKey, oldToken := i.by(t, "old")
	newKey, newToken := i.by(t, "new")
	i.publish(oldKey)
	synctest.Test(t, func(t *testing.T) {
		cfg := i.bySet()
		cfg.Now = nil
		a, err := auth.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		i.publish(newKey)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := i.requests.Load(); got != 1 {
			t.Errorf("%d requests for keys within half a minute", got)
		}
		time.Sleep(2 * time.Second)
		if got := i.requests.Load(); got != 2 {
			t.Errorf("%d requests for keys after half a minute", got)
		}
		if _, err := authenticate(a, newToken); err != nil {
			t.Errorf("the new key: %v", err)
		}
		if _, err := authenticate(a, oldToken); err == nil {
			t.Error("the old key is accepted after the refresh")
		}
	})
}

// TestKeysServeOn is what a host may answer without harm.
func TestKeysServeOn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	t.Cleanup(canary.Close)
	key, _ := i.by(t, "other")
	set := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
	}
	for name, answer := range map[string]http.HandlerFunc{
		"status 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"status 204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, canary.URL+"/keys", http.StatusFound)
		},
		"nothing":           set(""),
		"no JSON":           set("<html>"),
		"an object":         set("{}"),
		"an error":          set(`{"error":"try again"}`),
		"no array":          set(`{"keys":{}}`),
		"null":              set(`{"keys":null}`),
		"keys twice":        set(`{"keys":[` + key + `],"keys":[]}`),
		"a member twice":    set(`{"keys":[{"kid":"other","kid":"other"}]}`),
		"more after it":     set(`{"keys":[]}x`),
		"cut":               set(`{"keys":[` + key),
		"101 keys":          set(`{"keys":[` + strings.Repeat(key+",", 100) + key + `]}`),
		"above 1 MiB":       set(`{"keys":[]}` + strings.Repeat(" ", 1<<20)),
		"a header of 1 MiB": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) },
		"a broken connection": func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) == 1 {
					_, _ = w.Write([]byte(*i.set.Load()))
					return
				}
				answer(w, r)
			}))
			t.Cleanup(host.Close)
			cfg := i.bySet()
			cfg.JWKSURL = host.URL
			a := newAuth(t, cfg)
			unknown := compact(`{"alg":"RS256","kid":"other"}`, i.claims(), rs256(i.rsa))
			if _, err := patiently(t, a, unknown); err == nil {
				t.Error("an unknown key is accepted")
			}
			if got := asked.Load(); got != 2 {
				t.Errorf("%d requests for keys", got)
			}
			if _, err := authenticate(a, i.good()["ES256"]); err != nil {
				t.Errorf("a key that was good: %v", err)
			}
			// What is no harm later is an error at the start.
			start, cfg := httptest.NewServer(answer), i.bySet()
			t.Cleanup(start.Close)
			cfg.JWKSURL = start.URL
			if _, err := auth.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "fetch keys") {
				t.Errorf("at the start: %v", err)
			}
		})
	}
}

// TestNoRequestWaitsForAHost that hangs: a token of a known key is verified, the one whose unknown
// key has made it be asked is told to come again, any other is refused.
func TestNoRequestWaitsForAHost(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	hangs, release := make(chan struct{}), make(chan struct{})
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			close(hangs)
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
		_, _ = w.Write([]byte(*i.set.Load()))
	}))
	t.Cleanup(host.Close)
	cfg := i.bySet()
	cfg.JWKSURL = host.URL
	a := newAuth(t, cfg)

	unknown := func(kid, claims string) string {
		return compact(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, kid), claims, rs256(i.rsa))
	}
	if _, err := authenticate(a, unknown("new", i.claims("exp", "1700000000"))); !errors.Is(err, auth.ErrUnauthorized) {
		t.Errorf("one that has expired: %v", err)
	}
	if _, err := authenticate(a, unknown("new", i.claims())); !errors.Is(err, auth.ErrKeyComing) {
		t.Errorf("the first of an unknown key: %v", err)
	}
	<-hangs
	for range 3 {
		for alg, token := range i.good() {
			if alg == "HS256" {
				continue
			}
			if _, err := authenticate(a, token); err != nil {
				t.Errorf("%s while the host hangs: %v", alg, err)
			}
		}
		if _, err := authenticate(a, unknown("new", i.claims("sub", `"lee"`))); !errors.Is(err, auth.ErrKeyComing) {
			t.Errorf("another one of the key: %v", err)
		}
		if _, err := authenticate(a, unknown("other", i.claims())); !errors.Is(err, auth.ErrUnauthorized) {
			t.Errorf("one of another key: %v", err)
		}
	}
	i.publish(jwk("new", &i.rsa.PublicKey))
	close(release)
	if _, err := patiently(t, a, unknown("new", i.claims())); err != nil {
		t.Errorf("the key that has come: %v (%v)", err, i.reason.Load())
	}
	if got := asked.Load(); got != 2 {
		t.Errorf("%d requests for keys", got)
	}
}

// TestTokensStayKnown: a token is not verified again where the key set changes and its key does not.
func TestTokensStayKnown(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	oldKey, oldToken := i.by(t, "old")
	newKey, newToken := i.by(t, "new")
	i.publish(oldKey)
	a := newAuth(t, i.bySet())
	known := func(token string) bool {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		read, err := a.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		return read.Known()
	}
	if known(oldToken) {
		t.Error("known before it was verified")
	}
	if _, err := authenticate(a, oldToken); err != nil {
		t.Fatal(err)
	}
	i.publish(newKey, oldKey)
	if _, err := patiently(t, a, newToken); err != nil {
		t.Fatal(err)
	}
	if !known(oldToken) || !known(newToken) {
		t.Errorf("known after the change: %t, %t", known(oldToken), known(newToken))
	}
}

// TestCloseDoesNotWaitForAHost that hangs.
func TestCloseDoesNotWaitForAHost(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	hangs := make(chan struct{})
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			close(hangs)
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(*i.set.Load()))
	}))
	t.Cleanup(host.Close)
	cfg := i.bySet()
	cfg.JWKSURL = host.URL
	a := newAuth(t, cfg)
	refused := make(chan error, 1)
	go func() {
		_, err := authenticate(a, compact(`{"alg":"RS256","kid":"new"}`, i.claims(), rs256(i.rsa)))
		refused <- err
	}()
	<-hangs
	a.Close()
	if err := <-refused; err == nil {
		t.Error("an unknown key is accepted")
	}
	if _, err := authenticate(a, i.good()["EdDSA"]); err != nil {
		t.Errorf("a known key after Close: %v", err)
	}
}

// TestKeysThatAreNotUsed publishes keys that verify no token, beside one that
// does and alone.
func TestKeysThatAreNotUsed(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	p256, p384 := newEC(t, elliptic.P256()), newEC(t, elliptic.P384())
	public, private := newEd(t)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	bits := func(n string) string { return `{"kty":"RSA","kid":"x","e":"AQAB","n":"` + n + `"}` }
	byRSA := func(alg string) string { return compact(`{"alg":"`+alg+`","kid":"x"}`, i.claims(), rs256(i.rsa)) }
	byEC := compact(`{"alg":"ES256","kid":"x"}`, i.claims(), es256(p256))
	byEd := compact(`{"alg":"EdDSA","kid":"x"}`, i.claims(), edDSA(private))
	for name, test := range map[string]struct{ key, token string }{
		"RSA for another algorithm":       {jwk("x", &i.rsa.PublicKey, `"alg":"RS512"`), byRSA("RS256")},
		"RSA for PSS":                     {jwk("x", &i.rsa.PublicKey, `"alg":"PS256"`), byRSA("RS256")},
		"RSA for HMAC":                    {jwk("x", &i.rsa.PublicKey, `"alg":"HS256"`), byRSA("RS256")},
		"RSA for encryption":              {jwk("x", &i.rsa.PublicKey, `"use":"enc"`), byRSA("RS256")},
		"RSA for signing only":            {jwk("x", &i.rsa.PublicKey, `"key_ops":["sign"]`), byRSA("RS256")},
		"RSA for nothing":                 {jwk("x", &i.rsa.PublicKey, `"key_ops":[]`), byRSA("RS256")},
		"RSA with an unknown use":         {jwk("x", &i.rsa.PublicKey, `"use":"SIG"`), byRSA("RS256")},
		"RSA private":                     {jwk("x", &i.rsa.PublicKey, `"d":"`+encode(string(i.rsa.D.Bytes()))+`"`), byRSA("RS256")},
		"RSA private, null":               {jwk("x", &i.rsa.PublicKey, `"p":null`), byRSA("RS256")},
		"RSA of 2047 bits":                {bits(encode("\x7f" + strings.Repeat("\xff", 255))), byRSA("RS256")},
		"RSA of 8193 bits":                {bits(encode("\x01" + strings.Repeat("\xff", 1024))), byRSA("RS256")},
		"RSA without a modulus":           {bits(""), byRSA("RS256")},
		"RSA with an exponent of 1":       {`{"kty":"RSA","kid":"x","e":"AQ","n":"` + encode(string(i.rsa.N.Bytes())) + `"}`, byRSA("RS256")},
		"RSA with a huge exponent":        {`{"kty":"RSA","kid":"x","e":"AQAAAAAAAQAB","n":"` + encode(string(i.rsa.N.Bytes())) + `"}`, byRSA("RS256")},
		"RSA without a name":              {jwk("", &i.rsa.PublicKey), compact(`{"alg":"RS256","kid":""}`, i.claims(), rs256(i.rsa))},
		"RSA with a long name":            {jwk(strings.Repeat("x", 201), &i.rsa.PublicKey), byRSA("RS256")},
		"RSA with a number for its alg":   {jwk("x", &i.rsa.PublicKey, `"alg":1`), byRSA("RS256")},
		"EC for another algorithm":        {jwk("x", &p256.PublicKey, `"alg":"ES384"`), byEC},
		"EC for RSA":                      {jwk("x", &p256.PublicKey, `"alg":"RS256"`), byEC},
		"EC private":                      {jwk("x", &p256.PublicKey, `"d":"AQ"`), byEC},
		"EC on another curve":             {jwk("x", &p384.PublicKey), compact(`{"alg":"ES256","kid":"x"}`, i.claims(), es256(p384))},
		"EC off its curve":                {`{"kty":"EC","kid":"x","crv":"P-256","x":"AQ","y":"AQ"}`, byEC},
		"EC in infinity":                  {`{"kty":"EC","kid":"x","crv":"P-256","x":"","y":""}`, byEC},
		"EC of a curve that has no name":  {strings.Replace(jwk("x", &p256.PublicKey), "P-256", "P-1", 1), byEC},
		"Ed25519 for key agreement":       {jwk("x", public, `"key_ops":["deriveBits"]`), byEd},
		"Ed25519 for another algorithm":   {jwk("x", public, `"alg":"Ed448"`), byEd},
		"Ed25519 cut":                     {`{"kty":"OKP","kid":"x","crv":"Ed25519","x":"` + encode(string(public[:31])) + `"}`, byEd},
		"Ed25519 private":                 {jwk("x", public, `"d":"`+encode(string(private.Seed()))+`"`), byEd},
		"X25519":                          {`{"kty":"OKP","kid":"x","crv":"X25519","x":"` + encode(string(x25519.PublicKey().Bytes())) + `"}`, byEd},
		"symmetric":                       {`{"kty":"oct","kid":"x","k":"` + encode(testSecret) + `"}`, compact(`{"alg":"HS256","kid":"x"}`, i.claims(), hs256(testSecret))},
		"symmetric with a public one's n": {jwk("x", &i.rsa.PublicKey, `"k":"`+encode(testSecret)+`"`), byRSA("RS256")},
		"of a kind yet to come":           {`{"kty":"AKP","kid":"x","pub":"AQ"}`, byEd},
		"a string":                        {`"x"`, byEd},
		"null":                            {`null`, byEd},
		"the same name again":             {strings.Join([]string{jwk("x", &newEC(t, elliptic.P256()).PublicKey), jwk("x", &p256.PublicKey)}, ","), byEC},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"keys":[%s,%s]}`, test.key, jwk("rsa", &i.rsa.PublicKey, `"use":"sig"`, `"alg":"RS256"`, `"key_ops":["verify"]`, `"x5u":"http://127.0.0.1:1/"`, `"x5c":["AAAA"]`))
			}))
			t.Cleanup(host.Close)
			cfg := i.bySet()
			cfg.JWKSURL = host.URL
			a := newAuth(t, cfg)
			if _, err := authenticate(a, test.token); err == nil {
				t.Error("its token is accepted")
			}
			if _, err := authenticate(a, i.good()["RS256"]); err != nil {
				t.Errorf("the good key beside it: %v (%v)", err, i.reason.Load())
			}
			if name == "the same name again" {
				return
			}
			alone, cfg := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, test.key)
			})), i.bySet()
			t.Cleanup(alone.Close)
			cfg.JWKSURL = alone.URL
			if _, err := auth.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "none of them") {
				t.Errorf("a start without any other key: %v", err)
			}
		})
	}
}

// TestUsableKeys accepts what a set may say about a good key.
func TestUsableKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	long, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	i.publish(
		jwk("long", &long.PublicKey, `"use":"sig"`), jwk("rsa", &i.rsa.PublicKey, `"alg":"RS256"`, `"unknown":{"d":1}`),
		jwk("p256", &i.p256.PublicKey, `"key_ops":["sign","verify"]`, `"alg":"ES256"`), jwk("ed", i.ed.Public(), `"alg":"EdDSA"`, `"use":"sig"`, `"key_ops":["verify"]`),
	)
	a := newAuth(t, i.bySet())
	tokens := i.good()
	tokens["HS256"] = compact(`{"alg":"RS256","kid":"long"}`, i.claims(), rs256(long))
	for alg, token := range tokens {
		if _, err := authenticate(a, token); err != nil {
			t.Errorf("%s: %v (%v)", alg, err, i.reason.Load())
		}
	}
}
