package httpapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"jangbu/httpapi"
	"jangbu/httpapi/auth"
)

// rightEnds is how soon a stream ends after the right to it.
const rightEnds = 5 * time.Second

// keyHost publishes a set of keys.
type keyHost struct {
	*httptest.Server
	keys  atomic.Pointer[[]string]
	asked atomic.Int64
}

func newKeyHost(t *testing.T, keys ...string) *keyHost {
	t.Helper()
	h := new(keyHost)
	h.publish(keys...)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.asked.Add(1)
		_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, strings.Join(*h.keys.Load(), ","))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *keyHost) publish(keys ...string) { h.keys.Store(&keys) }

// newKey returns a key as it is published, and a token that it has signed.
func newKey(t *testing.T, id string) (public, token string) {
	t.Helper()
	key, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": issuerName, "aud": audience, "sub": "kim", "role": auth.Owner, "stores": []string{"store-1"},
		"iat": noon().Add(-time.Minute).Unix(), "exp": noon().Add(time.Hour).Unix(),
	})
	claims.Header["kid"] = id
	if token, err = claims.SignedString(private); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q}`, id, base64.RawURLEncoding.EncodeToString(key)), token
}

// verifierOf returns a verifier of the issuer's tokens.
func verifierOf(t *testing.T, cfg auth.Config) *auth.Verifier {
	t.Helper()
	cfg.Issuer, cfg.Audience, cfg.Now, cfg.Logger = issuerName, audience, noon, slog.New(slog.DiscardHandler)
	v, err := auth.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// TestStreamEndsWithItsKey: streams end within 5 s after the key of their token is withdrawn, and
// those of other keys go on.
func TestStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	t.Run("of a set", func(t *testing.T) {
		t.Parallel()
		oldKey, oldToken := newKey(t, "old")
		newKey, newToken := newKey(t, "new")
		host := newKeyHost(t, oldKey, newKey)
		endsWith(t, verifierOf(t, auth.Config{JWKSURL: host.URL}), oldToken, newToken, func() { host.publish(newKey) })
		// Without streams the host is left alone.
		asked := host.asked.Load()
		time.Sleep(2500 * time.Millisecond)
		if got := host.asked.Load() - asked; got > 1 {
			t.Errorf("%d requests for keys without a stream", got)
		}
	})
	t.Run("a secret", func(t *testing.T) {
		t.Parallel()
		const other = "another secret of at least 32 bytes, known to two"
		var secret atomic.Pointer[string] // nil: it cannot be read
		v := verifierOf(t, auth.Config{Secrets: []auth.Secret{theSecret()}, ReadSecrets: func() ([]auth.Secret, error) {
			if s := secret.Load(); s != nil {
				return []auth.Secret{{Text: []byte(*s)}}, nil
			}
			return nil, errors.New("there is no file")
		}})
		sign := func(secret string) string {
			token, err := owner("store-1").Sign(auth.Secret{Text: []byte(secret)}, issuerName, audience, noon().Add(-time.Minute), noon().Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		accepts := func(token string) error {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			_, err := v.Authenticate(r)
			return err
		}
		endsWith(t, v, sign(testSecret), "", func() {
			time.Sleep(1500 * time.Millisecond) // an operator's mistake ends no stream
			if err := accepts(sign(testSecret)); err != nil {
				t.Errorf("while the secret cannot be read: %v", err)
			}
			now := other
			secret.Store(&now)
		})
		if err := accepts(sign(other)); err != nil {
			t.Errorf("a token of the new secret: %v", err)
		}
	})
}

// endsWith opens a stream by each token, and checks that withdraw ends that of the first within
// its time and that of the second, if there is one, not at all.
func endsWith(t *testing.T, v *auth.Verifier, ending, lasting string, withdraw func()) {
	t.Helper()
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Auth = &fresh{}, v })
	b.fold(t, campaign("evt-1", "store-1")...)
	open := func(token string) *opened {
		s := b.open(t, "Authorization: Bearer "+token)
		if s.status != 200 {
			t.Fatalf("status %d", s.status)
		}
		s.next(t)
		return s
	}
	s := open(ending)
	var other *opened
	if lasting != "" {
		other = open(lasting)
	}
	withdraw()
	start := time.Now()
	s.ends(t)
	if took := time.Since(start); took > rightEnds {
		t.Errorf("the stream ended after %v", took)
	}
	again := b.open(t, "Authorization: Bearer "+ending)
	for deadline := time.Now().Add(rightEnds); again.status == 503 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		again = b.open(t, "Authorization: Bearer "+ending) // whether the key has come back is being asked
	}
	if again.status != 401 {
		t.Errorf("opened again: status %d", again.status)
	}
	if other != nil {
		other.quiet(t, time.Second)
		_ = other.body.Close()
	}
}
