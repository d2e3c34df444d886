package service

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/httpapi/auth"
)

// TestAccessLog: the file says who was shown what, who was refused and why, and when a stream began
// and ended. It holds no token, and no text that clients choose.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	cfg := testConfig(t.TempDir())
	cfg.AccessLog = path
	cfg.authConfig = authConfig{JWTSecretFile: []string{filepath.Join(t.TempDir(), "secret")}, JWTIssuer: "i", JWTAudience: "a", TokenMaxLife: 24 * time.Hour}
	if err := tokens.CreateSecret(cfg.JWTSecretFile[0]); err != nil {
		t.Fatal(err)
	}
	secrets, err := tokens.ReadSecrets(cfg.JWTSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	good, err := auth.Identity{Subject: "kim", Role: auth.Ops}.Sign(secrets[0], "i", "a", time.Now(), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	late, err := auth.Identity{Subject: "lee", Role: auth.Ops}.Sign(secrets[0], "i", "a", time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	b := setup(t, cfg)
	b.produce(t, record(cfg.TopicEventCreated, "evt-1", `{"eventId":"evt-1","storeId":"store-1","title":"봄","objective":"x"}`))
	ask := func(path, token string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.httpAddr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	status := func(path, token string) int {
		res := ask(path, token)
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		return res.StatusCode
	}
	waitFor(t, 20*time.Second, func() string {
		if s := status("/api/events/evt-1/analytics", good); s != http.StatusOK {
			return fmt.Sprint(s)
		}
		return ""
	})
	status("/api/events/010-1234-5678/analytics?tz=010-1234-5678", good)
	status("/api/stores/store-1/events", late)
	stream := ask("/api/events/evt-1/analytics/stream", good)
	if _, err := bufio.NewReader(stream.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_ = stream.Body.Close()
	type line struct {
		Msg, Client, Method, Route, Subject, Role, Campaign, Shop, Reason string
		Status                                                            int
		Bytes                                                             int64
	}
	client := "127.0.0.1"
	want := []line{
		{Msg: "request", Client: client, Method: "GET", Route: "getAnalytics", Status: 200, Subject: "kim", Role: "ops", Campaign: "evt-1", Shop: "store-1"},
		{Msg: "request", Client: client, Method: "GET", Route: "getAnalytics", Status: 400, Subject: "kim", Role: "ops"},
		{Msg: "request", Client: client, Method: "GET", Route: "listEvents", Status: 401, Reason: "token is expired"},
		{Msg: "stream begun", Client: client, Method: "GET", Route: "streamAnalytics", Status: 200, Subject: "kim", Role: "ops", Campaign: "evt-1", Shop: "store-1"},
		{Msg: "stream ended", Client: client, Method: "GET", Route: "streamAnalytics", Status: 200, Subject: "kim", Role: "ops", Campaign: "evt-1", Shop: "store-1", Reason: "the client left"},
	}
	var text []byte
	waitFor(t, 20*time.Second, func() string {
		if text, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		var got []line
		for lines := json.NewDecoder(bytes.NewReader(text)); lines.More(); {
			var one line
			if err := lines.Decode(&one); err != nil {
				return err.Error() // not written to its end
			}
			one.Bytes = 0
			got = append(got, one)
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				return fmt.Sprintf("no line %+v in %s", w, text)
			}
		}
		return ""
	})
	for _, part := range append(strings.Split(good, "."), append(strings.Split(late, "."), "lee", "010-1234", "tz")...) {
		if strings.Contains(string(text), part) {
			t.Errorf("the log holds %q", part)
		}
	}
}
