package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"jangbu/events/channels"
)

const secret = "k-5ecret"

func endpoint(t *testing.T, base string) Endpoint {
	t.Helper()
	e, err := NewEndpoint(base, NewSecret(secret), nil)
	if err != nil {
		t.Fatalf("%s: %v", base, err)
	}
	return e
}

func TestNewEndpoint(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://api.example.com":            true,
		"https://api.example.com/v1/":        true,
		"https://10.1.2.3:8443":              true,
		"http://127.0.0.1:8090":              true,
		"http://localhost:8090":              true,
		"http://[::1]:8090":                  true,
		"http://api.example.com":             false,
		"http://10.1.2.3":                    false,
		"ftp://127.0.0.1":                    false,
		"https://":                           false,
		"https:///path":                      false,
		"api.example.com":                    false,
		"":                                   false,
		"https://user:pass@api.example.com":  false,
		"https://api.example.com/?key=k":     false,
		"https://api.example.com/#fragment":  false,
		"https:opaque":                       false,
		"https://api.example.com:port":       false,
		"https://api.example.com/%zz":        false,
		"http://localhost.example.com:12345": false,
	} {
		_, err := NewEndpoint(base, NewSecret(secret), nil)
		if (err == nil) != ok {
			t.Errorf("%q: error is %v", base, err)
		}
		if err != nil && (strings.Contains(err.Error(), "pass") || !strings.Contains(err.Error(), "expected https://")) {
			t.Errorf("%q: error is %v", base, err)
		}
	}
	for key, ok := range map[string]bool{"k": true, "k\n": true, "": false, " ": false, "a b": false, "a\r\nX: y": false, "열쇠": false} {
		if _, err := NewEndpoint("https://api.example.com", NewSecret(key), nil); (err == nil) != ok {
			t.Errorf("key %q: error is %v", key, err)
		}
	}
}

func TestEndpointURL(t *testing.T) {
	t.Parallel()
	for campaign, want := range map[string]string{
		"evt-1":          "https://api.example.com/v1/stats/evt-1",
		"a/b":            "https://api.example.com/v1/stats/a%2Fb",
		"..":             "https://api.example.com/v1/stats/%2E%2E",
		".":              "https://api.example.com/v1/stats/%2E",
		"../../admin":    "https://api.example.com/v1/stats/..%2F..%2Fadmin",
		"?key=1#x":       "https://api.example.com/v1/stats/%3Fkey=1%23x",
		"개업 이벤트":         "https://api.example.com/v1/stats/%EA%B0%9C%EC%97%85%20%EC%9D%B4%EB%B2%A4%ED%8A%B8",
		"%2e%2e":         "https://api.example.com/v1/stats/%252e%252e",
		"\\\\evil.com\\": "https://api.example.com/v1/stats/%5C%5Cevil.com%5C",
	} {
		if got := endpoint(t, "https://api.example.com/v1/").url("stats", campaign); got != want {
			t.Errorf("%q: %s, want %s", campaign, got, want)
		}
	}
}

// TestDial: whatever an API's name leads to, it is not this machine, its own
// network's link or a cloud's metadata.
func TestDial(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	public, local := endpoint(t, "https://api.example.com"), endpoint(t, "https://localhost")
	for _, address := range []string{
		l.Addr().String(), "169.254.169.254:80", "[fe80::1]:80", "[fd00:ec2::254]:80", "100.100.100.200:80", "168.63.129.16:80",
		"0.0.0.0:80", "[::]:80", "224.0.0.1:80", "[::ffff:169.254.169.254]:80", "[::ffff:127.0.0.1]:80", "[::1]:80",
	} {
		conn, err := public.dial(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		if err := unreachable(err); !errors.Is(err, channels.ErrRefused) {
			t.Errorf("%s: error is %v", address, err)
		}
	}
	conn, err := local.dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatalf("an API on this machine: %v", err)
	}
	_ = conn.Close()
	if _, err := local.dial(t.Context(), "tcp", "169.254.169.254:80"); !errors.Is(unreachable(err), channels.ErrRefused) {
		t.Errorf("metadata from an API on this machine: %v", err)
	}
}

func TestSecretNeverShows(t *testing.T) {
	t.Parallel()
	s, e := NewSecret(secret), endpoint(t, "https://api.example.com")
	var out strings.Builder
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format, s)
		fmt.Fprintf(&out, format, &s)
		fmt.Fprintf(&out, format, e)
		fmt.Fprintf(&out, format, struct{ inner Endpoint }{e})
	}
	text, err := json.Marshal(map[string]any{"secret": s, "endpoint": e})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).LogAttrs(t.Context(), slog.LevelInfo, "m", slog.Any("secret", s), slog.Any("endpoint", e))
	}
	for _, shown := range []string{secret, fmt.Sprintf("%x", secret)} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("%s shows in %s", shown, out.String())
		}
	}
	if s.reveal() != secret || e.key.reveal() != secret || (Secret{}).reveal() != "" {
		t.Error("the secret is lost")
	}
}
