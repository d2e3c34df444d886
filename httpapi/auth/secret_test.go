package auth_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/events"
	"jangbu/httpapi/auth"
)

// TestSecretsAreExchanged: while a secret takes the place of another, tokens of both are valid; one
// whose secret is gone is refused within seconds, without a restart.
func TestSecretsAreExchanged(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	secret := func(id string) auth.Secret {
		return auth.Secret{ID: id, Text: []byte(strings.Repeat(id+"x", 32))}
	}
	sign := func(s auth.Secret) string {
		token, err := auth.Identity{Subject: "kim", Role: auth.Owner, Shops: []events.Shop{"store-1"}}.Sign(s, "https://issuer.example", "jangbu", i.now(), i.now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	var now atomic.Pointer[[]auth.Secret]
	set := func(all ...auth.Secret) { now.Store(&all) }
	cfg := i.config()
	cfg.Secrets = []auth.Secret{secret("old")}
	cfg.ReadSecrets = func() ([]auth.Secret, error) { return *now.Load(), nil }
	set(cfg.Secrets...)
	a := newAuth(t, cfg)
	old, other, unnamed := sign(secret("old")), sign(secret("new")), sign(auth.Secret{Text: secret("old").Text})
	becomes := func(token string, ok bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			_, err := authenticate(a, token)
			if (err == nil) == ok {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%v, want accepted %t", err, ok)
			}
		}
	}
	becomes(old, true)
	becomes(other, false)
	becomes(unnamed, false) // each secret is for the tokens that name it
	set(secret("new"), secret("old"))
	becomes(other, true)
	becomes(old, true)
	set(secret("old"), secret("old")) // is refused as a whole: what was, stays
	time.Sleep(1100 * time.Millisecond)
	becomes(other, true)
	set(secret("new"), auth.Secret{Text: secret("old").Text})
	becomes(unnamed, true) // one without a name is for tokens that name none, or another
	becomes(old, true)
	set(secret("new"))
	becomes(old, false)
	becomes(unnamed, false)
	becomes(other, true)
}

// BenchmarkManyShops is what a request costs whose token names 1,000 shops, and how long it is.
func BenchmarkManyShops(b *testing.B) {
	i := newIssuer(b)
	a := newAuth(b, i.config())
	var shops []events.Shop
	for s := range 1000 {
		shops = append(shops, events.Shop(strings.Repeat("0", 32)+string(rune('a'+s%26))+"-"+string(rune('a'+s/26%26))+"x"))
	}
	token, err := auth.Identity{Subject: "kim", Role: auth.Owner, Shops: shops}.Sign(auth.Secret{Text: []byte(testSecret)}, "https://issuer.example", "jangbu", i.now(), i.now().Add(time.Hour))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		caller, err := authenticate(a, token)
		if err != nil || !caller.Scope().AllowsShop(shops[999]) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(token)), "bytes/token")
}
