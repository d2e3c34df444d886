package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"jangbu/cmd/jangbu/stores"
	"jangbu/httpapi"
	"jangbu/httpapi/auth"
)

// authConfig is the flags that say who may read.
type authConfig struct {
	JWTSecretFile  string   `env:"JANGBU_JWT_SECRET_FILE" placeholder:"FILE" help:"Secret that verifies tokens (HS256): at least 32 bytes, readable by its owner only."`
	JWKSURL        string   `name:"jwks-url" env:"JANGBU_JWKS_URL" placeholder:"URL" help:"Where the keys are that verify tokens (RS256, ES256, EdDSA): https://…, or http:// on this machine."`
	JWTIssuer      string   `env:"JANGBU_JWT_ISSUER" placeholder:"NAME" help:"Issuer that a token must name: its iss, compared exactly. Required with either."`
	JWTAudience    string   `env:"JANGBU_JWT_AUDIENCE" placeholder:"NAME" help:"Audience that a token must name: one of its aud, compared exactly. Required with either."`
	TokenCookie    string   `env:"JANGBU_TOKEN_COOKIE" placeholder:"NAME" help:"Cookie that may hold the token where a request has no Authorization header."`
	CORSOrigins    []string `name:"cors-origins" env:"JANGBU_CORS_ORIGINS" placeholder:"ORIGIN,…" help:"Origins of other sites whose pages may read the API, as in https://shop.example.com, and use the cookie."`
	InsecureNoAuth bool     `help:"Ask for no tokens: every client that reaches the read API can read everything."`
}

// validate reports each flag that is wrong. One way to identify callers must be chosen, so
// that no API is open because nothing was said.
func (c authConfig) validate(wrong func(flag, format string, args ...any)) {
	ways := 0
	for _, chosen := range []bool{c.JWTSecretFile != "", c.JWKSURL != "", c.InsecureNoAuth} {
		if chosen {
			ways++
		}
	}
	const all = "--jwt-secret-file, --jwks-url or --insecure-no-auth"
	switch {
	case ways == 0:
		wrong("jwt-secret-file", "nothing says who may read; give one of "+all)
	case ways > 1:
		wrong("jwt-secret-file", "give only one of "+all)
	}
	if c.JWTSecretFile != "" {
		if _, err := ReadSecret(c.JWTSecretFile); err != nil {
			wrong("jwt-secret-file", "%v", err)
		}
	}
	if c.JWKSURL != "" {
		if _, err := auth.ParseJWKSURL(c.JWKSURL); err != nil {
			wrong("jwks-url", "%v", err)
		}
	}
	if c.TokenCookie != "" && (&http.Cookie{Name: c.TokenCookie, Value: "x"}).Valid() != nil {
		wrong("token-cookie", "%q is no name of a cookie: expected letters, digits, - and _", c.TokenCookie)
	}
	for _, origin := range c.CORSOrigins {
		if _, err := httpapi.ParseOrigin(origin); err != nil {
			wrong("cors-origins", "%q: %v", origin, err)
		}
	}
	if c.JWTSecretFile == "" && c.JWKSURL == "" {
		return
	}
	if c.JWTIssuer == "" {
		wrong("jwt-issuer", "required where tokens are verified")
	}
	if c.JWTAudience == "" {
		wrong("jwt-audience", "required where tokens are verified")
	}
}

// start returns what identifies callers; nil with --insecure-no-auth.
func (c authConfig) start(ctx context.Context, logger *slog.Logger) (*auth.Verifier, error) {
	if c.InsecureNoAuth {
		return nil, nil
	}
	cfg := auth.Config{JWKSURL: c.JWKSURL, Issuer: c.JWTIssuer, Audience: c.JWTAudience, Cookie: c.TokenCookie, Origins: c.CORSOrigins, Logger: logger}
	if c.JWTSecretFile != "" {
		var err error
		cfg.ReadSecret = func() ([]byte, error) { return ReadSecret(c.JWTSecretFile) }
		if cfg.Secret, err = cfg.ReadSecret(); err != nil {
			return nil, err
		}
	}
	return auth.New(ctx, cfg)
}

// doorConfig is the flags that say where the page gets a token for its viewer.
type doorConfig struct {
	LoginURL string `name:"login-url" env:"JANGBU_LOGIN_URL" placeholder:"URL" help:"Where the page sends a viewer to sign in: https://… or /PATH; return_to, the page's address, is added to its query."`
	TokenURL string `name:"token-url" env:"JANGBU_TOKEN_URL" placeholder:"URL" help:"Where the page quietly gets another token: it POSTs there with the browser's cookies and expects {\"token\": \"…\"}."`
}

// door returns the addresses, nil where there is none, and reports each flag that is wrong.
func (c doorConfig) door(wrong func(flag, format string, args ...any)) (login, token *url.URL) {
	address := func(flag, s string) *url.URL {
		if s == "" {
			return nil
		}
		u, err := httpapi.ParsePageURL(s)
		if err != nil {
			wrong(flag, "%v", err)
		}
		return u
	}
	return address("login-url", c.LoginURL), address("token-url", c.TokenURL)
}

// ReadSecret reads a secret that verifies tokens, from a file that only its owner may read.
func ReadSecret(path string) ([]byte, error) {
	secret, err := stores.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	if len(secret) < auth.MinSecretBytes {
		return nil, fmt.Errorf("read secret: %s holds %d bytes; expected at least %d: make one with: (umask 077 && head -c 32 /dev/urandom | base64 > FILE)",
			path, len(secret), auth.MinSecretBytes)
	}
	return secret, nil
}
