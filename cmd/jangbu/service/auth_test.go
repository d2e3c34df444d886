package service

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jangbu/cmd/jangbu/tokens"
	"jangbu/events"
	"jangbu/httpapi/auth"
)

func TestAuthConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good", strings.Repeat("x", 32)+"\n", 0o600)
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	secret := func(path string) authConfig {
		return authConfig{JWTSecretFile: []string{path}, JWTIssuer: "i", JWTAudience: "a"}
	}
	keys := func(url string) authConfig { return authConfig{JWKSURL: url, JWTIssuer: "i", JWTAudience: "a"} }
	for name, test := range map[string]struct {
		config authConfig
		want   []string // a part of each problem, in order
	}{
		"a secret":          {secret(good), nil},
		"a longest secret":  {secret(file("longest", strings.Repeat("x", 4096), 0o400)), nil},
		"keys":              {keys("https://issuer.example/keys?p=1"), nil},
		"keys on loopback":  {keys("http://127.0.0.1:1/keys"), nil},
		"no auth":           {authConfig{InsecureNoAuth: true}, nil},
		"nothing":           {authConfig{}, []string{"jwt-secret-file: nothing says who may read"}},
		"secret and keys":   {authConfig{JWTSecretFile: []string{good}, JWKSURL: "https://x/", JWTIssuer: "i", JWTAudience: "a"}, []string{"jwt-secret-file: give only one of"}},
		"secret and none":   {authConfig{JWTSecretFile: []string{good}, InsecureNoAuth: true, JWTIssuer: "i", JWTAudience: "a"}, []string{"jwt-secret-file: give only one of"}},
		"keys and none":     {authConfig{JWKSURL: "https://x/", InsecureNoAuth: true, JWTIssuer: "i", JWTAudience: "a"}, []string{"jwt-secret-file: give only one of"}},
		"two secrets":       {authConfig{JWTSecretFile: []string{good, "new=" + good}, JWTIssuer: "i", JWTAudience: "a"}, nil},
		"two of a name":     {authConfig{JWTSecretFile: []string{"new=" + good, "new=" + good}, JWTIssuer: "i", JWTAudience: "a"}, []string{"two secrets have the key id new"}},
		"a path with =":     {secret(file("a=b", strings.Repeat("x", 32), 0o600)), nil},
		"a life of years":   {authConfig{JWTSecretFile: []string{good}, JWTIssuer: "i", JWTAudience: "a", TokenMaxLife: 200 * 365 * 24 * time.Hour}, []string{"token-max-life: expected at most"}},
		"no names":          {authConfig{JWTSecretFile: []string{good}}, []string{"jwt-issuer: required", "jwt-audience: required"}},
		"no file":           {secret(filepath.Join(dir, "none")), []string{"jwt-secret-file: read secret: "}},
		"for its group":     {secret(file("group", strings.Repeat("x", 32), 0o640)), []string{"chmod 600 " + filepath.Join(dir, "group")}},
		"for all":           {secret(file("all", strings.Repeat("x", 32), 0o604)), []string{"has mode 0604"}},
		"short":             {secret(file("short", " "+strings.Repeat("x", 31)+"\r\n", 0o600)), []string{"holds 31 bytes; expected at least 32"}},
		"empty":             {secret(file("empty", "", 0o600)), []string{"holds 0 bytes"}},
		"long":              {secret(file("long", strings.Repeat("x", 4097), 0o600)), []string{"longer than 4096 bytes"}},
		"a directory":       {secret(dir), []string{"is not a regular file"}},
		"a pipe":            {secret(pipe), []string{"is not a regular file"}},
		"keys over http":    {keys("http://issuer.example/keys"), []string{"jwks-url: expected https://"}},
		"keys by password":  {keys("https://me:5ecret@issuer.example/keys"), []string{"jwks-url: expected https://HOST/PATH, without user"}},
		"a cookie":          {authConfig{JWTSecretFile: []string{good}, JWTIssuer: "i", JWTAudience: "a", TokenCookie: "__Host-jangbu"}, nil},
		"no cookie's name":  {authConfig{JWTSecretFile: []string{good}, JWTIssuer: "i", JWTAudience: "a", TokenCookie: "a;b"}, []string{`token-cookie: "a;b" is no name`}},
		"all wrong at once": {authConfig{JWTSecretFile: []string{dir}, JWKSURL: "ftp://x"}, []string{"only one", "not a regular file", "jwks-url: ", "jwt-issuer: ", "jwt-audience: "}},
	} {
		var got []string
		test.config.validate(func(flag, format string, args ...any) {
			got = append(got, flag+": "+fmt.Sprintf(format, args...))
		})
		ok := len(got) == len(test.want)
		for i := range min(len(got), len(test.want)) {
			ok = ok && strings.Contains(got[i], test.want[i])
		}
		if !ok || strings.Contains(strings.Join(got, ""), "5ecret") {
			t.Errorf("%s: %q; expected %q", name, got, test.want)
		}
	}
}

func TestAuthStart(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	if a, err := (authConfig{InsecureNoAuth: true}).start(t.Context(), logger); a != nil || err != nil {
		t.Errorf("no auth: %v, %v", a, err)
	}
	path := filepath.Join(t.TempDir(), "secret")
	c := authConfig{JWTSecretFile: []string{path}, JWTIssuer: "jangbu", JWTAudience: "jangbu"}
	if _, err := c.start(t.Context(), logger); err == nil {
		t.Error("it starts without its secret")
	}
	if err := tokens.CreateSecret(path); err != nil {
		t.Fatal(err)
	}
	a, err := c.start(t.Context(), logger)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	secrets, err := tokens.ReadSecrets(c.JWTSecretFile)
	if err != nil {
		t.Fatal(err)
	}
	token, err := auth.Identity{Subject: "dev", Role: auth.Owner, Shops: []events.Shop{"가게 1", "a,b"}}.Sign(secrets[0], "jangbu", "jangbu", time.Now(), time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	who, err := a.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(who.Expires); left < 30*time.Second || left > 2*time.Minute {
		t.Errorf("it expires in %v", left)
	}
	who.Expires = time.Time{}
	if diff := cmp.Diff(auth.Identity{Subject: "dev", Role: auth.Owner, Shops: []events.Shop{"가게 1", "a,b"}}, who); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := (authConfig{JWKSURL: "http://127.0.0.1:1/", JWTIssuer: "i", JWTAudience: "a"}).start(t.Context(), logger); err == nil {
		t.Error("it starts without its keys")
	}
}
