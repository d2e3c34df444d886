package httpapi_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"jangbu/httpapi"
)

// rightEnds is how soon a stream ends after the right to it.
const rightEnds = 5 * time.Second

// TestStreamEndsWithItsKey: streams end within 5 s after the key of their token is withdrawn, and
// those of other keys go on.
func TestStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	t.Run("of a set", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		oldKey, oldToken := i.by(t, "old")
		newKey, newToken := i.by(t, "new")
		i.publish(oldKey, newKey)
		auth := newAuth(t, i.bySet())
		endsWith(t, auth, oldToken, newToken, func() { i.publish(newKey) })
		// Without streams the host is left alone.
		asked := i.requests.Load()
		time.Sleep(2500 * time.Millisecond)
		if got := i.requests.Load() - asked; got > 1 {
			t.Errorf("%d requests for keys without a stream", got)
		}
	})
	t.Run("a secret", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		var secret atomic.Pointer[string]
		now := testSecret
		secret.Store(&now)
		cfg := i.config()
		cfg.ReadSecret = func() ([]byte, error) {
			if s := secret.Load(); s != nil {
				return []byte(*s), nil
			}
			return nil, errors.New("there is no file")
		}
		auth := newAuth(t, cfg)
		const other = "another secret of at least 32 bytes, known to two"
		oldToken := compact(`{"alg":"HS256"}`, i.claims(), hs256(testSecret))
		newToken := compact(`{"alg":"HS256"}`, i.claims(), hs256(other))
		endsWith(t, auth, oldToken, "", func() {
			secret.Store(nil) // an operator's mistake ends no stream
			time.Sleep(1500 * time.Millisecond)
			if _, err := authenticate(auth, oldToken); err != nil {
				t.Errorf("while the secret cannot be read: %v", err)
			}
			now := other
			secret.Store(&now)
		})
		if _, err := authenticate(auth, newToken); err != nil {
			t.Errorf("a token of the new secret: %v", err)
		}
	})
}

// endsWith opens a stream by each token, and checks that withdraw ends that of the first within
// its time and that of the second, if there is one, not at all.
func endsWith(t *testing.T, auth *httpapi.Auth, ending, lasting string, withdraw func()) {
	t.Helper()
	b := setup(t, func(cfg *httpapi.Config) { cfg.Freshness, cfg.Auth = &fresh{}, auth })
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
	if again := b.open(t, "Authorization: Bearer "+ending); again.status != 401 {
		t.Errorf("opened again: status %d", again.status)
	}
	if other != nil {
		other.quiet(t, time.Second)
		_ = other.body.Close()
	}
}
