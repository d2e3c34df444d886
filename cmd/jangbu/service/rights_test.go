package service

import (
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/events"
	"jangbu/httpapi/auth"
)

// rightsEnd is how soon streams end whose right was withdrawn, and requests are refused.
const rightsEnd = 15 * time.Second

// TestRightsAreWithdrawn: a right that is withdrawn with the log ends streams and is refused to
// requests, of the tokens that had it, within 15 s; others go on.
func TestRightsAreWithdrawn(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.authConfig = authConfig{JWTSecretFile: []string{filepath.Join(t.TempDir(), "secret")}, JWTIssuer: "i", JWTAudience: "a"}
	if err := tokens.CreateSecret(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	secrets, err := tokens.ReadSecrets(cfg.JWTSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(subject string, issued time.Time) string {
		who := auth.Identity{Subject: subject, Role: auth.Owner, Shops: []events.Shop{"store-1", "store-2"}}
		token, err := who.Sign(secrets[0], "i", "a", issued, issued.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	b := setup(t, cfg)
	b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"봄","objective":"x"}`))
	b.produce(t, record(cfg.TopicEventCreated, "evt-2", `{"eventId":"evt-2","storeId":"store-2","title":"봄","objective":"x"}`))
	ask := func(path, token string) (int, io.ReadCloser) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+"/api/events/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res.StatusCode, res.Body
	}
	status := func(path, token string) int {
		code, body := ask(path, token)
		_ = body.Close()
		return code
	}
	issued := time.Now().Add(-time.Minute)
	kim, lee, park := sign("kim", issued), sign("lee", issued), sign("park", issued)
	for _, path := range []string{"evt-1/analytics", "evt-2/analytics"} {
		waitFor(t, time.Minute, func() string {
			if code := status(path, kim); code != http.StatusOK {
				return http.StatusText(code)
			}
			return ""
		})
	}
	// What ends, and what goes on.
	ended := make(chan string, 4)
	open := func(path, token, name string) {
		code, body := ask(path+"/analytics/stream", token)
		if code != http.StatusOK {
			t.Fatalf("%s: status %d", name, code)
		}
		go func() {
			_, _ = io.Copy(io.Discard, body)
			ended <- name
		}()
	}
	open("evt-1", kim, "everything")
	open("evt-1", lee, "the shop")
	open("evt-2", lee, "another shop of the same")
	open("evt-1", park, "another subject")
	for _, w := range []events.WithdrawnRight{{Subject: "kim"}, {Subject: "lee", Shop: "store-1"}} {
		w.Who, w.Why = "me@here", "test"
		if _, err := b.Service.log.Rights().Withdraw(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(rightsEnd)
	for range 2 {
		select {
		case name := <-ended:
			if name != "everything" && name != "the shop" {
				t.Errorf("ended: %s", name)
			}
		case <-deadline:
			t.Fatal("a stream goes on after its right")
		}
	}
	for _, c := range []struct {
		path, token string
		want        int
	}{
		{"evt-1/analytics", kim, 401},
		{"evt-1/analytics", lee, 404},
		{"evt-2/analytics", lee, 200},
		{"evt-1/analytics", park, 200},
		{"evt-1/analytics", sign("kim", time.Now()), 401},
	} {
		if got := status(c.path, c.token); got != c.want {
			t.Errorf("%s: status %d, want %d", c.path, got, c.want)
		}
	}
	select {
	case name := <-ended:
		t.Errorf("ended, too: %s", name)
	default:
	}
}
