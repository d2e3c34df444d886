package service

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/httpapi/auth"
)

// TestDoor: the page says where to sign in; a token is taken from the cookie that is configured,
// and of a stream, for no longer than 5 s after its secret is exchanged.
func TestDoor(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.authConfig = authConfig{JWTSecretFile: []string{filepath.Join(t.TempDir(), "secret")}, JWTIssuer: "i", JWTAudience: "a", TokenCookie: "session"}
	cfg.LoginURL, cfg.TokenURL = "https://id.example.com/login", "/token"
	if err := tokens.CreateSecret(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	secrets, err := tokens.ReadSecrets(cfg.JWTSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Identity{Subject: "kim", Role: auth.Ops}.Sign(secrets[0], "i", "a", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, cfg)
	b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"봄","objective":"x"}`))
	ask := func(path, cookie string) (status int, body io.Reader) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.httpAddr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if cookie != "" {
			req.AddCookie(&http.Cookie{Name: "session", Value: cookie})
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode, res.Body
	}
	_, body := ask("/", "")
	page, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, meta := range []string{`<meta name="jangbu:login" content="https://id.example.com/login">`, `<meta name="jangbu:token" content="/token">`} {
		if !strings.Contains(string(page), meta) {
			t.Errorf("the page lacks %s", meta)
		}
	}
	const stream = "/api/events/evt-1/analytics/stream"
	waitFor(t, time.Minute, func() string {
		if status, _ := ask("/api/events/evt-1/analytics", token); status != http.StatusOK {
			return http.StatusText(status)
		}
		return ""
	})
	if status, _ := ask(stream, ""); status != http.StatusUnauthorized {
		t.Errorf("without the cookie: status %d", status)
	}
	status, open := ask(stream, token)
	if status != http.StatusOK {
		t.Fatalf("with the cookie: status %d", status)
	}
	if err := os.Remove(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	if err := tokens.CreateSecret(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := io.Copy(io.Discard, open); err != nil {
		t.Errorf("the stream's end: %v", err)
	}
	if took := time.Since(start); took > newsWithin {
		t.Errorf("the stream ended after %v", took)
	}
	if status, _ := ask(stream, token); status != http.StatusUnauthorized {
		t.Errorf("with the old token: status %d", status)
	}
}
