package auth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/httpapi/auth"
)

const (
	testSecret = "a secret of at least 32 bytes, known to two"
	testSecond = 1_800_000_000 // when issuers' clocks start
)

// issuer issues tokens: by a secret, and by keys that it publishes as a set.
type issuer struct {
	rsa  *rsa.PrivateKey
	p256 *ecdsa.PrivateKey
	ed   ed25519.PrivateKey

	set      atomic.Pointer[string] // what the host of the set answers
	requests atomic.Int64           // how often it was asked
	server   *httptest.Server

	clock  atomic.Int64 // seconds
	reason atomic.Value // why the last token was refused
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := new(issuer)
	var err error
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	i.p256 = newEC(t, elliptic.P256())
	_, i.ed = newEd(t)
	i.publish(jwk("rsa", &i.rsa.PublicKey), jwk("p256", &i.p256.PublicKey), jwk("ed", i.ed.Public()))
	i.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.requests.Add(1)
		_, _ = w.Write([]byte(*i.set.Load()))
	}))
	t.Cleanup(i.server.Close)
	i.clock.Store(testSecond)
	return i
}

func newEC(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEd(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

func (i *issuer) publish(keys ...string) {
	set := `{"keys":[` + strings.Join(keys, ",") + `]}`
	i.set.Store(&set)
}

func (i *issuer) now() time.Time { return time.Unix(i.clock.Load(), 0) }

// later returns a moment as a token tells it.
func (i *issuer) later(seconds int64) int64 { return i.clock.Load() + seconds }

// config is that of a service that trusts the secret.
func (i *issuer) config() auth.Config {
	return auth.Config{
		Secrets: []auth.Secret{{Text: []byte(testSecret)}}, Issuer: "https://issuer.example", Audience: "jangbu",
		Now: i.now, Logger: slog.New(reasons{slog.DiscardHandler, &i.reason}),
	}
}

// bySet is that of a service that trusts the published keys.
func (i *issuer) bySet() auth.Config {
	cfg := i.config()
	cfg.Secrets, cfg.JWKSURL = nil, i.server.URL
	return cfg
}

func newAuth(t testing.TB, cfg auth.Config) *auth.Verifier {
	t.Helper()
	a, err := auth.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// reasons keeps why tokens were refused.
type reasons struct {
	slog.Handler
	last *atomic.Value
}

func (reasons) Enabled(context.Context, slog.Level) bool { return true }

func (h reasons) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" {
			h.last.Store(a.Value.String())
		}
		return true
	})
	return nil
}

// claims returns the claims of an owner, or what change made of them: names and
// JSON; "" takes one away.
func (i *issuer) claims(change ...string) string {
	all := [][2]string{
		{"iss", `"https://issuer.example"`},
		{"aud", `"jangbu"`},
		{"sub", `"kim"`},
		{"role", `"owner"`},
		{"stores", `["store-1","store-2"]`},
		{"iat", fmt.Sprint(i.later(-60))},
		{"exp", fmt.Sprint(i.later(600))},
	}
	for c := 0; c < len(change); c += 2 {
		all = append(all, [2]string{change[c], change[c+1]})
	}
	last := make(map[string]string)
	for _, member := range all {
		last[member[0]] = member[1]
	}
	var members []string
	for _, member := range all {
		if v := last[member[0]]; v != "" {
			members = append(members, fmt.Sprintf("%q:%s", member[0], v))
			last[member[0]] = ""
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func encode(b string) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// signer signs what a header and claims come to.
type signer func(signed string) string

func compact(header, claims string, sign signer) string {
	signed := encode(header) + "." + encode(claims)
	return signed + "." + encode(sign(signed))
}

func hs256(secret string) signer {
	return func(signed string) string {
		h := hmac.New(sha256.New, []byte(secret))
		h.Write([]byte(signed))
		return string(h.Sum(nil))
	}
}

func rs256(key *rsa.PrivateKey) signer {
	return func(signed string) string {
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return string(signature)
	}
}

func es256(key *ecdsa.PrivateKey) signer {
	return func(signed string) string {
		sum := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			panic(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		return string(append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...))
	}
}

func edDSA(key ed25519.PrivateKey) signer {
	return func(signed string) string { return string(ed25519.Sign(key, []byte(signed))) }
}

// jwk writes a public key; members are added as they are.
func jwk(kid string, key crypto.PublicKey, members ...string) string {
	m := map[string]any{"kid": kid}
	switch k := key.(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", encode(string(k.N.Bytes())), encode(string(big.NewInt(int64(k.E)).Bytes()))
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", k.Curve.Params().Name, encode(string(point[1:1+half])), encode(string(point[1+half:]))
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", encode(string(k))
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(string(b), "}") + strings.Join(append([]string{""}, members...), ",") + "}"
}

// good returns good tokens by their algorithms.
func (i *issuer) good(change ...string) map[string]string {
	claims := i.claims(change...)
	return map[string]string{
		"HS256": compact(`{"alg":"HS256","typ":"JWT"}`, claims, hs256(testSecret)),
		"RS256": compact(`{"alg":"RS256","kid":"rsa"}`, claims, rs256(i.rsa)),
		"ES256": compact(`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`, claims, es256(i.p256)),
		"EdDSA": compact(`{"kid":"ed","alg":"EdDSA"}`, claims, edDSA(i.ed)),
	}
}
